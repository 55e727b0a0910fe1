# SPDX-License-Identifier: Apache-2.0
"""Erasing one person: nowhere left, not in a byte and not behind a key; others untouched; grounds hold what they hold."""

from __future__ import annotations

import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from dlpmilter.audit.export import own_keys, write_export
from dlpmilter.audit.verify import verify
from dlpmilter.privacy import erasure
from dlpmilter.storage import case_rows, trail_rows
from tests.audit.trails import octets
from tests.holds.house import ANNA, FINE, RITA, mail
from tests.privacy.house import House, house

PRIVATE = "anna.berger@gmx.example"
OTHER = "bert.other@company.example"
HOUR = timedelta(hours=1)


async def other_mail(h: House, recipient: str, number: int) -> str:
    """A held mail of somebody else."""
    message = mail(f"Fwd {number}\r\n".encode()).replace(ANNA.encode(), OTHER.encode()).replace(b"Anna Berg", b"Bert O")
    message = message.replace(b"Gr=C3=BC=C3=9Fe", b"Angebot")
    return (await h.rooms.hold(recipient, message=message, sender=OTHER, owner=OTHER, name="Bert O")).case_id


async def closed(h: House, case: str) -> None:
    """Withdrawn by a reviewer on behalf, and its content purged."""
    await h.rooms.workflow.reject(case, RITA, "not needed")


async def everything(h: House, folder: Path) -> bytes:
    """All octets of all files, and all values that any key opens."""
    assert await h.rooms.database.flush()
    rows = await h.rooms.database.read(lambda conn: list(trail_rows.entries(conn)))
    values = "".join(one.value for _, all_ in rows for one in all_)

    def tables(conn: Connection) -> str:
        names = [row[0] for row in conn.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return "".join(repr([tuple(row) for row in conn.exec_driver_sql(f'SELECT * FROM "{name}"')]) for name in names)

    dumped = await h.rooms.database.read(tables)
    files = octets(folder.glob("dlpmilter.db*"))
    out = folder / "export.zip"
    out.unlink(missing_ok=True)
    await h.rooms.database.read(lambda conn: write_export(conn, out, own_keys(conn), personal=True))
    with zipfile.ZipFile(out) as archive:
        export = b"".join(archive.read(name) for name in archive.namelist())
    return files + values.encode() + dumped.encode() + export


@pytest.mark.asyncio
async def test_an_erased_person_is_nowhere_and_others_are_where_they_were(tmp_path: Path) -> None:
    """Address, name and subject are in no file, log, export and under no key; other cases are unchanged; it verifies."""
    async with house(tmp_path) as h:
        mine = [(await h.rooms.hold(PRIVATE)).case_id]
        theirs = [await other_mail(h, f"friend{number}@web.example", number) for number in range(3)]
        shared = await other_mail(h, PRIVATE, 9)  # somebody else wrote to her private mailbox
        for case in [*mine, *theirs, shared]:
            await closed(h, case)
        before = await h.rooms.database.read(lambda conn: [case_rows.get(conn, each) for each in theirs])
        assert b"anna.berg" in await everything(h, tmp_path)
        listed = await h.rooms.database.read(lambda conn: erasure.checklist(conn, [ANNA, PRIVATE]))
        assert "yes: 2 mails to others name the person" in {each.answer for each in listed.grounds}
        await h.rooms.database.write(lambda conn: conn.execute(text("DELETE FROM outbox")))  # all of it was delivered

        opened = await h.ask("dora", "access-open", wish="erasure", addresses=[ANNA, PRIVATE], channel="letter")
        number = opened["request"]["id"]
        refused = await h.ask("dora", "access-act", id=number, step="erase", said={})
        assert refused["reason"] == "conflict"  # nobody has proven yet who asks
        await h.ask("dora", "access-act", id=number, step="verify", said={"how": "letter to the known address"})
        done = await h.ask("dora", "access-act", id=number, step="erase", said={})
        assert done["ok"], done
        assert done["request"]["outcome"] == "granted"
        assert done["request"]["evidence"]["fields"] > 10

        # the dossier itself says, sealed, who asked: it is the proof of the erasure
        await h.rooms.database.write(lambda conn: conn.execute(text("DELETE FROM dossiers")))

        left = await everything(h, tmp_path)
        for word in (b"anna.berg", b"Anna Berg", PRIVATE.encode(), "Gr\u00fc\u00dfe".encode(), b"Gr\\xfc\\xdfe"):
            assert word.lower() not in left.lower(), word
        assert await h.rooms.database.read(lambda conn: [case_rows.get(conn, each) for each in theirs]) == before
        result = await h.rooms.database.read(verify)
        assert (result.ok, result.problem) == (True, "")
        assert result.erased > 10
        found = await h.rooms.database.read(lambda conn: erasure.checklist(conn, [ANNA, PRIVATE]))
        assert (found.own_cases, found.trail_fields, found.other_rows) == (0, 0, 0)


@pytest.mark.asyncio
async def test_what_a_ground_keeps_stays_and_is_named(tmp_path: Path) -> None:
    """A mail that waits, a legal hold, a breach file: kept, each with its ground and end; the rest goes."""
    async with house(tmp_path) as h:
        waits, held, gone = [(await h.rooms.hold(f"x{number}@gmx.example")).case_id for number in range(3)]
        for case in (held, gone):
            await closed(h, case)
        until = f"{h.now + timedelta(days=60):%Y-%m-%d}"
        assert (await h.ask("dora", "keep", case=held, reason="claim 7 O 12/26", until=until))["ok"]
        listed: Any = await h.rooms.database.read(lambda conn: erasure.checklist(conn, [ANNA]))
        assert listed.kept == {waits, held}
        opened = await h.ask("dora", "access-open", wish="erasure", addresses=[ANNA], channel="letter")
        number = opened["request"]["id"]
        await h.ask("dora", "access-act", id=number, step="verify", said={"how": "signed in"})
        done = (await h.ask("dora", "access-act", id=number, step="erase", said={}))["request"]
        assert done["outcome"] == "part"
        assert [("17(1)(a)" in each, "17(3)(e)" in each) for each in done["evidence"]["kept"]] == [
            (True, False), (False, True),
        ]  # fmt: skip
        left = await h.rooms.database.read(lambda conn: [case_rows.get(conn, each) for each in (waits, held, gone)])
        assert [each is not None for each in left] == [True, True, False]
        assert (await h.rooms.database.read(verify)).ok


@pytest.mark.asyncio
async def test_a_forged_request_changes_nothing(tmp_path: Path) -> None:
    """A mail that claims to be Anna opens a dossier; no step but the DPO's leads anywhere, and nothing is deleted."""
    async with house(tmp_path) as h:
        case = (await h.rooms.hold(PRIVATE)).case_id
        await h.rooms.workflow.approve(case, RITA, FINE)
        before = await h.rooms.count("trail_values")
        number = (await h.ask("dora", "access-open", wish="erasure", addresses=[ANNA], channel="mail"))["request"]["id"]
        for user in ("rita", "willi", "aud", "nobody"):
            for step in ("verify", "erase", "answer"):
                answer = await h.ask(user, "access-act", id=number, step=step, said={"how": "trust me"})
                assert answer["ok"] is False
        assert (await h.ask("dora", "access-act", id=number, step="erase", said={}))["ok"] is False
        assert await h.rooms.count("trail_values") > before
        shown = (await h.ask("dora", "access-show", id=number))["request"]
        assert shown["state"] == "received"
        assert "outcome" not in shown
        assert json.dumps(shown)
