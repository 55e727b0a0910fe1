# SPDX-License-Identifier: Apache-2.0
"""What is kept about oneself, without asking anybody; the wish to delete opens a request and deletes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from dlpmilter.audit.verify import verify
from dlpmilter.privacy import unmasking
from dlpmilter.privacy.dossiers import Book, Officer
from tests.holds.house import ANNA, RITA, mail
from tests.portal.house import portal, post

BERT = "bert@company.example"


@pytest.mark.asyncio
async def test_everybody_sees_the_own_data_and_nobody_elses(tmp_path: Path) -> None:
    """Own case, recipients and events as page and JSON; not the reviewer's name, not a colleague's mail."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold("anna.private@gmx.example")).case_id
        await house.rooms.workflow.reject(case, RITA, "use the share")
        message = mail().replace(ANNA.encode(), BERT.encode()).replace(b"Anna Berg", b"Bert O")
        await house.rooms.hold("x@gmx.example", message=message, sender=BERT, owner=BERT, name="Bert O")
        client = await house.signed_in(ANNA)
        shown = await client.get("/my/data")
        assert shown.status_code == 200
        assert "<dd>1</dd>" in shown.text
        data = json.loads((await client.get("/my/data/answer.json")).text)
        assert [each["case"] for each in data["cases"]] == [case]
        assert data["cases"][0]["recipients"][0]["address"] == "anna.private@gmx.example"
        page = await client.get("/my/data/answer.html")
        assert page.headers["content-disposition"].startswith("attachment")
        for text in (json.dumps(data), page.text):
            assert RITA.address not in text
            assert BERT not in text
        assert (await client.get("/my/data/answer.exe")).status_code == 404


@pytest.mark.asyncio
async def test_the_wish_to_delete_is_a_request_of_a_proven_person(tmp_path: Path) -> None:
    """Once, verified by the sign-in, with the month running; nothing is deleted by the click."""
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        await house.rooms.workflow.reject(case, RITA, "no")
        client = await house.signed_in(ANNA)
        before = await house.rooms.count("trail_values")
        for _ in range(2):
            assert (await post(client, "/my/data", act="erase")).status_code == 303
        assert await house.rooms.count("dossiers") == 1
        assert await house.rooms.count("trail_values") > before
        assert await house.rooms.count("cases") == 1
        rows = await house.rooms.database.read(
            lambda conn: conn.exec_driver_sql("SELECT kind, state FROM dossiers").all()
        )
        assert [tuple(row) for row in rows] == [("access", "verified")]
        shown = (await client.get("/my/data")).text
        assert "in progress, answer until" in shown or "in Arbeit" in shown
        assert 'value="erase"' not in shown
        other = await house.signed_in(BERT)
        assert "A-" not in (await other.get("/my/data")).text.partition("<main")[2]
        assert (await house.rooms.database.read(verify)).ok


@pytest.mark.asyncio
async def test_the_person_sees_that_the_name_was_looked_at(tmp_path: Path) -> None:
    """After two offices looked, once the person was told, the own case says when; before, it says nothing."""
    dpo = Officer("d", "dora.dpo@company.example", frozenset({"dpo"}))
    council = Officer("w", "wc@company.example", frozenset({"works-council"}))
    async with portal(tmp_path) as house:
        case = (await house.rooms.hold()).case_id
        client = await house.signed_in(ANNA)
        book = Book(house.rooms.keyring, house.rooms.policy.version)
        now = datetime.now(UTC)

        def look(conn: Connection) -> str:
            one = unmasking.ask(conn, book, case, "claim", "a letter came", dpo, now)
            unmasking.agree(conn, book, one.id, council, now)
            unmasking.look(conn, book, one.id, dpo, now)
            return one.id

        number = await house.rooms.database.write(look)
        assert "Two offices together" not in (await client.get(f"/my/{case}?lang=en")).text
        await house.rooms.database.write(lambda conn: unmasking.told(conn, book, number, now))
        shown = (await client.get(f"/my/{case}?lang=en")).text
        assert "Two offices together looked up who sent this e-mail" in shown
        assert dpo.address not in shown
