# SPDX-License-Identifier: Apache-2.0
"""The reviewers' queue with 100,000 open cases beside 100,000 closed ones: the first page, against reading them all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from dlpmilter.holds.actors import Actor
from dlpmilter.holds.states import WAITING
from dlpmilter.storage import case_rows, queue_rows
from dlpmilter.storage.queue_rows import Wish
from dlpmilter.storage.tables import cases, holds
from tests.portal.house import portal

OPEN, CLOSED, ROUNDS = 100_000, 100_000, 15
START = datetime(2026, 11, 1, tzinfo=UTC)


def _fill(conn: Connection) -> None:
    rows = range(OPEN + CLOSED)
    due = [START + timedelta(seconds=7 * (number * 7919 % (OPEN + CLOSED))) for number in rows]
    conn.execute(insert(cases), [
        {"id": f"C{number:07}", "created_at": START, "deadline": due[number], "policy_version": "p", "body_id": None,
         "language": "en", "kind": "forward", "size": 1000, "sender_raw": b"a@company.example", "sender_parameters": "[]",
         "owner": f"p{number % 500}@company.example", "owner_name": "", "owner_source": "envelope", "mute": "", "others": 0,
         "login": "", "authors": "[]", "subject": "s", "message_id": None,
         "justification_code": f"R{number % 11 + 1}" if number % 3 else None,
         "statement": '{"code": "R1", "urgent": "yes"}' if number % 50 == 0 else None}
        for number in rows
    ])  # fmt: skip
    states = ("held", "justified", "in_review")
    conn.execute(insert(holds), [
        {"case_id": f"C{number:07}", "digest": None, "recipient_raw": b"x@gmx.example", "recipient_parameters": "[]",
         "recipient_class": "freemail" if number % 5 else "vanity", "relation": "none", "rule": f"rule-{number % 20}",
         "reasons": "[]", "pool": "privacy" if number % 4 else "second-opinion", "approvals": 1,
         "state": states[number % 3] if number < OPEN else "released", "state_at": START, "claimed_by": None,
         "claimed_at": None, "refused_by": None, "due": due[number]}
        for number in rows
    ])  # fmt: skip


def _entries(conn: Connection, event: str) -> int:
    """How many entries of this kind the trail has."""
    return int(conn.exec_driver_sql("SELECT count(*) FROM trail WHERE event = ?", (event,)).scalar_one())


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


@pytest.mark.bench
@pytest.mark.asyncio
async def test_the_first_page_of_a_hundred_thousand_cases(tmp_path: Path) -> None:
    """The query, with and without a filter, against `in_states` with a sort; and the whole page as a browser gets it."""
    async with portal(tmp_path) as house:
        database = house.rooms.database
        await database.write(_fill)
        rita = await house.signed_in("rita@company.example", "reviewer", pools=("privacy", "second-opinion"))
        pools = ("privacy", "second-opinion")
        wishes = {
            "no filter": Wish(), "class": Wish(recipient_class="vanity"), "rule": Wish(rule="rule-7"),
            "reason": Wish(reason_code="R5"), "urgent": Wish(urgent=True), "newest first": Wish(newest=True),
        }  # fmt: skip
        times: dict[str, list[float]] = {name: [] for name in (*wishes, "counts", "page", "peer: read all, sort")}
        for number in range(ROUNDS):
            for name, wish in wishes.items():
                said = frozenset(WAITING - {"held"}) if wish.reason_code or wish.urgent else WAITING  # as the page asks
                act = lambda conn, wish=wish, said=said: _milliseconds(lambda: queue_rows.page(conn, pools, said, wish))  # noqa: E731 - bound now
                times[name].append(await database.read(act))
            times["counts"].append(
                await database.read(lambda conn: _milliseconds(lambda: queue_rows.counts(conn, pools, WAITING)))
            )
            start = time.perf_counter()
            assert (await rita.get("/queue")).text.count('name="case"') == 50
            times["page"].append((time.perf_counter() - start) * 1000)
            if number < 3:
                times["peer: read all, sort"].append(
                    await database.read(
                        lambda conn: _milliseconds(
                            lambda: sorted(case_rows.in_states(conn, WAITING, OPEN), key=lambda case: case.deadline)[
                                :50
                            ]
                        )
                    )
                )
        peer = statistics.median(times["peer: read all, sort"])
        print(f"\n{OPEN} open and {CLOSED} closed cases, SQLite; median and worst of {ROUNDS}, ratio to the peer")
        for name, found in times.items():
            middle = statistics.median(found)
            print(f"  {name:22} {middle:9.2f} ms  worst {max(found):9.2f} ms  x{peer / middle:8.1f}")


@pytest.mark.bench
@pytest.mark.asyncio
async def test_five_hundred_decisions_at_once(tmp_path: Path) -> None:
    """Bulk approve and bulk reject of 500 cases, each with its own entry, against one request a case."""
    async with portal(tmp_path) as house:
        reviewer = Actor("rita", "rita@company.example", frozenset({"privacy"}))
        say = {"basis": "contract", "checked": True, "delete_by": "", "note": ""}
        print("\n500 decisions, SQLite")
        for act, fields in (("approve", say), ("reject", {"reason": "Please use the share."})):
            cases = [(await house.rooms.hold()).case_id for _ in range(1000)]
            start = time.perf_counter()
            answer = await house.site.requests.answer_for(
                reviewer, {"act": f"{act}-all", "cases": cases[:500], **fields}
            )
            bulk = time.perf_counter() - start
            assert sum(each["ok"] for each in answer["cases"]) == 500
            start = time.perf_counter()
            for case in cases[500:]:
                answer = await house.site.requests.answer_for(reviewer, {"act": act, "case": case, **fields})
                assert answer["ok"]
            single = time.perf_counter() - start
            event = {"approve": "approved", "reject": "rejected"}[act]
            entries = await house.rooms.database.read(partial(_entries, event=event))
            assert entries == 1000
            print(f"  {act:8} {bulk:6.2f} s together  {single:6.2f} s one by one  x{single / bulk:5.1f}")
