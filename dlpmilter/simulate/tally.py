# SPDX-License-Identifier: Apache-2.0
"""What a simulation counts: mails, recipients, and one cell for each week, class, rule and action under both policies.

Grows with the number of different cells, never with the number of mails; keeps no address unless asked to.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dlpmilter.engine.decide import NULL_SENDER, UNREADABLE
from dlpmilter.model.words import Action, Mode

if TYPE_CHECKING:
    from dlpmilter.model.verdict import Disposition, Verdict

EXAMPLES = 200
"""Changed mails that are named in the report; the first ones of the archives."""


class Cell(NamedTuple):
    """Recipients are counted by these; `new` is the policy tried, `old` the one it is compared with ("" without)."""

    week: str
    recipient_class: str
    new_rule: str
    new_action: str
    old_rule: str
    old_action: str


class Fate(NamedTuple):
    """Mails are counted by these: their week, and whether any recipient is held or rejected."""

    week: str
    new: bool
    old: bool


class Example(NamedTuple):
    """One changed recipient: order in the archives, where the mail stands, its cell; addresses only when asked for."""

    order: tuple[int, int, int]
    place: str
    cell: Cell
    sender: str = ""
    recipient: str = ""


@dataclass(slots=True)
class Tally:
    """Counts of one chunk, or of all of them."""

    mails: int = 0
    octets: int = 0
    asked: int = 0
    """Mails whose content a rule asked for."""
    cells: Counter[Cell] = field(default_factory=Counter)
    fates: Counter[Fate] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    """Why a file or mail was not judged (slug) -> how many."""
    notes: Counter[str] = field(default_factory=Counter)
    """What was odd about mails that were judged: no-recipient, judge-failed, timed-out, content-not-opened."""
    examples: list[Example] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take another tally in; the order of adding makes no difference."""
        self.mails += other.mails
        self.octets += other.octets
        self.asked += other.asked
        self.cells.update(other.cells)
        self.fates.update(other.fates)
        self.troubles.update(other.troubles)
        self.notes.update(other.notes)
        self.examples = heapq.nsmallest(EXAMPLES, [*self.examples, *other.examples])

    def count(
        self, verdicts: tuple[Verdict, ...], week: str, place: str, order: tuple[int, int], *, addresses: bool
    ) -> None:
        """One judged mail; the first verdict is that of the policy tried, a second one that of the old policy."""
        new, old = verdicts[0], verdicts[1] if len(verdicts) > 1 else None
        self.mails += 1
        self.fates[Fate(week, stops(new.action), old is not None and stops(old.action))] += 1
        if not new.dispositions:
            self.notes["no-recipient"] += 1
        if "judge-failed" in new.message.uninspectable:
            self.notes["judge-failed"] += 1
        for number, one in enumerate(new.dispositions):
            other = old.dispositions[number] if old is not None else None
            cell = Cell(week, one.recipient_class.value, deciding_rule(one), one.action.name,
                        deciding_rule(other) if other else "", other.action.name if other else "")  # fmt: skip
            self.cells[cell] += 1
            changed = one.action is not other.action if other else stops(one.action)
            if changed and len(self.examples) < EXAMPLES:
                named = (new.sender.address, one.recipient.mailbox.key) if addresses else ("", "")
                self.examples.append(Example((*order, number), place, cell, *named))


def stops(action: Action) -> bool:
    """Whether the recipient does not get the mail at once: held or rejected."""
    return action >= Action.hold


def deciding_rule(one: Disposition) -> str:
    """The rule that set the action, or the slug of what did (no-case, uninspectable-to-private)."""
    best, rule = Action.relay, ""
    for hit in one.rules:
        if hit.stage == "also" or hit.mode is Mode.count:
            continue
        effect = min(hit.action, Action.tag) if hit.mode is Mode.advise else hit.action
        if not rule or effect > best:
            best, rule = effect, hit.id
    if rule and (best >= one.action or (NULL_SENDER in one.reasons and best is Action.hold)):
        return rule
    return next((each for each in one.reasons if each in {UNREADABLE, "judge-failed"}), rule or "no-case")
