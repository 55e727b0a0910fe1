# SPDX-License-Identifier: Apache-2.0
"""Who wrote before, in a real database: ages by the clock, old keys, a restart, and nobody who never wrote."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from dlpmilter.facts.correspondence import Correspondence, Heard
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.model.facts import Lesson, Questions
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
KURT, BERTA = "kurt@gmx.de", "berta@web.de"


def keyring(*previous: bytes) -> Keyring:
    keys = {"new": secrets.token_bytes(32)} | {f"old{n}": key for n, key in enumerate(previous)}
    return Keyring("new", keys)


@dataclass(slots=True)
class House:
    """One database with a clock that the test moves."""

    database: Database
    keys: Keyring
    now: datetime = START
    store: Correspondence = field(init=False)

    def __post_init__(self) -> None:
        self.store = self.build()

    def build(self, *, learns: bool = False) -> Correspondence:
        return Correspondence(self.database, self.keys, learns=learns, clock=lambda: self.now)

    async def learn(self, *lessons: Lesson) -> int:
        return await self.store.learn([(each, self.now) for each in lessons])

    async def known(self, *message_ids: str, people: tuple[str, ...] = (KURT, BERTA)) -> Heard:
        return await self.store.known(Questions("anna@corp.example", people, message_ids))

    async def rows(self) -> tuple[int, int]:
        query = text("SELECT (SELECT count(*) FROM inbound_mails), (SELECT count(*) FROM correspondents)")
        mails, people = await self.database.read(lambda conn: tuple(conn.execute(query).one()))
        return mails, people


@asynccontextmanager
async def house(folder: Path, keys: Keyring | None = None) -> AsyncIterator[House]:
    database = Database(folder / "a.db")
    await database.start()
    try:
        yield House(database, keys or keyring())
    finally:
        await database.close()


@pytest.mark.asyncio
async def test_who_wrote_is_known_for_ninety_days(tmp_path: Path) -> None:
    """An answer on day 90 finds the question, one a minute later does not, swept or not."""
    async with house(tmp_path) as one:
        assert await one.learn(Lesson(KURT, "1@x")) == 1
        one.now = START + timedelta(days=90)
        assert (await one.known("0@x", "1@x")).wrote_first == {KURT}
        assert (await one.known("2@x")).wrote_first == frozenset()
        assert await one.store.sweep() == {"inbound-mails": 0, "correspondents": 0}
        one.now += timedelta(minutes=1)
        assert (await one.known("1@x")).wrote_first == frozenset()
        one.now += timedelta(hours=1)
        assert await one.store.sweep() == {"inbound-mails": 1, "correspondents": 0}
        assert await one.rows() == (0, 0)


@pytest.mark.asyncio
async def test_two_mails_within_180_days_make_a_correspondent(tmp_path: Path) -> None:
    """Both of them have to lie within the 180 days; the row goes 180 days after the last."""
    async with house(tmp_path) as one:
        await one.learn(Lesson(KURT, "1@x", verified=True), Lesson(BERTA, "2@x"))
        one.now += timedelta(days=170)
        assert (await one.known()).correspondents == frozenset()
        await one.learn(Lesson(KURT, "3@x", verified=True), Lesson(BERTA, "4@x"))
        assert (await one.known()).correspondents == {KURT}
        one.now = START + timedelta(days=181)
        assert (await one.known()).correspondents == frozenset()
        await one.learn(Lesson(KURT, "5@x", verified=True))
        assert (await one.known()).correspondents == {KURT}
        one.now += timedelta(days=181)
        assert (await one.store.sweep())["correspondents"] == 1
        assert await one.rows() == (0, 0)


@pytest.mark.asyncio
async def test_copies_of_one_mail_count_once(tmp_path: Path) -> None:
    """The same mail, in one batch or in several, is one mail."""
    async with house(tmp_path) as one:
        mail = Lesson(KURT, "1@x", verified=True)
        assert await one.learn(mail, mail) == 1
        assert await one.learn(mail) == 0
        assert (await one.known()).correspondents == frozenset()
        assert await one.learn(mail, Lesson(KURT, "2@x", verified=True)) == 1
        assert (await one.known()).correspondents == {KURT}


@pytest.mark.asyncio
async def test_knowledge_survives_a_restart_and_a_new_key(tmp_path: Path) -> None:
    """What an old key hashed is found while the key is still in the file, together with what the new one hashed."""
    old = secrets.token_bytes(32)
    async with house(tmp_path, Keyring("k", {"k": old})) as one:
        await one.learn(Lesson(KURT, "1@x", verified=True))
    async with house(tmp_path, keyring(old)) as one:
        assert (await one.known("1@x")).wrote_first == {KURT}
        await one.learn(Lesson(KURT, "2@x", verified=True))
        known = await one.known("1@x", "2@x")
        assert known.wrote_first == known.correspondents == {KURT}
    async with house(tmp_path, keyring()) as one:
        known = await one.known("1@x", "2@x")
        assert not known.wrote_first and not known.correspondents and known.learning


@pytest.mark.asyncio
async def test_learning_means_a_listener_or_something_learned(tmp_path: Path) -> None:
    """Without a listener and with an empty table, "never seen" would say nothing."""
    async with house(tmp_path) as one:
        assert not (await one.known()).learning
        one.store = one.build(learns=True)
        assert (await one.known()).learning
        one.store = one.build()
        await one.learn(Lesson(KURT, "1@x"))
        assert (await one.known()).learning


@pytest.mark.asyncio
async def test_rows_tell_nobody_s_history(tmp_path: Path) -> None:
    """The same author has another hash in each mail, and none of them is the correspondent's."""
    async with house(tmp_path) as one:
        await one.learn(*(Lesson(KURT, f"{n}@x", verified=True) for n in range(5)))
        query = text("SELECT from_key FROM inbound_mails UNION ALL SELECT key FROM correspondents")
        keys = await one.database.read(lambda conn: list(conn.execute(query).scalars()))
        assert len(keys) == len(set(keys)) == 6


@pytest.mark.asyncio
async def test_many_recipients_and_many_mails_are_one_question(tmp_path: Path) -> None:
    """A thousand recipients and twenty Message-IDs are answered, and only who wrote is in the answer."""
    async with house(tmp_path) as one:
        people = tuple(f"p{n}@gmx.de" for n in range(1000))
        lessons = [Lesson(person, f"{n % 20}@x") for n, person in enumerate(people[:500])]
        assert await one.learn(*lessons) == 500
        known = await one.known(*(f"{n}@x" for n in range(20)), people=people)
        assert known.wrote_first == set(people[:500])


@pytest.mark.asyncio
async def test_a_database_that_is_away_is_no_guess(tmp_path: Path) -> None:
    """Asked without a database, the store raises: the mail waits instead of passing as "never wrote"."""
    async with house(tmp_path) as one:
        await one.learn(Lesson(KURT, "1@x"))
        for path in tmp_path.glob("a.db*"):
            path.unlink()
        one.store = Correspondence(Database(tmp_path / "b.db"), one.keys, learns=True)
        with pytest.raises(TemporaryFailure):
            await one.known("1@x")


PEOPLE = st.sampled_from([f"p{n}@gmx.de" for n in range(6)])
IDS = st.sampled_from([f"{n}@x" for n in range(6)] + ["", "ü\ud800@x", "a\nb@x"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    learned=st.lists(st.builds(Lesson, PEOPLE, IDS, verified=st.booleans()), max_size=30),
    people=st.lists(PEOPLE, unique=True).map(tuple),
    ids=st.lists(IDS, unique=True).map(tuple),
)
def test_who_never_wrote_is_never_known(
    tmp_path_factory: pytest.TempPathFactory, learned: list[Lesson], people: tuple[str, ...], ids: tuple[str, ...]
) -> None:
    """The sets are exactly those of the definition: authors of the asked mails, people with two verified mails."""

    async def ask() -> Heard:
        async with house(tmp_path_factory.mktemp("p")) as one:
            await one.learn(*learned)
            return await one.known(*ids, people=people)

    known = _run(ask())
    wrote = {each.author for each in learned if each.message_id and each.message_id in ids}
    assert known.wrote_first == wrote & set(people)
    counted: dict[str, set[str]] = {}
    first: dict[tuple[str, str], Lesson] = {}
    for each in learned:
        first.setdefault((each.author, each.message_id), each)
    for (author, message_id), each in first.items():
        if each.verified and message_id:
            counted.setdefault(author, set()).add(message_id)
    assert known.correspondents == {each for each in people if len(counted.get(each, ())) >= 2}


def _run(coroutine: Coroutine[Any, Any, Heard]) -> Heard:
    return asyncio.run(coroutine)
