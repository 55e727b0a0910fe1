# SPDX-License-Identifier: Apache-2.0
"""One mail file judged as the gate would judge it: headers first, structure and content only when a rule asks.

Never raises for what stands in a mail; a judge that breaks gives the gate's answer for that (`unjudged`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dlpmilter.engine.evaluate import evaluate
from dlpmilter.engine.failure import unjudged
from dlpmilter.engine.questions import own_person
from dlpmilter.engine.seen import Seen
from dlpmilter.mime.head import read_head
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.content import ContentReport
from dlpmilter.model.message import Structure
from dlpmilter.model.transaction import Client, Transaction
from dlpmilter.policy.match import Needs
from dlpmilter.policy.schema import FACTS
from dlpmilter.policy.terms import SOURCES
from dlpmilter.simulate.envelope import derived_recipients, derived_sender
from dlpmilter.simulate.reader import Closed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpmilter.model.facts import Facts
    from dlpmilter.model.limits import Limits
    from dlpmilter.model.message import Head
    from dlpmilter.model.transaction import EnvelopePath
    from dlpmilter.model.verdict import Verdict
    from dlpmilter.policy.schema import Policy
    from dlpmilter.simulate.inbound import Index
    from dlpmilter.simulate.reader import Reader

_MAIL_FIELDS = ("from", "to", "received", "message-id", "date", "subject", "return-path", "cc", "bcc")
_CLIENT = Client("")


@dataclass(frozen=True, slots=True)
class Bench:
    """What is the same for all mails: policies in the order of the answers, limits, facts."""

    policies: tuple[Policy, ...]
    limits: Limits
    facts: Facts
    index: Index | None = None
    """Who wrote before, where an archive of inbound mail was learned; asked only when a rule needs it."""
    reader: Reader = field(default_factory=Closed)
    """Opens the content; asked only when a rule needs it, and counts that."""


@dataclass(slots=True)
class Given:
    """The envelope where it is known; else it is derived from the headers."""

    sender: EnvelopePath | None = None
    recipients: Sequence[EnvelopePath] = ()
    report: ContentReport | None = None
    """What the content holds, where somebody says so; else it is read."""


def head_of(content: bytes, limits: Limits) -> Head | None:
    """The header block, None when this is no mail at all (no field that mail has)."""
    head = read_head(content[: limits.header_octets + 1], limits)
    return head if any(name in head for name in _MAIL_FIELDS) else None


def judge(
    content: bytes, head: Head, bench: Bench, given: Given | None = None, *, unreadable: str = ""
) -> tuple[Verdict, ...]:
    """One verdict a policy. `unreadable` says that nobody can read the mail (a slug), and why."""
    given = given or Given()
    transaction = Transaction(
        id="simulate",
        client=_CLIENT,
        sender=given.sender or derived_sender(head),
        recipients=tuple(given.recipients or derived_recipients(head)[: bench.limits.recipients]),
        head=head.raw,
        size=len(content),
        received_at=bench.facts.now,
    )
    work = _Work(transaction, head, content, bench, unreadable, given.report)
    verdicts: list[Verdict] = []
    for policy in bench.policies:
        try:
            verdict = work.verdict(policy)
        except Exception:  # noqa: BLE001 - as in the pipeline: a broken judge is a verdict of its own
            verdict = unjudged(transaction, policy, bench.facts)
        verdicts.append(verdict)
    return tuple(verdicts)


@dataclass(slots=True)
class _Work:
    """One mail; structure and content are read once, whatever policies ask for them."""

    transaction: Transaction
    head: Head
    content: bytes
    bench: Bench
    unreadable: str
    given: ContentReport | None
    structure: Structure | None = None
    reports: dict[str, ContentReport] = field(default_factory=dict)
    """What each set of detectors finds in it."""
    seen: Seen = field(default_factory=Seen)

    def verdict(self, policy: Policy) -> Verdict:
        """Ask until the engine is content, the cheapest source first, as the gate does."""
        facts = self.bench.facts if self.bench.index is None else replace(self.bench.facts, known=None)
        for _ in SOURCES:
            report = self.given or self.reports.get(policy.detectors)
            result = evaluate(self.transaction, self.head, facts, policy, self.structure, report, self.seen)
            if not isinstance(result, Needs):
                return result
            asked = {source for fact in result.facts for source in FACTS[fact].sources}
            if facts.known is None and self.bench.index is not None and "store" in asked:
                facts = replace(facts, known=self.bench.index.about(self.transaction, self.head, facts, policy))
            elif self.structure is None and "structure" in asked:
                self.structure = _structure(self.content, self.bench.limits, self.unreadable)
            elif report is None and "content" in asked:
                self.reports[policy.detectors] = self._opened(facts, policy)
            else:
                break
        raise TypeError("the engine asks for what it has")

    def _opened(self, facts: Facts, policy: Policy) -> ContentReport:
        if self.unreadable:
            return ContentReport(uninspectable=(self.unreadable,))
        names, addresses = own_person(self.transaction, self.head, facts, policy, self.seen)
        return self.bench.reader.report(self.content, names, addresses, policy)


def _structure(content: bytes, limits: Limits, unreadable: str) -> Structure:
    if unreadable:
        return Structure(uninspectable=(unreadable,))
    try:
        return read_structure(content, limits)
    except MemoryError:
        return Structure(uninspectable=("out-of-memory",))
