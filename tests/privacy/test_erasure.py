# SPDX-License-Identifier: Apache-2.0
"""Erasing one person: nowhere left, not in a byte and not behind a key; others untouched; grounds hold what they hold."""

from __future__ import annotations

import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from dlpmilter.audit import trail
from dlpmilter.audit.export import own_keys, write_export
from dlpmilter.audit.verify import verify
from dlpmilter.privacy import erasure
from dlpmilter.relay.outbox import Owed, owe
from dlpmilter.storage import case_rows, trail_rows
from tests.audit.trails import octets
from tests.holds.house import ANNA, CARL, FINE, RITA, mail, path
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
        listed = await h.rooms.database.read(lambda conn: erasure.checklist(conn, [ANNA, PRIVATE], h.now))
        assert {*mine, shared} <= listed.kept  # notices about them are still on their way
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
        found = await h.rooms.database.read(lambda conn: erasure.checklist(conn, [ANNA, PRIVATE], h.now))
        assert (found.own_cases, found.trail_fields, found.other_rows) == (0, 0, 0)


@pytest.mark.asyncio
async def test_what_a_ground_keeps_stays_and_is_named(tmp_path: Path) -> None:
    """A mail that waits, a legal hold, a breach file: kept, each with its ground and end; the rest goes."""
    async with house(tmp_path) as h:
        waits, held, gone = [(await h.rooms.hold(f"x{number}@gmx.example")).case_id for number in range(3)]
        for case in (held, gone):
            await closed(h, case)
        await h.rooms.database.write(lambda conn: conn.execute(text("DELETE FROM outbox")))
        until = f"{h.now + timedelta(days=60):%Y-%m-%d}"
        assert (await h.ask("dora", "keep", case=held, reason="claim 7 O 12/26", until=until))["ok"]
        listed: Any = await h.rooms.database.read(lambda conn: erasure.checklist(conn, [ANNA], h.now))
        assert listed.kept == {waits, held}
        opened = await h.ask("dora", "access-open", wish="erasure", addresses=[ANNA], channel="letter")
        number = opened["request"]["id"]
        await h.ask("dora", "access-act", id=number, step="verify", said={"how": "signed in"})
        listed = (await h.ask("dora", "access-show", id=number))["request"]["checklist"]
        assert {case for each in listed["grounds"] for case in each["keeps"]} == {waits, held}
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


async def erased(h: House, *addresses: str) -> dict[str, Any]:
    """Ask for it, prove it, do it."""
    opened = await h.ask("dora", "access-open", wish="erasure", addresses=list(addresses), channel="letter")
    number = opened["request"]["id"]
    await h.ask("dora", "access-act", id=number, step="verify", said={"how": "post"})
    return dict((await h.ask("dora", "access-act", id=number, step="erase", said={}))["request"])


@pytest.mark.asyncio
async def test_no_mail_is_lost_and_no_decision_changed_by_an_erasure(tmp_path: Path) -> None:
    """Mail owed to the person, a colleague's held mail to her, approvals of open cases, live releases: all untouched."""
    async with house(tmp_path) as h:
        theirs = await other_mail(h, PRIVATE, 1)  # waits for a decision, addressed to her
        released = await other_mail(h, PRIVATE, 2)
        await h.rooms.workflow.approve(released, RITA, FINE)
        pending = await other_mail(h, "x@web.example", 3)
        await h.rooms.database.write(
            lambda conn: conn.exec_driver_sql("UPDATE holds SET approvals = 2 WHERE case_id = ?", (pending,))
        )
        await h.rooms.workflow.approve(pending, RITA, FINE)
        owe_to = Owed("leftover", "NO-CASE", path(OTHER), (path(PRIVATE),), None, b"Subject: x\r\n\r\nx\r\n")
        await h.rooms.database.write(lambda conn: owe(conn, owe_to, h.now))

        def stand(conn: Connection) -> list[Any]:
            names = ("outbox", "outbox_recipients", "approvals", "marks", "mark_recipients", "holds")
            return [conn.exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1, 2").all() for name in names]

        before = await h.rooms.database.read(stand)
        done = await erased(h, ANNA, PRIVATE, RITA.address)
        assert done["outcome"] == "part"
        assert any("does somebody else's mail to the person wait? yes: 2" in each for each in done["evidence"]["kept"])
        assert await h.rooms.database.read(stand) == before
        await h.rooms.workflow.approve(theirs, CARL, FINE)
        rows = await h.rooms.database.read(
            lambda conn: conn.exec_driver_sql("SELECT recipient_raw FROM outbox_recipients").scalars().all()
        )
        assert rows.count(PRIVATE.encode()) == 3
        assert (await h.rooms.database.read(verify)).ok


@pytest.mark.asyncio
async def test_a_reviewer_is_erased_with_the_name_of_the_unix_user(tmp_path: Path) -> None:
    """Address and user of who decided go from closed cases of others; the decision and its role stay."""
    async with house(tmp_path) as h:
        case = await other_mail(h, "x@web.example", 1)
        await closed(h, case)
        await h.rooms.database.write(lambda conn: conn.execute(text("DELETE FROM outbox")))
        await erased(h, RITA.address)
        entries = await h.rooms.database.read(lambda conn: trail.of_case(conn, case))
        (fields,) = [fields for row, fields in entries if row.event == "rejected"]
        assert not {"actor", "actor-user", "reason"} & fields.keys()
        assert fields["role"] == "reviewer"
        assert entries[0][1]["owner"] == OTHER
