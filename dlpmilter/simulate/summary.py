# SPDX-License-Identifier: Apache-2.0
"""The numbers of a simulation in the order people read them; table, CSV, JSON and HTML are made from these.

Never holds an address but in examples, where they were asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dlpmilter.model.words import Action
from dlpmilter.simulate.tally import stops
from dlpmilter.simulate.words import WORDS

if TYPE_CHECKING:
    from dlpmilter.simulate.gates import Outcome
    from dlpmilter.simulate.tally import Cell, Example, Tally

CSV_COLUMNS = ("week", "class", "rule", "action", "against_rule", "against_action", "recipients")


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    count: int
    total: int

    @property
    def ratio(self) -> float:
        """0..1; nothing of nothing is 0."""
        return self.count / self.total if self.total else 0.0

    @property
    def percent(self) -> str:
        """With two digits, as in `0.40 %`."""
        return f"{100 * self.ratio:.2f} %"


@dataclass(frozen=True, slots=True)
class Row:
    """One class or week: recipients (or mails) in all, stopped under both policies, what changed."""

    name: str
    total: int
    held: int
    held_before: int
    newly_held: int
    newly_released: int
    tagged: int = 0


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule with one action: recipients for whom it decided, under the tried policy and under the old one."""

    rule: str
    action: str
    recipients: int
    before: int


@dataclass(frozen=True, slots=True)
class Side:
    """One policy: name and version, and whether any of its rules does more than count."""

    name: str
    version: str
    acts: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything a report shows."""

    policy: Side
    against: Side | None
    mails: Row
    recipients: Row
    classes: tuple[Row, ...]
    rules: tuple[RuleRow, ...]
    weeks: tuple[Row, ...]
    """Mails by week; "unknown" last."""
    octets: int
    troubles: tuple[tuple[str, int], ...]
    notes: tuple[tuple[str, int], ...]
    examples: tuple[Example, ...] = ()
    asked: int = 0
    """Mails whose content a rule asked for."""
    opened: bool = False
    """Whether it was opened; else it counts as if nothing was found."""
    cells: tuple[tuple[Cell, int], ...] = field(default=(), repr=False)

    def share_of(self, name: str) -> Share:
        """What a gate of this name counts: mails, or the recipients of one class."""
        if name == "max-held":
            return Share(self.mails.held, self.mails.total)
        if name == "max-newly-held":
            return Share(self.mails.newly_held, self.mails.total)
        row = next((each for each in self.classes if each.name == name), None)
        return Share(row.held, row.total) if row else Share(0, 0)


def summarise(tally: Tally, policy: Side, against: Side | None, *, opened: bool = False) -> Summary:
    """The counts in order: classes and rules by number of recipients, weeks by time."""
    cells = sorted(tally.cells.items())
    return Summary(
        policy=policy,
        against=against,
        mails=_mails("", tally.fates.items(), compared=against is not None),
        recipients=_recipients("", cells),
        classes=tuple(
            sorted(_grouped(cells, lambda each: each.recipient_class), key=lambda row: (-row.total, row.name))
        ),
        rules=_rules(cells),
        weeks=tuple(
            _mails(week, [each for each in tally.fates.items() if each[0].week == week], compared=against is not None)
            for week in sorted({fate.week for fate in tally.fates}, key=lambda each: (each == "unknown", each))
        ),
        octets=tally.octets,
        troubles=tuple(sorted(tally.troubles.items())),
        notes=tuple(sorted(tally.notes.items())),
        examples=tuple(tally.examples),
        asked=tally.asked,
        opened=opened,
        cells=tuple(cells),
    )


def as_json(summary: Summary, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The contract of `policy simulate --json`."""
    shares = {name: asdict(share) | {"percent": round(100 * share.ratio, 4)} for name, share in {
        "held": Share(summary.mails.held, summary.mails.total),
        "newly_held": Share(summary.mails.newly_held, summary.mails.total),
        "newly_released": Share(summary.mails.newly_released, summary.mails.total),
    }.items()}  # fmt: skip
    return {
        "policy": asdict(summary.policy),
        "against": asdict(summary.against) if summary.against else None,
        "mails": summary.mails.total,
        "recipients": summary.recipients.total,
        "octets": summary.octets,
        "content": {
            "opened": summary.opened, "mails": summary.asked, "sentence": content_line(summary, WORDS["en"])
        },
        "not_judged": dict(summary.troubles),
        "notes": dict(summary.notes),
        "shares": shares,
        "by_class": [asdict(each) for each in summary.classes],
        "by_rule": [asdict(each) for each in summary.rules],
        "by_week": [asdict(each) for each in summary.weeks],
        "examples": [
            {"place": each.place, **each.cell._asdict()}
            | ({"sender": each.sender, "recipient": each.recipient} if each.recipient else {})
            for each in summary.examples
        ],
        "gates": [
            {"name": each.gate.name, "limit": each.gate.text, "count": each.share.count, "total": each.share.total,
             "met": each.met, "sentence": each.sentence}
            for each in outcomes
        ],
    }  # fmt: skip


def content_line(summary: Summary, words: Mapping[str, str]) -> str:
    """One sentence: for how many mails a rule asked for the content, and whether it was opened."""
    return words["content_opened" if summary.opened else "content_closed"].format(count=summary.asked)


def csv_rows(summary: Summary) -> list[tuple[str, ...]]:
    """One row a cell, with CSV_COLUMNS as the first row; numbers add up to all recipients."""
    rows: list[tuple[str, ...]] = [CSV_COLUMNS]
    for cell, count in summary.cells:
        rows.append((cell.week, cell.recipient_class, cell.new_rule, cell.new_action, cell.old_rule, cell.old_action,
                     str(count)))  # fmt: skip
    return rows


def _grouped(cells: Iterable[tuple[Cell, int]], key: Callable[[Cell], str]) -> list[Row]:
    groups: dict[str, list[tuple[Cell, int]]] = {}
    for each in cells:
        groups.setdefault(key(each[0]), []).append(each)
    return [_recipients(name, members) for name, members in groups.items()]


def _recipients(name: str, cells: Iterable[tuple[Cell, int]]) -> Row:
    counts = Counter[str]()
    for cell, number in cells:
        new = stops(Action[cell.new_action])
        old = bool(cell.old_action) and stops(Action[cell.old_action])
        counts["total"] += number
        counts["held"] += number * new
        counts["held_before"] += number * old
        counts["newly_held"] += number * (bool(cell.old_action) and new and not old)
        counts["newly_released"] += number * (old and not new)
        counts["tagged"] += number * (cell.new_action in {"tag", "rewrite"})
    return Row(name, counts["total"], counts["held"], counts["held_before"], counts["newly_held"],
               counts["newly_released"], counts["tagged"])  # fmt: skip


def _mails(name: str, fates: Iterable[tuple[Any, int]], *, compared: bool) -> Row:
    total = held = before = newly = released = 0
    for fate, number in fates:
        total += number
        held += number * fate.new
        before += number * fate.old
        newly += number * (compared and fate.new and not fate.old)
        released += number * (fate.old and not fate.new)
    return Row(name, total, held, before, newly, released)


def _rules(cells: Iterable[tuple[Cell, int]]) -> tuple[RuleRow, ...]:
    new, old = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for cell, number in cells:
        new[cell.new_rule, cell.new_action] += number
        if cell.old_action:
            old[cell.old_rule, cell.old_action] += number
    rows = [RuleRow(*key, new[key], old[key]) for key in new | old]
    return tuple(sorted(rows, key=lambda row: (-int(Action[row.action]), -row.recipients, row.rule)))
