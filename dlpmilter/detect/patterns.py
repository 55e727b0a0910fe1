# SPDX-License-Identifier: Apache-2.0
"""Patterns as RE2 has them: compiled, refused with a reason, put into one set. Never backtracks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, cast

import re2  # type: ignore[import-untyped]

from dlpmilter.detect.normalise import plain

PROGRAM_LIMIT: Final = 1200
"""Instructions of one compiled pattern: what every octet of a hostile text may cost at worst."""
_SET_MEMORY: Final = 128 * 1024 * 1024
_SAMPLES: Final = (b"", b"a", b" a1.", b"\n")
_ANYTHING: Final = "(?s:.?)"
# Behind a class or a group only: `\\+` and `a|b+` are not looked at, and a lazy or possessive repeat ends otherwise.
_TAILS: Final = (
    (re.compile(r"(?<=[^\\][\])])\{(\d+),\}(\)*)$"), r"{\1}\2"),
    (re.compile(r"(?<=[^\\][\])])\+(\)*)$"), r"\1"),
)
_CLASS: Final = re.compile(r"\[\^?\]?(?:[^\\\[\]]|\\.)*\]", re.DOTALL)
"""A class without classes or brackets in it."""
_SPACE: Final = r"[\s-]{1,3}"


Finder = Callable[[bytes, int, int], tuple[int, int]]
_NONE: Final = (-1, -1)
Pattern = re.Pattern[bytes]
"""What RE2 compiles has the methods of the standard library's patterns that we use, over octets."""


def options(memory: int) -> Any:
    """Silent, without groups (with them RE2 leaves its fast automaton), Unicode."""
    chosen = re2.Options()
    chosen.log_errors = False
    chosen.never_capture = True
    chosen.max_mem = memory
    return chosen


def compiled(pattern: str, *, memory: int = 8 * 1024 * 1024) -> Pattern:
    """The pattern over plain forms. Raises re2.error: ask `why_refused` first."""
    return cast("Pattern", re2.compile(_plain_pattern(pattern).encode(), options(memory)))


def finder(pattern: str, *, memory: int = 8 * 1024 * 1024) -> Finder:
    """`find(text, begin, end)`: the span of the leftmost match in there, (-1, -1) without one.

    It calls the binding below the module's own methods, which cost twice as much as the search itself.
    """
    regexp = re2.compile(_plain_pattern(pattern).encode(), options(memory))._regexp  # noqa: SLF001  # see above
    match, unanchored = regexp.Match, regexp.Anchor.UNANCHORED

    def find(text: bytes, begin: int, end: int) -> tuple[int, int]:
        size = len(text)
        if end > size:
            if begin > size:
                return _NONE
            end = size
        found: tuple[int, int] = match(unanchored, text, begin, end)[0]
        return found

    return find


def starter(pattern: str) -> Finder:
    """Like `finder`, for a match that begins at `begin`."""
    regexp = re2.compile(_plain_pattern(pattern).encode(), options(8 * 1024 * 1024))._regexp  # noqa: SLF001
    match, anchored = regexp.Match, regexp.Anchor.ANCHOR_START

    def find(text: bytes, begin: int, end: int) -> tuple[int, int]:
        size = len(text)
        if end > size:
            if begin > size:
                return _NONE
            end = size
        found: tuple[int, int] = match(anchored, text, begin, end)[0]
        return found

    return find


def beginning(pattern: str) -> str:
    """A pattern that matches at the same places and ends earlier: the last repeat without a bound is cut to its least.

    RE2 finds the end of a match first and then looks for its start backwards, through all that any pattern of an
    alternation may end with: with `[a-z ]{10,}` that is all the text up to the last match.
    """
    while True:
        cut = pattern
        for tail, least in _TAILS:
            cut = tail.sub(least, cut)
        if cut == pattern:
            return pattern
        pattern = cut


def from_piece(pattern: str, piece: str) -> str:
    """What a match of this pattern holds from the piece of text on that all of them hold; "" where that is unclear.

    `[a-z]+@[a-z.]+` with `@` is `@[a-z.]+`: a place of the piece where this does not match is in no match. It is clear
    when the piece stands once, between whole items of one sequence without flags.
    """
    literal = next((each for each in (piece, re.escape(piece)) if pattern.count(each) == 1), None)
    if literal is None or re.search(r"\(\?(?!:)|\\Q", pattern) or not _one_sequence(pattern):
        return ""
    head, _, tail = pattern.partition(literal)
    if (
        head.count("{") != head.count("}")
        or not _one_sequence(head)
        or not _one_sequence(tail)
        or tail[:1] in {*"*+?{"}
        or head.endswith("\\")
    ):
        return ""
    return re.escape(piece) + tail


def _one_sequence(pattern: str) -> bool:
    """Whether groups and classes are closed and no `|` stands outside a group."""
    depth, at = 0, 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\":
            at += 1
        elif letter == "[":
            close = _CLASS.match(pattern, at)
            if close is None:
                return False
            at = close.end() - 1
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "|" and depth == 0:
            return False
        if depth < 0:
            return False
        at += 1
    return depth == 0


def why_refused(pattern: str) -> str:
    """One sentence on why RE2 cannot run this pattern, or why it would be no good; "" when it can."""
    try:
        found: Any = compiled(pattern)
    except re2.error as error:
        reason = error.args[0]
        return f"is not a pattern RE2 understands: {reason.decode('utf-8', 'replace')}."
    if any(match.end() == match.start() for sample in _SAMPLES for match in found.finditer(sample)):
        return "matches where nothing stands."
    if found.programsize > PROGRAM_LIMIT:
        return f"makes a program of {found.programsize} steps, {PROGRAM_LIMIT} are allowed."
    return ""


def words_pattern(words: Iterable[str]) -> str:
    """One pattern for whole words, whatever their case: `*` at an end stands for any letters, a blank for any gap."""
    spelt = sorted({_word_pattern(word) for word in words}, key=lambda each: (-len(each), each))
    return f"(?i:{'|'.join(spelt)})"


def _word_pattern(word: str) -> str:
    text = plain(word).lower()
    head, tail = text.startswith("*"), text.endswith("*")
    gaps = [re.escape(each) for each in text.strip("*").split()]
    body = _SPACE.join(gaps)
    before = "[a-z]*" if head else ""
    after = "[a-z]*" if tail else ""
    left = r"\b" if head or text[:1].isalnum() else ""
    right = r"\b" if tail or text[-1:].isalnum() else ""
    return f"{left}{before}{body}{after}{right}"


def _plain_pattern(pattern: str) -> str:
    return pattern if pattern.isascii() else plain(pattern)


class StartSet:
    """Which of many patterns match at the beginning of a text, at least. Never says how far.

    The last entry matches everything: its absence shows that RE2 ran out of memory, and then every
    pattern counts, because a set that gave up answers like a set that found nothing.
    """

    __slots__ = ("_count", "_set")

    def __init__(self, patterns: Sequence[str]) -> None:
        self._count = len(patterns)
        self._set = re2.Set.MatchSet(options(_SET_MEMORY))
        for each in (*patterns, _ANYTHING):
            self._set.Add(_plain_pattern(each).encode())
        self._set.Compile()

    def hits(self, text: bytes) -> Sequence[int]:
        """Indices of the patterns that match at the beginning of `text`; in no order."""
        if self._count == 1:
            return (0,)
        found: list[int] = self._set.Match(text)
        if self._count not in found:
            return range(self._count)
        found.remove(self._count)
        return found
