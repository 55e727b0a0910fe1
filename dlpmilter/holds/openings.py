# SPDX-License-Identifier: Apache-2.0
"""Looking into a held mail: recorded first, shown after. Never for the sender's own eyes alone, never under seal.

The record names who looked and how far; the sender sees that somebody of the pool did (holds/view.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from dlpmilter import maillog
from dlpmilter.audit import trail
from dlpmilter.content.exhibit import exhibit_of, part_of
from dlpmilter.holds import actors, evidence
from dlpmilter.holds.acting import NoSuchCase, acting, case_in, entry
from dlpmilter.holds.actors import NotAllowed
from dlpmilter.holds.form import EVIDENCE, PRIVATE, PROTECTED
from dlpmilter.holds.states import State

if TYPE_CHECKING:
    from mmap import mmap

    from sqlalchemy import Connection

    from dlpmilter.content.exhibit import Exhibit
    from dlpmilter.content.inspect import Inspector
    from dlpmilter.holds.actors import Actor
    from dlpmilter.model.limits import Limits
    from dlpmilter.model.message import Structure
    from dlpmilter.storage.bodies import BodyStore
    from dlpmilter.storage.database import Database

T = TypeVar("T")
EVENT = "content-opened"
SECONDS = 15.0
"""Longer nobody waits for a page."""


class Stage(StrEnum):
    """How far somebody looks, from the least to the most."""

    excerpt = "excerpt"
    text = "text"
    html = "html"
    part = "part"


@dataclass(frozen=True, slots=True)
class Look:
    """How far somebody wants to look, and whether the person whose mail it is looks with him."""

    stage: Stage
    part: str = ""
    together: bool = False


def record_opening(conn: Connection, case_id: str, actor: Actor, look: Look, now: datetime) -> str:
    """Write who looks, and return the place of the body. Raises NoSuchCase, NotAllowed."""
    case = case_in(conn, case_id)
    actors.refuse_sender(actor, case)
    mine = actors.of_pools(actor, case, case.holds)
    if any(hold.state == State.sealed for hold in case.holds) or case.justification_code == EVIDENCE:
        evidence.refuse_shut(conn, case, actor, now)
    if case.justification_code == PROTECTED:
        raise NotAllowed("protected", f"case {case.id} is a report or advice: its content is nobody's business")
    if case.body_id is None or case.purged_at is not None:
        raise NotAllowed("content-gone", f"the mail of case {case.id} is deleted")
    if case.justification_code == PRIVATE and not look.together:
        raise NotAllowed("together", f"the sender says that the mail of case {case.id} is private: open it together")
    fields = acting(actor, "reviewer", mine) | {"stage": look.stage.value, "together": look.together}
    if look.part:
        fields["part"] = look.part
    trail.append(conn, entry(EVENT, "none", case, fields, now))
    return case.body_id


def record_own(conn: Connection, case_id: str, actor: Actor, now: datetime) -> str:
    """The person takes the own evidence out, both keys at hand; the body's place. Raises NoSuchCase, NotAllowed."""
    case = case_in(conn, case_id)
    if not actors.is_sender(actor, case):
        raise NotAllowed("not-yours", f"case {case.id} is not your own mail")
    evidence.refuse_shut(conn, case, actor, now)
    if case.body_id is None:
        raise NotAllowed("content-gone", f"the mail of case {case.id} is deleted")
    fields = acting(actor, "sender", case.holds) | {"stage": Stage.part.value, "together": True}
    trail.append(conn, entry(EVENT, "none", case, fields, now))
    return case.body_id


@dataclass(frozen=True, slots=True)
class Exhibits:
    """The counter for looking into held mails."""

    database: Database
    bodies: BodyStore
    inspector: Inspector
    """Reads the structure of a mail in a confined process that can be killed."""
    limits: Limits
    clock: Callable[[], datetime]

    async def open(self, case_id: str, actor: Actor, look: Look) -> Exhibit:
        """One mail for a page. Raises NoSuchCase, NotAllowed, BodyError, TimeoutError, TemporaryFailure."""
        return await self._opened(case_id, actor, look, lambda data, tree: exhibit_of(data, tree, self.limits))

    async def part(self, case_id: str, actor: Actor, look: Look) -> tuple[str, bytes]:
        """Name and octets of one enclosed file. Raises the same; NoSuchCase when there is no such part."""
        found = await self._opened(case_id, actor, look, lambda data, tree: part_of(data, tree, look.part))
        if found is None:
            raise NoSuchCase(f"case {case_id} has no part {look.part!r} that can be handed over")
        return found

    async def own(self, case_id: str, actor: Actor) -> bytes:
        """The whole mail for its sender, as it is kept. Raises NoSuchCase, NotAllowed, BodyError, TemporaryFailure."""
        now = self.clock()
        message = await self.bodies.get(await self.database.write(lambda conn: record_own(conn, case_id, actor, now)))
        try:
            return await asyncio.to_thread(lambda: b"".join(message.chunks()))
        finally:
            message.close()

    async def _opened(self, case_id: str, actor: Actor, look: Look, read: Callable[[bytes | mmap, Structure], T]) -> T:
        now = self.clock()
        body = await self.database.write(lambda conn: record_opening(conn, case_id, actor, look, now))
        maillog.acted("open", case_id.strip().upper(), look.stage.value)
        message = await self.bodies.get(body)
        try:
            tree = await self.inspector.structure(message)
        except BaseException:
            message.close()
            raise

        def work() -> T:
            try:
                with message.view() as data:
                    return read(data, tree)
            finally:
                message.close()

        return await asyncio.wait_for(asyncio.to_thread(work), SECONDS)
