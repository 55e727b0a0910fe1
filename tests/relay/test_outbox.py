# SPDX-License-Identifier: Apache-2.0
"""The outbox hands over each mail once, keeps what it could not hand over, and tells what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dlpmilter.model.address import NULL_SENDER, parse_address
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.model.transaction import EnvelopePath
from dlpmilter.relay.client import NextHop
from dlpmilter.relay.outbox import BACKOFF, OutboxWorker, Outcome, Owed, backoff, owe
from dlpmilter.settings import NextHopSettings
from dlpmilter.spill import MessageBytes
from dlpmilter.storage import outbox_rows
from dlpmilter.storage.bodies import BodyStore
from dlpmilter.storage.database import Database
from dlpmilter.storage.keys import Keyring, new_key_file
from tests.peers.processes import free_port
from tests.peers.sink import Behaviour, Sink

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.storage.outbox_rows import OutboxRow

NOTICE = b"Subject: t\r\n\r\n.one\r\n..two\r\n"
SENDER = EnvelopePath(NULL_SENDER)


def _to(*addresses: str) -> tuple[EnvelopePath, ...]:
    return tuple(EnvelopePath(parse_address(each)) for each in addresses)


def _notice(case: str = "c1", *addresses: str) -> Owed:
    return Owed("notice", case, SENDER, _to(*(addresses or ("anna@firma.example",))), None, NOTICE)


async def _eventually(condition: Callable[[], bool], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # the worker has no event for its inner steps
            await asyncio.sleep(0.005)


class Clock:
    """A clock the test turns."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Office:
    """One database, one next hop, and workers that note what they settle."""

    def __init__(self, database: Database, bodies: BodyStore, port: int, **options: Any) -> None:
        self.database, self.bodies = database, bodies
        self.settled: list[tuple[str, str, str, str]] = []
        self.clock = Clock()
        self.hop = NextHop(f"127.0.0.1:{port}", NextHopSettings(tls="none"), "mx.test")
        self.worker = OutboxWorker(database, bodies, self.hop, self.settle, **({"clock": self.clock} | options))
        self._running: asyncio.Task[None] | None = None

    def settle(self, conn: Connection, row: OutboxRow, outcomes: tuple[Outcome, ...]) -> None:
        self.settled += [(row.kind, row.case_id, each.recipient.mailbox.text, each.state) for each in outcomes]

    async def owe(self, owed: Owed) -> int:
        return await self.database.write(lambda conn: owe(conn, owed, self.clock()))

    async def depth(self) -> int:
        return sum((await self.database.read(outbox_rows.depth)).values())

    def start(self) -> None:
        self._running = asyncio.create_task(self.worker.run())

    async def stop(self) -> None:
        self.worker.stop()
        if self._running is not None:
            await asyncio.wait_for(self._running, 20)
        await self.hop.close()

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for the condition, and for the commits that belong to it."""
        try:
            async with asyncio.timeout(15):
                while not condition() or self.worker._tasks:
                    self.worker.wake()
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise TimeoutError(f"still waiting for {what}; settled so far: {self.settled}") from None


@asynccontextmanager
async def _office(folder: Path, port: int, **options: Any) -> AsyncIterator[Office]:
    if not (folder / "key.toml").exists():
        new_key_file(folder / "key.toml")
    database = Database(folder / "d.sqlite")
    await database.start()
    office = Office(database, BodyStore(database, Keyring.load(str(folder / "key.toml"))), port, **options)
    try:
        yield office
    finally:
        await office.stop()
        await database.close()


@pytest.mark.asyncio
async def test_a_notice_arrives_and_its_row_goes(tmp_path: Path) -> None:
    """The next hop gets exactly the bytes, from the null sender; then nothing is owed and the case was told."""
    with Sink(tmp_path / "j") as sink:
        async with _office(tmp_path, sink.port) as office:
            await office.owe(_notice())
            office.start()
            await office.until(lambda: bool(office.settled), "the notice")
            assert office.settled == [("notice", "c1", "anna@firma.example", "delivered")]
            assert await office.depth() == 0
        (delivery,) = sink.deliveries()
        assert (delivery.sender, delivery.recipients) == (b"", (b"anna@firma.example",))
        assert delivery.message == NOTICE


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [100, 700_000])
async def test_a_release_is_the_stored_body_after_its_trace_header(tmp_path: Path, size: int) -> None:
    """Prefix, then each octet of the sealed body, whatever its size."""
    body = b"Received: x\r\nSubject: y\r\n\r\n" + b"." + b"zeile\r\n" * (size // 7)
    with Sink(tmp_path / "j") as sink:
        async with _office(tmp_path, sink.port) as office:
            stored = await office.bodies.put(MessageBytes.of(body))
            await office.database.write(lambda conn: office.bodies.keep(conn, stored))
            sender = _to("anna@firma.example")[0]
            owed = Owed("release", "c2", sender, _to("a@x.example", "b@x.example"), stored.id, b"X-Trace: 1\r\n")
            await office.owe(owed)
            office.start()
            await office.until(lambda: len(office.settled) == 2, "the release")
            assert await office.database.read(lambda conn: not outbox_rows.body_owed(conn, stored.id))
        (delivery,) = sink.deliveries()
        assert delivery.message == b"X-Trace: 1\r\n" + body
        assert delivery.recipients == (b"a@x.example", b"b@x.example")


@pytest.mark.asyncio
async def test_a_wake_up_is_quicker_than_the_poll(tmp_path: Path) -> None:
    """After `wake` a new row leaves within a fraction of the poll; without it the poll finds the row too."""
    with Sink(tmp_path / "j") as sink:
        async with _office(tmp_path, sink.port) as office:
            office.start()
            await asyncio.sleep(0.1)
            begun = asyncio.get_running_loop().time()
            await office.owe(_notice("c1"))
            office.worker.wake()
            await _eventually(lambda: bool(office.settled))
            assert asyncio.get_running_loop().time() - begun < 0.5
            await office.owe(_notice("c2"))
            await _eventually(lambda: len(office.settled) == 2, 5)


@pytest.mark.asyncio
async def test_each_recipient_has_its_own_fate(tmp_path: Path) -> None:
    """One taken, one refused for good, one deferred: only the deferred one is tried again, after the pause."""
    behaviour = Behaviour(rcpt={b"gone@x.example": b"550 5.1.1 no such user", b"full@x.example": b"452 4.2.2 full"})
    with Sink(tmp_path / "j", behaviour=behaviour) as sink:
        async with _office(tmp_path, sink.port) as office:
            await office.owe(_notice("c1", "ok@x.example", "gone@x.example", "full@x.example"))
            office.start()
            await office.until(lambda: len(office.settled) == 3, "three results")
            assert {each[2:] for each in office.settled} == {
                ("ok@x.example", "delivered"), ("gone@x.example", "failed"), ("full@x.example", "later"),
            }  # fmt: skip
            (row,) = await office.database.read(lambda conn: outbox_rows.of_case(conn, "c1"))
            assert [(each.path.mailbox.text, each.reply) for each in row.recipients] == [
                ("full@x.example", "452 4.2.2 full")
            ]
            assert (row.attempts, row.due_at - office.clock.now) == (1, timedelta(minutes=1))
            behaviour.rcpt.clear()
            await asyncio.sleep(0.2)
            assert len(office.settled) == 3
            office.clock.now += timedelta(minutes=1)
            await office.until(lambda: len(office.settled) == 4, "the second try")
            assert office.settled[-1][2:] == ("full@x.example", "delivered")
        assert [each.recipients for each in sink.deliveries()] == [(b"ok@x.example",), (b"full@x.example",)]


@pytest.mark.asyncio
async def test_pauses_grow_survive_a_restart_and_end(tmp_path: Path) -> None:
    """1, 5, 15 minutes, then each hour, counted across offices; after retry_days the recipient has failed for good."""
    clock = Clock()
    begun = clock.now
    port = free_port()
    pauses: list[timedelta] = []
    states: list[str] = []
    for number in range(6):
        async with _office(tmp_path, port, clock=clock, retry_days=0.09) as office:
            office.clock = clock
            if number == 0:
                await office.owe(_notice())
            office.start()
            await office.until(lambda: bool(office.settled), f"try {number}")
            states.append(office.settled[0][3])
            rows = await office.database.read(lambda conn: outbox_rows.of_case(conn, "c1"))
            if not rows:
                break
            pauses.append(rows[0].due_at - clock.now)
            clock.now = rows[0].due_at
    assert pauses == [*BACKOFF, BACKOFF[-1]]
    assert states == ["later"] * 5 + ["failed"]
    assert clock.now - begun >= timedelta(days=0.09)
    assert [backoff(number) for number in (1, 2, 3, 4, 5, 99)] == [*BACKOFF, BACKOFF[-1], BACKOFF[-1]]


@pytest.mark.asyncio
@pytest.mark.parametrize("answer", [b"451 4.3.0 later", b"550 5.7.1 no"])
async def test_the_answer_to_the_final_dot_counts(tmp_path: Path, answer: bytes) -> None:
    """A 4xx keeps the row, a 5xx settles it as failed; nothing is recorded as delivered."""
    with Sink(tmp_path / "j", behaviour=Behaviour(end=answer)) as sink:
        async with _office(tmp_path, sink.port) as office:
            await office.owe(_notice())
            office.start()
            await office.until(lambda: bool(office.settled), "the answer")
            assert office.settled[0][3] == ("failed" if answer.startswith(b"5") else "later")
            assert await office.depth() == (0 if answer.startswith(b"5") else 1)
        assert sink.deliveries() == []


@pytest.mark.asyncio
async def test_two_offices_never_send_twice(tmp_path: Path) -> None:
    """Sixty rows, two workers with databases of their own: sixty deliveries, each once, shared between both."""
    with Sink(tmp_path / "j", behaviour=Behaviour(latency=0.02)) as sink:
        async with _office(tmp_path, sink.port) as one, _office(tmp_path, sink.port) as two:
            for number in range(60):
                await one.owe(_notice(f"c{number}", f"a{number}@x.example"))
            one.start()
            two.start()
            await one.until(lambda: len(one.settled) + len(two.settled) >= 60, "sixty notices")
            two.worker.wake()
            await asyncio.sleep(0.3)
            assert one.settled and two.settled
        arrived = sorted(each.recipients[0] for each in sink.deliveries())
        assert arrived == sorted(b"a%d@x.example" % number for number in range(60))


@pytest.mark.asyncio
async def test_a_slow_delivery_keeps_its_lease(tmp_path: Path) -> None:
    """A delivery longer than the lease is not taken by another worker, because the lease is renewed."""
    lease = timedelta(seconds=1)

    def clock() -> datetime:
        return datetime.now(UTC)

    with Sink(tmp_path / "j", behaviour=Behaviour(latency=2.5)) as sink:
        async with (
            _office(tmp_path, sink.port, lease=lease, clock=clock) as one,
            _office(tmp_path, sink.port, lease=lease, clock=clock) as two,
        ):
            await one.database.write(lambda conn: owe(conn, _notice(), clock()))
            one.start()
            two.start()
            await _eventually(lambda: bool(one.settled + two.settled))
        assert len(sink.deliveries()) == 1


@pytest.mark.asyncio
async def test_the_rows_of_a_dead_office_come_back(tmp_path: Path) -> None:
    """A row leased by an office that never came back is delivered after the lease, not before."""
    with Sink(tmp_path / "j") as sink:
        async with _office(tmp_path, sink.port) as office:
            await office.owe(_notice())
            until = office.clock.now + timedelta(seconds=60)
            await office.database.write(
                lambda conn: outbox_rows.lease(conn, owner="dead", now=office.clock.now, until=until)
            )
            office.start()
            await asyncio.sleep(0.3)
            assert not office.settled
            office.clock.now = until + timedelta(seconds=1)
            await office.until(lambda: bool(office.settled), "the abandoned row")
        assert len(sink.deliveries()) == 1


@pytest.mark.asyncio
async def test_a_late_result_counts_only_for_what_is_still_owed(tmp_path: Path) -> None:
    """When another worker has settled the row meanwhile, a result changes nothing and settles nothing twice."""
    with Sink(tmp_path / "j", behaviour=Behaviour(latency=0.5)) as sink:
        async with _office(tmp_path, sink.port) as office:
            row_id = await office.owe(_notice("c1", "a@x.example", "b@x.example"))
            office.start()
            await _eventually(lambda: bool(office.worker._tasks))
            row = await office.database.read(lambda conn: outbox_rows.get(conn, row_id))
            assert row is not None
            await office.database.write(lambda conn: outbox_rows.drop_recipients(conn, [row.recipients[0].id]))
            await office.until(lambda: bool(office.settled), "the result")
            assert office.settled == [("notice", "c1", "b@x.example", "delivered")]
            assert await office.depth() == 0


@pytest.mark.asyncio
async def test_a_late_result_never_settles_a_newer_mail(tmp_path: Path) -> None:
    """The row was settled by another worker and a new mail is owed meanwhile: the late 250 is not counted for it."""
    with Sink(tmp_path / "j", behaviour=Behaviour(latency=0.5)) as sink:
        async with _office(tmp_path, sink.port) as office:
            first = await office.owe(_notice("c1", "a@x.example"))
            office.start()
            await _eventually(lambda: bool(office.worker._tasks))
            await office.database.write(lambda conn: outbox_rows.remove(conn, first))
            later = office.clock() + timedelta(days=1)
            second = await office.database.write(lambda conn: owe(conn, _notice("c1", "b@x.example"), later))
            await _eventually(lambda: not office.worker._tasks)
            assert second != first
            assert not office.settled
            assert await office.depth() == 1


@pytest.mark.asyncio
async def test_a_failing_record_is_repeated_without_sending_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While settle or the database fails, the mail is not sent a second time, and in the end it is recorded once."""
    monkeypatch.setattr("dlpmilter.relay.outbox._RECORD_PAUSES", (0.05, 0.1))
    troubles: list[Exception] = [TemporaryFailure(), KeyError("x"), TemporaryFailure()]
    with Sink(tmp_path / "j") as sink:
        async with _office(tmp_path, sink.port) as office:
            real = office.settle

            def settle(conn: Connection, row: OutboxRow, outcomes: tuple[Outcome, ...]) -> None:
                if troubles:
                    raise troubles.pop()
                real(conn, row, outcomes)

            office.worker._settle = settle
            await office.owe(_notice())
            office.start()
            async with asyncio.timeout(20):
                while not office.settled:
                    assert await office.depth() == 1 or not troubles
                    await asyncio.sleep(0.05)
            assert await office.depth() == 0
        assert len(sink.deliveries()) == 1


@pytest.mark.asyncio
async def test_a_record_that_never_works_does_not_block_the_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The office ends, the row is still owed and free for the next one: a duplicate at most, never a loss."""
    monkeypatch.setattr("dlpmilter.relay.outbox._RECORD_PAUSES", (0.05,))
    with Sink(tmp_path / "j") as sink:
        async with _office(tmp_path, sink.port) as office:

            def settle(conn: Connection, row: OutboxRow, outcomes: tuple[Outcome, ...]) -> None:
                raise RuntimeError("a bug")

            office.worker._settle = settle
            await office.owe(_notice())
            office.start()
            await _eventually(lambda: bool(sink.deliveries()))
            await office.stop()
            free = await office.database.write(
                lambda conn: outbox_rows.lease(conn, owner="next", now=office.clock(), until=office.clock())
            )
            assert [each.case_id for each in free] == ["c1"]
        assert len(sink.deliveries()) == 1


@pytest.mark.asyncio
async def test_rows_that_cannot_be_settled_wait_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight rows with a broken settle do not keep the ninth; they are parked, and recorded later without a second send."""
    monkeypatch.setattr("dlpmilter.relay.outbox._RECORD_PAUSES", (0.01,))
    broken = [True]
    with Sink(tmp_path / "j") as sink:
        async with _office(tmp_path, sink.port) as office:
            real = office.settle

            def settle(conn: Connection, row: OutboxRow, outcomes: tuple[Outcome, ...]) -> None:
                if broken and row.case_id.startswith("bad"):
                    raise KeyError("x")
                real(conn, row, outcomes)

            office.worker._settle = settle
            for number in range(8):
                await office.owe(_notice(f"bad{number}", f"b{number}@x.example"))
            await office.owe(_notice("good", "good@x.example"))
            office.start()
            await office.until(lambda: bool(office.settled), "the good one")
            assert office.settled == [("notice", "good", "good@x.example", "delivered")]
            pauses = []
            for _ in range(3):
                await office.until(lambda: True, "the parking")
                (row,) = await office.database.read(lambda conn: outbox_rows.of_case(conn, "bad0"))
                pauses.append(row.due_at - office.clock.now)
                office.clock.now = row.due_at
                attempts = row.attempts
                async with asyncio.timeout(15):
                    while row.attempts == attempts and len(pauses) < 3:
                        office.worker.wake()
                        await asyncio.sleep(0.02)
                        (row,) = await office.database.read(lambda conn: outbox_rows.of_case(conn, "bad0"))
            assert pauses == [timedelta(hours=1), timedelta(hours=4), timedelta(hours=24)]
            broken.clear()
            await office.until(lambda: len(office.settled) == 9, "the parked ones")
            assert await office.depth() == 0
        assert len(sink.deliveries()) == 9


@pytest.mark.asyncio
async def test_settle_and_row_are_one_transaction(tmp_path: Path) -> None:
    """What settle writes is there exactly when the row is gone, and gone when settle fails afterwards."""
    fail = [True]
    with Sink(tmp_path / "j") as sink:
        async with _office(tmp_path, sink.port) as office:

            def settle(conn: Connection, row: OutboxRow, outcomes: tuple[Outcome, ...]) -> None:
                owe(conn, _notice("after", "after@x.example"), office.clock() + timedelta(days=1))
                if fail:
                    raise RuntimeError("after the write")
                office.settle(conn, row, outcomes)

            office.worker._settle = settle
            await office.owe(_notice("c1"))
            office.start()
            await asyncio.sleep(0.5)
            assert await office.database.read(lambda conn: outbox_rows.of_case(conn, "after")) == []
            assert len(await office.database.read(lambda conn: outbox_rows.of_case(conn, "c1"))) == 1
            fail.clear()
            await office.until(lambda: bool(office.settled), "the record")
            assert len(await office.database.read(lambda conn: outbox_rows.of_case(conn, "after"))) == 1
            assert await office.database.read(lambda conn: outbox_rows.of_case(conn, "c1")) == []


@pytest.mark.asyncio
async def test_a_body_that_cannot_be_opened_stays_owed(tmp_path: Path) -> None:
    """A missing or unreadable body is our trouble: the row waits, no recipient is told 5xx, nothing empty is sent."""
    with Sink(tmp_path / "j") as sink:
        async with _office(tmp_path, sink.port) as office:
            owed = Owed("release", "c1", SENDER, _to("a@x.example"), "0" * 32, b"X: y\r\n")
            await office.owe(owed)
            office.start()
            await office.until(lambda: bool(office.settled), "the first try")
            assert office.settled[0][3] == "later"
            assert await office.depth() == 1
        assert sink.deliveries() == []


@pytest.mark.asyncio
async def test_a_stop_finishes_what_is_under_way(tmp_path: Path) -> None:
    """Stopping during a delivery waits for its record; rows not begun are free for the next office at once."""
    with Sink(tmp_path / "j", behaviour=Behaviour(latency=0.5)) as sink:
        async with _office(tmp_path, sink.port, parallel=1) as office:
            await office.owe(_notice("c1"))
            await office.owe(_notice("c2"))
            office.start()
            await _eventually(lambda: bool(office.worker._tasks))
            await office.stop()
            assert [each[1] for each in office.settled] == ["c1"]
            free = await office.database.write(
                lambda conn: outbox_rows.lease(conn, owner="next", now=office.clock(), until=office.clock())
            )
            assert [each.case_id for each in free] == ["c2"]
        assert len(sink.deliveries()) == 1


@pytest.mark.asyncio
async def test_an_idle_office_writes_nothing(tmp_path: Path) -> None:
    """Polling an empty outbox, or one with rows for later, makes no commit."""
    async with _office(tmp_path, free_port()) as office:
        await office.database.write(lambda conn: owe(conn, _notice(), office.clock() + timedelta(hours=1)))
        before = office.database.commits
        office.start()
        for _ in range(20):
            office.worker.wake()
            await asyncio.sleep(0.01)
        assert office.database.commits == before


@pytest.mark.asyncio
async def test_no_address_in_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reply of the next hop may quote an address; the log keeps only its codes."""
    behaviour = Behaviour(rcpt={b"gone@x.example": b"550 5.1.1 <gone@x.example>: unknown"})
    with Sink(tmp_path / "j", behaviour=behaviour) as sink:
        async with _office(tmp_path, sink.port) as office:
            await office.owe(_notice("c1", "gone@x.example"))
            office.start()
            await office.until(lambda: bool(office.settled), "the refusal")
    logged = capsys.readouterr().err
    assert '"550 5.1.1"' in logged
    assert "@" not in logged
