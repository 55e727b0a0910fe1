# SPDX-License-Identifier: Apache-2.0
"""A held mail judged again with what its sender says: real mails, the real judge, reader and sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from dlpmilter.audit import trail
from dlpmilter.audit.verify import verify
from dlpmilter.engine.failure import unjudged
from dlpmilter.facts.knowledge import Knowledge
from dlpmilter.holds import form, reread, settle
from dlpmilter.holds.actors import Actor, NotAllowed
from dlpmilter.holds.notify import Notifier
from dlpmilter.holds.place import record_decided
from dlpmilter.holds.replays import replays
from dlpmilter.holds.states import Conflict, State
from dlpmilter.holds.sweep import Sweeper
from dlpmilter.holds.workflow import Workflow
from dlpmilter.model.facts import Facts
from dlpmilter.model.reply import Reply
from dlpmilter.model.transaction import EnvelopePath
from dlpmilter.model.verdict import Verdict
from dlpmilter.model.words import Stated
from dlpmilter.pipeline.reread import Rereader
from dlpmilter.policy.schema import Policy
from dlpmilter.relay.outbox import Outcome
from dlpmilter.spill import MessageBytes
from dlpmilter.storage import case_rows, outbox_rows
from dlpmilter.storage.case_rows import Case
from tests.holds.house import ANNA, FINE, RITA, Rooms, mail, rooms, transaction

PRIVATE = "anna.berg@gmx.de"
SELF = Actor("anna", ANNA, frozenset())
PAYSLIP = "Entgeltabrechnung Januar 2026\nAnna Berg\nPersonalnummer 4711\n"
OTHERS = "Entgeltabrechnung Januar 2026\nAnna Berg\n\nFrau Petra Sommer, geboren am 01.02.1980, verdient 4.000 Euro.\n"
LETTER = "Liebe Chorleute,\nam Donnerstag proben wir im Saal.\n"
FILE = "Takt 1 bis 12: leise beginnen. Danach lauter werden.\n"


def carrying(text: str, file: str, name: str = "abrechnung.txt") -> bytes:
    """A mail with a text and a file."""
    head = mail().partition(b"\r\n\r\n")[0].replace(b"Fwd: ", b"").replace(b"a@gmx.example", PRIVATE.encode())
    body = (
        f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain; charset=utf-8'
        f'\n\n{text}\n--b\nContent-Type: text/plain; charset=utf-8; name="{name}"\nContent-Disposition: attachment; '
        f'filename="{name}"\n\n{file}\n--b--\n'
    )
    return head + b"\r\n" + body.replace("\n", "\r\n").encode()


@dataclass
class House:
    """The rooms with somebody who can judge again."""

    rooms: Rooms
    policy: Policy
    rereader: Rereader

    @property
    def current(self) -> Policy:
        return self.policy

    def use(self, private_use: Literal["forbidden", "allowed"]) -> None:
        """What the company says about private mail."""
        assert self.policy.governance is not None
        self.policy = replace(self.policy, governance=replace(self.policy.governance, private_use=private_use))
        self.rooms.notifier = Notifier.build(self.rooms.config, self.policy, self.rooms.keyring)

    @property
    def workflow(self) -> Workflow:
        return replace(self.rooms.workflow, reread=self.rereader.verdict)

    async def say(self, case_id: str, code: str, actor: Actor = SELF) -> list[str]:
        """State a reason; returns where the recipients stand then."""
        done = await self.workflow.justify(case_id, actor, form.short(code, "it is mine"))
        return [hold.state for hold in done.case.holds]

    async def events(self, case_id: str) -> list[tuple[str, dict[str, trail.Value]]]:
        """What the trail says."""
        found = await self.rooms.database.read(lambda conn: trail.of_case(conn, case_id))
        return [(row.event, fields) for row, fields in found]

    async def owed(self, kind: str) -> int:
        """How many mails of this kind we owe."""
        query = "SELECT count(*) FROM outbox WHERE kind = ?"
        return int(await self.rooms.database.read(lambda conn: conn.exec_driver_sql(query, (kind,)).scalar_one()))

    async def kinds(self) -> list[str]:
        """Notices written, oldest first."""
        found = await self.rooms.database.read(
            lambda conn: conn.exec_driver_sql("SELECT kind FROM notices ORDER BY rowid").scalars().all()
        )
        return [str(each).partition("-")[0] for each in found]


@asynccontextmanager
async def house(folder: Path, private_use: Literal["forbidden", "allowed"] = "allowed") -> AsyncIterator[House]:
    async with rooms(folder) as found:
        knowledge = Knowledge(found.config, found.database, found.keyring)
        await knowledge.start()
        made = House(found, found.policy, None)  # type: ignore[arg-type]
        made.rereader = Rereader(found.config, made, found.bodies, knowledge, found.keyring, found.clock)
        made.use(private_use)
        try:
            yield made
        finally:
            await made.rereader.close()
            await knowledge.close()


@pytest.mark.asyncio
async def test_the_own_payslip_leaves_when_its_owner_says_so(tmp_path: Path) -> None:
    """The policy finds nobody else in it: no reviewer has to look, and the decision can be made again."""
    async with house(tmp_path) as one:
        case = (await one.rooms.hold(PRIVATE, message=carrying("Anbei.", PAYSLIP))).case_id
        assert await one.say(case, "R4") == [State.releasing]
        events = await one.events(case)
        assert [name for name, _ in events] == ["decided", "justified", "allowed", "releasing"]
        said = events[2][1]
        assert (said["actor"], said["role"], said["reason-code"]) == (ANNA, "policy", "R4")
        assert "stated-own-document" in said["recipient.0.rules"]  # type: ignore[operator]
        again = await one.rooms.database.read(lambda conn: list(replays(conn, frozenset({case}))))
        assert [each.same for each in again if each.recorded == "relay"] == [True]
        assert await one.owed("release") == 1
        assert await one.kinds() == ["hold"]


@pytest.mark.asyncio
@pytest.mark.parametrize(("file", "code"), [(OTHERS, "R4"), (OTHERS, "R7"), (PAYSLIP, "R1"), (PAYSLIP, "R11")])
async def test_a_statement_alone_never_releases(tmp_path: Path, file: str, code: str) -> None:
    """Somebody else's data in it, or another reason: people decide, and they are asked."""
    async with house(tmp_path) as one:
        case = (await one.rooms.hold(PRIVATE, message=carrying("Anbei.", file))).case_id
        assert await one.say(case, code) == [State.justified]
        assert await one.owed("release") == 0
        names = [name for name, _ in await one.events(case)]
        assert names == ["decided", "justified", *(["re-judged"] if code in reread.STATEMENTS else [])]


@pytest.mark.asyncio
async def test_a_private_letter_leaves_where_private_use_is_allowed(tmp_path: Path) -> None:
    """Nothing of others was found in it."""
    async with house(tmp_path) as one:
        case = (await one.rooms.hold(PRIVATE, message=carrying(LETTER, FILE, "noten.txt"))).case_id
        assert await one.say(case, "R7") == [State.releasing]


@pytest.mark.asyncio
async def test_a_private_letter_comes_back_where_private_use_is_forbidden(tmp_path: Path) -> None:
    """To the person's own business mailbox, and to nobody else; nobody reads it."""
    async with house(tmp_path, "forbidden") as one:
        case = (await one.rooms.hold(PRIVATE, message=carrying(LETTER, FILE, "noten.txt"))).case_id
        assert await one.say(case, "R7") == [State.withdrawn]
        assert (await one.events(case))[-1][0] == "returned"
        assert await one.owed("release") == 0
        back = await one.rooms.database.read(lambda conn: outbox_rows.of_case(conn, case, "returned"))
        assert [each.path.mailbox.text for row in back for each in row.recipients] == [ANNA]


@pytest.mark.asyncio
async def test_only_the_senders_own_word_counts(tmp_path: Path) -> None:
    """A reviewer who writes R4 down for her releases nothing by it."""
    async with house(tmp_path) as one:
        case = (await one.rooms.hold(PRIVATE, message=carrying("Anbei.", PAYSLIP))).case_id
        assert await one.say(case, "R4", RITA) == [State.justified]
        assert await one.say(case, "R4") == [State.releasing]


@pytest.mark.asyncio
async def test_what_somebody_looks_at_or_refused_stays_with_people(tmp_path: Path) -> None:
    """Taken by a reviewer, or refused and appealed: the policy is not asked behind their backs."""
    async with house(tmp_path) as one:
        taken = (await one.rooms.hold(PRIVATE, message=carrying("Anbei.", PAYSLIP))).case_id
        await one.workflow.claim(taken, RITA)
        assert await one.say(taken, "R4") == [State.in_review]
        refused = (await one.rooms.hold(PRIVATE, message=carrying("Anbei.", PAYSLIP))).case_id
        await one.workflow.reject(refused, RITA, "Please use the share.")
        assert one.policy.governance is not None
        one.policy = replace(one.policy, governance=replace(one.policy.governance, appeal_pool="works-council"))
        one.rooms.notifier = Notifier.build(one.rooms.config, one.policy, one.rooms.keyring)
        await one.workflow.appeal(refused, SELF, "It is my own payslip.")
        assert await one.say(refused, "R4") == [State.justified]


@pytest.mark.asyncio
async def test_a_judge_that_breaks_lets_nothing_out(tmp_path: Path) -> None:
    """Or a policy that was loaded again in between: the statement is kept, people decide."""
    async with house(tmp_path) as one:
        case = (await one.rooms.hold(PRIVATE, message=carrying("Anbei.", PAYSLIP))).case_id

        async def broken(*_: object) -> Verdict:
            raise RuntimeError("boom")

        done = await replace(one.rooms.workflow, reread=broken).justify(case, SELF, form.short("R4", "mine"))
        assert [hold.state for hold in done.case.holds] == [State.justified]

        async def older(case: Case, paths: list[EnvelopePath], stated: Stated) -> Verdict:
            return replace(await one.rereader.verdict(case, paths, stated), policy_version="0" * 64)

        done = await replace(one.rooms.workflow, reread=older).justify(case, SELF, form.short("R4", "mine"))  # type: ignore[arg-type]
        assert [hold.state for hold in done.case.holds] == [State.justified]
        assert done.case.justification_code == "R4"


@pytest.mark.asyncio
async def test_recipients_are_judged_one_by_one(tmp_path: Path) -> None:
    """To her own mailbox it goes, to a colleague's it waits."""
    async with house(tmp_path) as one:
        to = (PRIVATE, "bob.meier@gmx.de")
        case = (await one.rooms.hold(*to, message=carrying("Anbei.", PAYSLIP))).case_id
        states = await one.say(case, "R4")
        assert states[0] == State.releasing
        row = (await one.rooms.database.read(lambda conn: outbox_rows.of_case(conn, case, "release")))[0]
        assert [each.path.mailbox.text for each in row.recipients] == [PRIVATE]
        assert states == [State.releasing, State.justified]
        assert [name for name, _ in await one.events(case)] == [
            "decided", "justified", "re-judged", "allowed", "releasing",
        ]  # fmt: skip


@pytest.mark.asyncio
async def test_what_was_ones_own_is_forgotten_when_it_has_left(tmp_path: Path) -> None:
    """The copy goes with the next sweep, the personal fields of the trail as well; the trail still verifies."""
    async with house(tmp_path) as one:
        case = (await one.rooms.hold(PRIVATE, message=carrying("Anbei.", PAYSLIP))).case_id
        await one.say(case, "R4")
        row = (await one.rooms.database.read(lambda conn: outbox_rows.of_case(conn, case, "release")))[0]
        fine = tuple(Outcome(each.id, each.path, Reply(250, (b"2.0.0 ok",)), "delivered") for each in row.recipients)

        def leave(conn: object) -> None:
            settle.settle(conn, row, fine, notifier=one.rooms.notifier, now=one.rooms.clock())  # type: ignore[arg-type]
            outbox_rows.remove(conn, row.id)  # type: ignore[arg-type]

        await one.rooms.database.write(leave)
        released = dict(await one.events(case))["released"]
        assert released["controller-after"] == "recipient_own"
        assert await one.kinds() == ["hold", "allowed"]
        await Sweeper(one.rooms.database, one.rooms.bodies).run(one.rooms.notifier, one.rooms.clock())
        kept = await one.rooms.database.read(lambda conn: case_rows.get(conn, case))
        assert kept is not None
        assert (kept.body_id, kept.owner, kept.authors, kept.login, kept.message_id) == (None, "", (), "", None)
        text = str(await one.events(case))
        assert ANNA not in text
        assert PRIVATE not in text
        assert (await one.rooms.database.read(verify)).ok
        await one.rooms.database.write(lambda conn: conn.exec_driver_sql("DELETE FROM outbox"))  # the notices are out
        one.rooms.clock.now += timedelta(days=1, hours=1)
        await Sweeper(one.rooms.database, one.rooms.bodies).run(one.rooms.notifier, one.rooms.clock())
        assert await one.rooms.database.read(lambda conn: case_rows.get(conn, case)) is None


@pytest.mark.asyncio
async def test_what_people_approved_is_kept_as_always(tmp_path: Path) -> None:
    """With the same reason, but a person decided: the record of an approval stays."""
    async with house(tmp_path) as one:
        case = (await one.rooms.hold(PRIVATE, message=carrying("Anbei.", OTHERS))).case_id
        await one.say(case, "R4")
        await one.workflow.approve(case, RITA, FINE)
        assert await one.rooms.database.read(lambda conn: reread.allowed(conn, case)) == {}


async def broken_on(one: House, message: bytes, to: str = PRIVATE) -> str:
    """A mail on which the judge broke three times: held by its class alone; its case."""
    envelope = transaction(message, [to])
    decided = await record_decided(
        one.rooms.database, one.rooms.bodies, transaction=envelope,
        verdict=unjudged(envelope, one.policy, Facts(now=one.rooms.clock())), message=MessageBytes.of(message),
        policy=one.policy, config=one.rooms.config, notice=one.rooms.notifier,
    )  # fmt: skip
    return decided.case_id


@pytest.mark.asyncio
async def test_a_mended_judge_lets_go_what_the_rules_let_pass(tmp_path: Path) -> None:
    """The short note leaves, the forward waits under its own rule and pool, both on record; nothing is forgotten."""
    async with house(tmp_path) as one:
        note = await broken_on(one, mail(b"Bring the keys tomorrow.\r\n").replace(b"Fwd: ", b""))
        forward = await broken_on(one, mail(b"-----Original Message-----\r\nFrom: k@partner.example\r\nSent: today\r\n"
                                            b"To: a\r\nSubject: b\r\n\r\nx\r\n"))  # fmt: skip
        assert set(await one.workflow.shunted()) == {note, forward}
        moved = {each: (await one.workflow.unshunt(each, RITA)).case.holds[0] for each in (note, forward)}
        assert (moved[note].state, moved[forward].state) == (State.releasing, State.held)
        assert (moved[forward].rule, moved[forward].pool) == ("own-private-mailbox", "privacy")
        assert [name for name, _ in await one.events(note)] == ["decided", "unshunted", "releasing"]
        assert [name for name, _ in await one.events(forward)] == ["decided", "re-judged"]
        assert await one.workflow.shunted() == []
        with pytest.raises(Conflict):
            await one.workflow.unshunt(note, RITA)


@pytest.mark.asyncio
async def test_a_judge_that_still_breaks_changes_nothing(tmp_path: Path) -> None:
    """It is named, and the mail waits as before."""
    async with house(tmp_path) as one:
        case = await broken_on(one, mail())

        async def broken(*_: object) -> Verdict:
            raise RuntimeError("boom")

        with pytest.raises(NotAllowed, match="still breaks"):
            await replace(one.rooms.workflow, reread=broken).unshunt(case, RITA)
        with pytest.raises(NotAllowed, match="running office"):
            await one.rooms.workflow.unshunt(case, RITA)
        assert [name for name, _ in await one.events(case)] == ["decided"]
