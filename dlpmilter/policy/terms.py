# SPDX-License-Identifier: Apache-2.0
"""The words of the condition language: fact types, unknown, needs, the checked condition, its error.

Never parses (match.py), never type checks (grammar.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable


class FactKind(StrEnum):
    """The types a fact may have."""

    text = "text"
    number = "number"
    flag = "flag"
    word = "word"
    """Text out of a closed list."""


Source = Literal["headers", "store", "structure", "network", "content"]
SOURCES: tuple[Source, ...] = ("headers", "store", "structure", "network", "content")
"""Where a fact comes from, the cheapest first."""


@dataclass(frozen=True, slots=True)
class FactType:
    """One row of the table of facts: type, allowed words, where it comes from, what it means."""

    kind: FactKind
    values: tuple[str, ...] = ()
    """The allowed words of a `word`."""
    doc: str = ""
    sources: tuple[Source, ...] = ("headers",)
    """Where it comes from; with several, the cheap ones may be enough (an agreement's scope, a relation)."""
    domain: bool = False
    """Whether the text is a domain in its normal form (lower case, punycode)."""


class ConditionError(ValueError):
    """The condition cannot be used: what is wrong with it, and what would be right."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(f"{what} {fix}".strip())
        self.what = what
        self.fix = fix


class _Unknown:
    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()
"""What a lookup returns for a fact that nobody has computed yet."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Neither true nor false: these facts decide it. Test for it with isinstance."""

    facts: frozenset[str]

    def __or__(self, other: Needs) -> Needs:
        return self if other is self else Needs(self.facts | other.facts)


Lookup = Callable[[str], object]
Truth = bool | Needs
Run = Callable[[Lookup], Truth]


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition, ready to be asked about one recipient of one mail."""

    source: str
    facts: frozenset[str]
    """All facts the condition may read."""
    run: Run
    grows: bool = False
    """Whether more hits can make it true."""
    shrinks: bool = False
    """Whether more hits can make it false."""

    def evaluate(self, lookup: Lookup) -> bool | Needs:
        """Answer true, false, or the facts that are missing.

        `lookup(name)` returns the value or UNKNOWN; None counts as false, "" or 0. `and`/`or` follow
        Kleene: one false operand decides an `and` whatever is unknown, one true operand decides an `or`.
        An answer other than Needs therefore holds for every value the unknown facts may turn out to have.
        """
        return self.run(lookup)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that names the nearest known word, or the whole list when nothing is near."""
    words = sorted(str(each) for each in known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.55)
    return f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(words)}."
