# SPDX-License-Identifier: Apache-2.0
"""Numeric gates over a simulation: "less than 0.5 % of mail held, none to authorities". Never changes a number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpmilter.simulate.summary import Share, Summary

HELD = "max-held"
NEWLY_HELD = "max-newly-held"
_LIMIT = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(%?)")


class GateError(ValueError):
    """The limit is not one: a sentence for people."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A name (max-held, max-newly-held, max-held-CLASS) and the most that is allowed, as count or share."""

    name: str
    limit: Fraction
    percent: bool

    @property
    def text(self) -> str:
        """The limit as people write it."""
        number = f"{float(self.limit):g}"
        return f"{number} %" if self.percent else number


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether one gate was met, in numbers and in a sentence."""

    gate: Gate
    share: Share
    met: bool

    @property
    def sentence(self) -> str:
        """What was counted and what was allowed."""
        what = {HELD: "mails are held or rejected", NEWLY_HELD: "mails are newly held or rejected"}.get(
            self.gate.name, f"recipients of class {self.gate.name.removeprefix(f'{HELD}-')} are held or rejected"
        )
        answer = "met" if self.met else "FAILED"
        return (
            f"gate {self.gate.name} {answer}: {self.share.count} of {self.share.total} {what}"
            f" ({self.share.percent}), {self.gate.text} allowed."
        )


def read_gate(name: str, text: str) -> Gate:
    """`0.5%` is a share, `3` a count. Raises GateError."""
    found = _LIMIT.fullmatch(text.strip())
    if found is None:
        raise GateError(f"{text!r} is not a limit. Write a number of mails (0) or a share of them (0.5%).")
    limit, percent = Fraction(found[1]), bool(found[2])
    if percent and limit > 100:
        raise GateError(f"{text!r} is more than all of them.")
    return Gate(name, limit, percent)


def outcome(gate: Gate, summary: Summary) -> Outcome:
    """Whether what was counted stays within the gate; a share of nothing is 0."""
    share = summary.share_of(gate.name.removeprefix(f"{HELD}-") if gate.name not in {HELD, NEWLY_HELD} else gate.name)
    # exact, so that 0.5 % of 200 is 1 and not a little less
    limit = gate.limit * share.total / 100 if gate.percent else gate.limit
    return Outcome(gate, share, share.count <= limit)
