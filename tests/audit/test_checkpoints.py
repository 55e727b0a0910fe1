# SPDX-License-Identifier: Apache-2.0
"""Signed checkpoints, changed and lost keys, restored backups, proofs, and the verifier as one file. Never a mock."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.audit import forget, sequencer, trail, witness
from dlpmilter.audit.bundle import check_export, check_proof, parse_record, read_checkpoints
from dlpmilter.audit.checking import Result
from dlpmilter.audit.export import own_keys, proof_of, write_export
from dlpmilter.audit.notes import Key, parse_checkpoints, parse_key
from dlpmilter.audit.record import Bad
from dlpmilter.audit.sequencer import Signer
from dlpmilter.audit.single_file import single_file
from dlpmilter.audit.verify import verify
from dlpmilter.storage import checkpoint_rows
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring
from dlpmilter.storage.signing import new_signing_key, signing_keys
from tests.audit.trails import AT, KEYS, SIGNER, entry, fill, opened, parsed

OTHER = Keyring("n", {"n": b"n" * 32, "k": bytes(32)})
ROTATED = Signer(SIGNER.origin, signing_keys(OTHER, ""))
LOST = Signer(SIGNER.origin, signing_keys(Keyring("n", {"n": b"n" * 32}), ""))


async def ten(database: Database) -> str:
    """Ten entries and the checkpoint over them."""
    entries = [entry(number) for number in range(1, 11)]
    await database.write(lambda conn: sequencer.adopt_key(conn, SIGNER, AT))
    (note,) = await database.write(lambda conn: fill(conn, entries, [11]))
    return note


async def verified(database: Database, **more: object) -> Result:
    """What the check says."""
    return await database.read(lambda conn: verify(conn, own_keys=own_keys(conn), **more))  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_a_checkpoint_is_a_note_that_others_can_read(tmp_path: Path) -> None:
    """Origin, size, root, time and an Ed25519 signature over exactly these lines (C2SP signed-note)."""
    async with opened(tmp_path / "a.db") as database:
        note = await ten(database)
    text, _, signatures = note.rpartition("\n\n")
    lines = text.split("\n")
    assert lines[:2] == ["hop.company.example/dlpmilter", "11"]
    (one,) = parse_checkpoints(note)
    assert (one.size, one.note) == (11, note)
    name, key_id, signature = one.signatures[0]
    assert signatures == f"\u2014 {name} {__import__('base64').b64encode(key_id + signature).decode()}\n"
    Ed25519PublicKey.from_public_bytes(SIGNER.key.public).verify(signature, f"{text}\n".encode())
    assert parse_key(SIGNER.key.text) == SIGNER.key


@pytest.mark.asyncio
async def test_nothing_new_is_not_signed_again(tmp_path: Path) -> None:
    """An idle trail has one checkpoint, however often the office looks; old ones are thinned to one a day."""
    async with opened(tmp_path / "a.db") as database:
        await ten(database)
        assert await database.write(lambda conn: sequencer.sign(conn, SIGNER, AT)) is None
        for number in range(20):
            at = AT + timedelta(hours=3 * number)
            await database.write(lambda conn, number=number: trail.append(conn, entry(number)))  # type: ignore[misc]
            await database.write(lambda conn, at=at: sequencer.sign(conn, SIGNER, at))  # type: ignore[misc]
        before = await database.read(checkpoint_rows.notes)
        gone = await database.write(lambda conn: sequencer.thin(conn, AT + timedelta(hours=60)))
        left = parsed(await database.read(checkpoint_rows.notes))
        assert len(left) == len(before) - gone
        days = [one.time[:10] for one in left if one.time < (AT + timedelta(hours=36)).isoformat()]
        assert len(days) == len(set(days)) == 1
        assert (await verified(database)).signed_until == 31


@pytest.mark.asyncio
async def test_a_changed_key_is_signed_by_both(tmp_path: Path) -> None:
    """Who was handed the old key, or only the new one, can check everything; a stranger's key checks nothing."""
    async with opened(tmp_path / "a.db", OTHER) as database:
        await ten(database)
        assert await database.write(lambda conn: sequencer.adopt_key(conn, ROTATED, AT))
        assert not await database.write(lambda conn: sequencer.adopt_key(conn, ROTATED, AT))
        await database.write(lambda conn: fill(conn, [entry(11)], [13], ROTATED))
        for key in (SIGNER.key, ROTATED.key):
            result = await verified(database, keys=[key])
            assert result.ok, result
            assert (result.signed_until, result.checkpoints, result.keys_from) == (13, 2, "given")
            assert set(result.keys) == {SIGNER.key.text, ROTATED.key.text}
        stranger = await verified(database, keys=[Key(SIGNER.origin, bytes(32))])
        assert (stranger.ok, stranger.kind, stranger.seq) == (False, "checkpoint-forged", 11)


@pytest.mark.asyncio
async def test_a_lost_key_is_said_and_not_hidden(tmp_path: Path) -> None:
    """Without the old key the change is not vouched for: the old key proves the past, the new one must be handed over."""
    async with opened(tmp_path / "a.db", OTHER) as database:
        await ten(database)
        await database.write(lambda conn: sequencer.adopt_key(conn, LOST, AT))
        await database.write(lambda conn: fill(conn, [entry(11)], [13], LOST))
        old = await verified(database, keys=[SIGNER.key])
        assert (old.ok, old.kind, old.seq) == (False, "checkpoint-forged", 13)
        both = await verified(database, keys=[SIGNER.key, LOST.key])
        assert both.ok
        assert "replaced without the signature of the one before" in " ".join(both.remarks)


@pytest.mark.asyncio
async def test_a_stolen_key_cannot_touch_what_was_kept_elsewhere(tmp_path: Path) -> None:
    """The drill: the thief rewrites entry 3 and signs; the key is changed; the note kept before names the rewriting."""
    async with opened(tmp_path / "honest.db") as database:
        kept = await ten(database)
    async with opened(tmp_path / "thief.db", OTHER) as database:
        entries = [entry(number, kind="fresh") if number == 3 else entry(number) for number in range(1, 11)]
        await database.write(lambda conn: sequencer.adopt_key(conn, SIGNER, AT))
        await database.write(lambda conn: fill(conn, entries, [11]))
        await database.write(lambda conn: sequencer.adopt_key(conn, ROTATED, AT))
        await database.write(lambda conn: fill(conn, [entry(11)], [13], ROTATED))
        assert (await verified(database, keys=[ROTATED.key])).ok
        result = await verified(database, keys=[ROTATED.key], outside=parse_checkpoints(kept))
        assert (result.ok, result.kind) == (False, "rewritten")


@pytest.mark.asyncio
async def test_a_restored_backup_is_noticed_and_can_be_accepted(tmp_path: Path) -> None:
    """Shorter than a checkpoint outside, or with another history: said before anything starts; accepting is signed."""
    folder = witness.local_folder(tmp_path / "a.db")
    async with opened(tmp_path / "a.db") as database:
        witness.keep(folder, await ten(database), AT)
    shutil.copyfile(tmp_path / "a.db", tmp_path / "backup.db")
    async with opened(tmp_path / "a.db") as database:
        (note,) = await database.write(lambda conn: fill(conn, [entry(11), entry(12)], [13]))
        witness.keep(folder, note, AT)
        newest = witness.newest(folder, SIGNER.origin)
        assert newest is not None
        assert await database.read(lambda conn: sequencer.rolled_back(conn, newest)) is None
    async with opened(tmp_path / "backup.db") as database:
        why = await database.read(lambda conn: sequencer.rolled_back(conn, newest))
        assert why is not None
        assert "it has 11 entries, and 13 were signed" in why
        made = await database.write(
            lambda conn: sequencer.accept_rollback(conn, SIGNER, newest, {"actor-user": "root"}, AT)
        )
        witness.keep(folder, made, AT)
        again = witness.newest(folder, SIGNER.origin)
        assert await database.read(lambda conn: sequencer.rolled_back(conn, again)) is None
        await database.write(lambda conn: fill(conn, [entry(13), entry(14)], [14]))
        result = await verified(database, outside=[newest])
        assert (result.ok, result.kind) == (False, "rolled-back")
        assert "entries 12 to 13 of an earlier trail were lost in a restored backup" in " ".join(result.remarks)
        assert (await verified(database)).ok


@pytest.mark.asyncio
async def test_an_export_is_checked_without_the_product(tmp_path: Path) -> None:
    """The single file, alone in a folder, isolated: fine with key and kept note, with erasures; a forged one is not."""
    async with opened(tmp_path / "a.db") as database:
        note = await ten(database)
        await database.write(
            lambda conn: forget.forget_scopes(conn, ["CASE-3"], policy_version="p", why="retention case", at=AT)
        )
        await database.read(lambda conn: write_export(conn, tmp_path / "export.zip", own_keys(conn)))
        await database.read(lambda conn: write_export(conn, tmp_path / "all.zip", own_keys(conn), personal=True))
        proof = await database.read(lambda conn: proof_of(conn, 5, None, own_keys(conn)))
    alone = tmp_path / "alone"
    alone.mkdir()
    source = single_file()
    assert "dlpmilter." not in source.replace("dlpmilter.toml", "").partition('"""')[2].partition('"""')[2]
    (alone / "verify_trail.py").write_text(source, encoding="utf-8")
    (alone / "kept.txt").write_text(f"noise\n\n{note}\nmore noise", encoding="utf-8")
    (alone / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
    outside = ["--key", SIGNER.key.text, "--checkpoint", "kept.txt", "--json"]
    for name, withheld in (("export.zip", 29), ("all.zip", 0)):
        shutil.move(tmp_path / name, alone / name)
        code, out = await asyncio.to_thread(run_alone, alone, name, *outside)
        result = json.loads(out)
        assert (code, result["ok"], result["entries"], result["proven_until"], result["tail"]) == (0, True, 12, 11, 1)
        assert (result["erased"], result["withheld"]) == (3, withheld)
    code, out = await asyncio.to_thread(run_alone, alone, "--proof", "proof.json", "--key", SIGNER.key.text)
    assert code == 0
    assert "entry 5 (decided, 2026-11-23) is among the first 11" in out
    assert "gmx" not in out
    data = bytearray((alone / "export.zip").read_bytes())
    (alone / "cut.zip").write_bytes(data[: len(data) // 2])
    code, out = await asyncio.to_thread(run_alone, alone, "cut.zip")
    assert (code, "is not an export of the trail" in out) == (2, True)


def run_alone(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the file with nothing of this checkout in reach."""
    command = [sys.executable, "-I", "verify_trail.py", *arguments]
    done = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.asyncio
async def test_a_proof_shows_one_field_and_nothing_else(tmp_path: Path) -> None:
    """The recipient of entry 5 and no other field; a changed field, path or entry is refused; the tail has no proof."""
    async with opened(tmp_path / "a.db") as database:
        await ten(database)
        await database.write(lambda conn: trail.append(conn, entry(11)))
        wanted = frozenset({"recipient.0.address"})
        proof = await database.read(lambda conn: proof_of(conn, 5, wanted, own_keys(conn)))
        with pytest.raises(ValueError, match="no checkpoint covers entry 12 yet"):
            await database.read(lambda conn: proof_of(conn, 12, None, []))
        with pytest.raises(ValueError, match="there is no entry 99"):
            await database.read(lambda conn: proof_of(conn, 99, None, []))
        with pytest.raises(ValueError, match="no field subject"):
            await database.read(lambda conn: proof_of(conn, 5, frozenset({"subject"}), []))
    found = check_proof(proof, [SIGNER.key])
    assert found["fields"] == {"recipient.0.address": "x4@gmx.example"}
    assert "company.example" not in json.dumps(proof["entry"])
    for change in (
        lambda p: p["entry"]["fields"][0].__setitem__(4, '"y@gmx.example"'),
        lambda p: p["path"].pop(),
        lambda p: p["path"].reverse(),
        lambda p: p["entry"].__setitem__("action", "relay"),
        lambda p: p["entry"].__setitem__("seq", 6),
        lambda p: p.__setitem__("checkpoint", p["checkpoint"].replace("\n11\n", "\n10\n")),
    ):
        forged = json.loads(json.dumps(proof))
        change(forged)
        with pytest.raises(Bad):
            check_proof(forged, [SIGNER.key])
    with pytest.raises(Bad, match="not signed by a key"):
        check_proof(proof, [ROTATED.key])


def test_checkpoints_are_found_in_mails_logs_and_folders(tmp_path: Path) -> None:
    """A folder of notes, a JSON line and a quoted-printable mail give the same checkpoint."""
    from dlpmilter.notices.checkpoint import compose_checkpoint
    from dlpmilter.notices.facts import Letterhead

    note = SIGNER.note(11, bytes(32), AT)
    witness.keep(tmp_path / "notes", note, AT)
    witness.keep(tmp_path / "notes", note, AT + timedelta(days=1))
    letterhead = Letterhead("dlp@company.example", "hop.company.example", b"k" * 32)
    mail = compose_checkpoint(note, "dpo@company.example", ["de", "en"], letterhead=letterhead, now=AT)
    (tmp_path / "kept.eml").write_bytes(mail)
    (tmp_path / "log.jsonl").write_text(json.dumps({"event": "checkpoint", "note": note}) + "\n", encoding="utf-8")
    (wanted,) = parse_checkpoints(note)
    assert read_checkpoints(tmp_path / "kept.eml") == [wanted]
    assert read_checkpoints(tmp_path / "log.jsonl") == [wanted]
    assert set(read_checkpoints(tmp_path / "notes")) == {wanted}
    (tmp_path / "empty.txt").write_text("nothing here", encoding="utf-8")
    with pytest.raises(ValueError, match=r"empty\.txt holds no checkpoint"):
        read_checkpoints(tmp_path / "empty.txt")


def test_two_trails_share_a_folder_and_take_no_notice_of_each_other(tmp_path: Path) -> None:
    """Each finds its own newest note, also where the folder forbids replacing the short one."""
    other = Signer("other.company.example/dlpmilter", SIGNER.keys)
    witness.keep(tmp_path, SIGNER.note(11, bytes(32), AT), AT)
    witness.keep(tmp_path, other.note(500, bytes(32), AT), AT)
    for again in range(2):
        mine, theirs = (witness.newest(tmp_path, each.origin) for each in (SIGNER, other))
        assert mine is not None
        assert theirs is not None
        assert (mine.size, theirs.size) == (11, 500), again
        for each in tmp_path.glob("newest-*"):
            each.unlink()
    assert witness.newest(tmp_path, "third/dlpmilter") is None


def test_a_signing_key_of_its_own_and_the_one_before(tmp_path: Path) -> None:
    """The new file holds the new key first and the old one behind it, is closed to others, and is never overwritten."""
    new_signing_key(tmp_path / "one.pem")
    first = signing_keys(KEYS, str(tmp_path / "one.pem"))
    new_signing_key(tmp_path / "two.pem", (tmp_path / "one.pem").read_text())
    second = signing_keys(KEYS, str(tmp_path / "two.pem"))
    assert [each.public for each in second[1:]] == [first[0].public]
    assert (tmp_path / "two.pem").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        new_signing_key(tmp_path / "one.pem")


@given(st.binary(max_size=400))
def test_rubbish_is_never_an_entry_a_key_or_a_crash(data: bytes) -> None:
    """Whatever stands in a file: a ValueError, or nothing found."""
    text = data.decode("utf-8", "replace")
    parse_checkpoints(text)
    for parse in (parse_key, parse_record):
        with pytest.raises(ValueError, match=r"."):
            parse(text)


@given(st.text(alphabet="\u2014 \n1aZ+/=hop.d", max_size=300))
def test_almost_notes_do_not_take_long(text: str) -> None:
    """Texts of the letters a note is made of, in any order."""
    parse_checkpoints(f"a\n1\n{'A' * 43}=\n{text}\n\u2014 a {text}")


def test_an_export_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    """A text file and a zip of something else."""
    (tmp_path / "a.zip").write_text("hello", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.zip is not an export of the trail"):
        check_export(tmp_path / "a.zip", [], [])
