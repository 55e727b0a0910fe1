# SPDX-License-Identifier: Apache-2.0
"""A thousand random tamperings of database and export, half of them by somebody with every key. Never passes silently."""

from __future__ import annotations

import base64
import json
import random
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from dlpmilter.audit.bundle import check_export
from dlpmilter.audit.checking import Result
from dlpmilter.audit.export import own_keys, write_export
from dlpmilter.audit.notes import Checkpoint
from dlpmilter.audit.trail import Entry
from dlpmilter.audit.verify import verify
from tests.audit.trails import SIGNER, entry, fill, opened, parsed

SIZE, SIGNED, KEPT = 120, (20, 40, 60, 80, 100, 120), (40, 80)
LAST_KEPT = KEPT[-1]
KINDS = {"deleted", "edited", "inserted", "reordered", "truncated", "rewritten", "rolled-back", "checkpoint-forged"}
Row = dict[str, Any]


def entries() -> list[Entry]:
    """The honest history."""
    return [entry(number) for number in range(1, SIZE + 1)]


async def honest(path: Path) -> list[Checkpoint]:
    """Write it to `path`; the checkpoints that were kept elsewhere."""
    async with opened(path) as database:
        notes = await database.write(lambda conn: fill(conn, entries(), SIGNED))
    return [one for one in parsed(notes) if one.size in KEPT]


async def looked_at(path: Path, kept: list[Checkpoint]) -> Result:
    """What the check says of a database."""
    async with opened(path) as database:
        return await database.read(lambda conn: verify(conn, keys=[SIGNER.key], outside=kept))


def judged(result: Result, first: int, what: str) -> str:
    """Found at its place, or said to be in the tail; anything else fails the test."""
    if result.ok:
        assert first > result.proven_until, f"{what} of entry {first} passed"
        assert result.tail == result.entries - LAST_KEPT
        return "tail"
    assert result.kind in KINDS, result
    assert result.seq is not None
    assert result.seq <= first, f"{what} of entry {first} was placed at {result.seq}: {result.problem}"
    assert result.problem
    return "found"


# ---- somebody who may write the file, and nothing else -----------------------------------------------

RAW: dict[str, str] = {
    "edit a fact": "UPDATE trail_values SET value = '\"reply\"' WHERE seq = {n} AND name = 'kind'",
    "edit a sealed field": "UPDATE trail_values SET salt = zeroblob(140) WHERE seq = {n} AND name = 'sender'",
    "move a sealed field": "UPDATE trail_values SET salt = (SELECT salt FROM trail_values WHERE seq = {m} AND name = "
    "'sender'), value = (SELECT value FROM trail_values WHERE seq = {m} AND name = 'sender') WHERE seq = {n} AND name = "
    "'sender'",
    "delete a field": "DELETE FROM trail_values WHERE seq = {n} AND name = 'kind'",
    "destroy a key": "DELETE FROM vault_keys WHERE scope = 'CASE-{n}'",
    "edit the action": "UPDATE trail SET action = 'relay' WHERE seq = {n}",
    "edit the day": "UPDATE trail SET day = '2026-01-01' WHERE seq = {n}",
    "edit the leaves": "UPDATE trail SET leaves = zeroblob(160) WHERE seq = {n}",
    "edit the chain": "UPDATE trail SET chain = zeroblob(32) WHERE seq = {n}",
    "delete an entry": "DELETE FROM trail WHERE seq = {n}",
    "put one in": "INSERT INTO trail SELECT {n} + 1000, day, event, action, policy_version, leaves, fields_root, chain "
    "FROM trail WHERE seq = {n}",
}


@pytest.mark.asyncio
async def test_who_only_writes_the_file_is_found_every_time(tmp_path: Path) -> None:
    """275 edits, deletions and moves of rows, anywhere, also in the tail: each is found at its entry."""
    draw = random.Random(6962)
    kept = await honest(tmp_path / "honest.db")
    path = tmp_path / "a.db"
    for turn in range(25):
        for what, statement in RAW.items():
            number, other = draw.sample(range(1, SIZE + 1), 2)
            shutil.copyfile(tmp_path / "honest.db", path)
            await _run(path, statement.format(n=number, m=other))
            result = await looked_at(path, kept)
            wanted = SIZE + 1 if what == "put one in" else number
            assert not result.ok, (turn, what, number)
            assert judged(result, wanted, what) == "found"
            assert result.seq == wanted, (what, number, result)
            for each in tmp_path.glob("a.db*"):
                each.unlink()


async def _run(path: Path, statement: str) -> None:
    def act(conn: Connection) -> None:
        conn.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        if statement.startswith("DELETE FROM trail "):
            conn.exec_driver_sql(statement.replace("trail ", "trail_values "))
        conn.exec_driver_sql(statement)

    async with opened(path) as database:
        await database.write(act)


# ---- somebody who also has the signing key and writes history anew -----------------------------------


def rewritten(draw: random.Random) -> tuple[str, int, list[Entry]]:
    """Another history: what was done to it, and the first entry that differs."""
    story = entries()
    at = draw.randrange(SIZE)
    what = draw.choice(["edit", "delete", "insert", "reorder", "truncate", "start anew"])
    if what == "edit":
        story[at] = replace(story[at], fields={**story[at].fields, "kind": "reply"})
    elif what == "delete":
        del story[at]
    elif what == "insert":
        story.insert(at, entry(999))
    elif what == "reorder":
        other = draw.choice([each for each in range(SIZE) if each != at])
        story[at], story[other] = story[other], story[at]
        at = min(at, other)
    elif what == "truncate":
        story = story[:at]
    else:
        at = 0
    return what, at + 1, story


@pytest.mark.asyncio
async def test_who_rewrites_history_with_the_key_is_found_before_the_last_checkpoint_kept_elsewhere(
    tmp_path: Path,
) -> None:
    """225 rewritten databases, signed anew with the current key: found, or said to be in the unprotected tail."""
    draw = random.Random(8017)
    kept = await honest(tmp_path / "honest.db")
    seen = set()
    for number in range(225):
        what, first, story = rewritten(draw)
        path = tmp_path / f"r{number}.db"
        async with opened(path) as database:
            await database.write(lambda conn, story=story: fill(conn, story, SIGNED))  # type: ignore[misc]
            result = await database.read(lambda conn: verify(conn, keys=[SIGNER.key], outside=kept))
        # salts are drawn anew, so every entry from the first rewritten one on differs, and those before it too
        seen.add(judged(result, first, what))
        path.unlink()
    assert seen == {"found"}


@pytest.mark.asyncio
async def test_who_keeps_the_beginning_and_rewrites_from_there(tmp_path: Path) -> None:
    """250 rewritings that leave everything before them octet for octet: found up to the kept checkpoint, else tail."""
    draw = random.Random(3161)
    kept = await honest(tmp_path / "honest.db")
    found = tail = 0
    for number in range(250):
        what, first, story = rewritten(draw)
        path = tmp_path / f"r{number}.db"
        shutil.copyfile(tmp_path / "honest.db", path)
        async with opened(path) as database:
            await database.write(lambda conn, at=first, story=story: _go_on_from(conn, at, story))  # type: ignore[misc]
            result = await database.read(lambda conn: verify(conn, keys=[SIGNER.key], outside=kept))
        verdict = judged(result, first, what)
        if first <= LAST_KEPT:
            assert verdict == "found", (what, first, result)
        found += verdict == "found"
        tail += verdict == "tail"
        for each in tmp_path.glob(f"r{number}.db*"):
            each.unlink()
    assert found > 120
    assert tail > 40


def _go_on_from(conn: Connection, first: int, story: list[Entry]) -> None:
    """Everything from that entry on is thrown away and written again, head, tree and signatures included."""
    for table, column in (
        ("trail_values", "seq"),
        ("trail_subjects", "seq"),
        ("trail", "seq"),
        ("checkpoints", "size"),
    ):
        conn.execute(text(f"DELETE FROM {table} WHERE {column} >= {first}"))
    chain = conn.execute(text(f"SELECT chain FROM trail WHERE seq = {first - 1}")).scalar()
    conn.execute(text("DELETE FROM meta WHERE name = 'trail-head'"))
    if chain is not None:
        head = {"v": f"{first - 1} {chain.hex()}"}
        conn.execute(text("INSERT INTO meta (name, value) VALUES ('trail-head', :v)"), head)
    fill(conn, story[first - 1 :], SIGNED)


# ---- the export ----------------------------------------------------------------------------------------


def _edit(draw: random.Random, rows: list[Row]) -> int:
    at = draw.randrange(len(rows))
    field = draw.choice(rows[at]["fields"])
    field[4] = '"another"'
    return at + 1


def _delete(draw: random.Random, rows: list[Row]) -> int:
    at = draw.randrange(len(rows) - 1)
    del rows[at]
    return at + 1


def _swap(draw: random.Random, rows: list[Row]) -> int:
    at, other = sorted(draw.sample(range(len(rows)), 2))
    rows[at], rows[other] = rows[other], rows[at]
    return at + 1


def _swap_contents(draw: random.Random, rows: list[Row]) -> int:
    at, other = sorted(draw.sample(range(len(rows)), 2))
    rows[at], rows[other] = {**rows[other], "seq": rows[at]["seq"]}, {**rows[at], "seq": rows[other]["seq"]}
    return at + 1


def _insert(draw: random.Random, rows: list[Row]) -> int:
    at = draw.randrange(len(rows))
    rows.insert(at, {**rows[at], "event": "relayed"})
    for place in range(at + 1, len(rows)):
        rows[place]["seq"] += 1
    return at + 1


def _hide(draw: random.Random, rows: list[Row]) -> int:
    at = draw.randrange(len(rows))
    del rows[at]["fields"][0]
    return at + 1


def _truncate(draw: random.Random, rows: list[Row]) -> int:
    at = draw.randrange(1, len(rows))
    del rows[at:]
    return at + 1


def _leaf(draw: random.Random, rows: list[Row]) -> int:
    at = draw.randrange(len(rows))
    leaves = bytearray(base64.b64decode(rows[at]["leaves"]))
    leaves[draw.randrange(len(leaves))] ^= 1
    rows[at]["leaves"] = base64.b64encode(leaves).decode()
    return at + 1


def _event(draw: random.Random, rows: list[Row]) -> int:
    at = draw.randrange(len(rows))
    rows[at]["action"] = "relay"
    return at + 1


def _rubbish(draw: random.Random, rows: list[Row]) -> int:
    at = draw.randrange(len(rows))
    rows[at] = draw.choice([{}, {"seq": "x"}, {**rows[at], "fields": 7}, {**rows[at], "chain": "zz"}])
    return at + 1


FORGERIES: tuple[Callable[[random.Random, list[Row]], int], ...] = (
    _edit, _delete, _swap, _swap_contents, _insert, _hide, _truncate, _leaf, _event, _rubbish,
)  # fmt: skip


@pytest.mark.asyncio
async def test_a_forged_export_is_found_every_time(tmp_path: Path) -> None:
    """250 forged exports: each is found, at or before its first changed entry."""
    draw = random.Random(2026)
    kept = await honest(tmp_path / "honest.db")
    async with opened(tmp_path / "honest.db") as database:
        await database.read(lambda conn: write_export(conn, tmp_path / "a.zip", own_keys(conn) or [SIGNER.key]))
    assert check_export(tmp_path / "a.zip", [SIGNER.key], kept).ok
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for number in range(25):
        for forge in FORGERIES:
            rows = [json.loads(line) for line in parts["entries.jsonl"].splitlines()]
            first = forge(draw, rows)
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
                for name, data in {**parts, "entries.jsonl": lines.encode()}.items():
                    archive.writestr(name, data)
            result = check_export(tmp_path / "b.zip", [SIGNER.key], kept)
            assert not result.ok, (number, forge.__name__, first)
            judged(result, first, forge.__name__)
