# SPDX-License-Identifier: Apache-2.0
"""All vocabularies in one pass: which word stands where, and to whom it means something. Never weighs it."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from dlpmilter.detect.budget import CHUNK, OVERLAP, WIDEST, Budget, narrowed, next_word
from dlpmilter.detect.normalise import plain
from dlpmilter.detect.patterns import finder, words_pattern

_REMEMBERED: Final = 20_000
_MEMORY: Final = 32 * 1024 * 1024


class Places:
    """Where the words of one vocabulary stand in a text, in order."""

    __slots__ = ("ends", "starts", "words")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.words: list[str] = []

    def near(self, start: int, end: int, distance: int) -> bool:
        """Whether a word stands within `distance` octets before `start` or after `end`."""
        at = bisect_right(self.starts, end + distance) - 1
        return at >= 0 and self.ends[at] >= start - distance


NOWHERE: Final = Places()


class WordIndex:
    """Vocabularies by number; `find` gives the places of each that occurs."""

    def __init__(self, vocabularies: Sequence[Sequence[str]]) -> None:
        self._entries: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self._open: list[tuple[str, bool, bool, int, str]] = []
        for number, words in enumerate(vocabularies):
            for word in words:
                spelt = _spelt(plain(word).lower().encode())
                head, tail, body = spelt.startswith("*"), spelt.endswith("*"), spelt.strip("*")
                if head or tail:
                    self._open.append((body, head, tail, number, word))
                else:
                    self._entries[body].append((number, word))
        everything = sorted({word for words in vocabularies for word in words})
        self._find = finder(words_pattern(everything), memory=_MEMORY) if everything else None
        self._known: dict[bytes, tuple[tuple[int, str], ...]] = {}

    def find(self, text: bytes, budget: Budget) -> dict[int, Places]:
        """Vocabulary number -> places of its words."""
        found: dict[int, Places] = {}
        if self._find is None:
            return found
        find, known, size = self._find, self._known, len(text)
        at, width = 0, WIDEST
        while at < size and budget.left > 0:
            stop = at + width
            start, end = find(text, at, stop + OVERLAP)
            if start < 0 or start >= stop:
                at, width = stop, min(4 * width, WIDEST)
                continue
            budget.spend(end - start)
            raw = text[start:end]
            for number, word in known.get(raw) or self._meant(raw):
                places = found.get(number)
                if places is None:
                    places = found[number] = Places()
                places.starts.append(start)
                places.ends.append(end)
                places.words.append(word)
            width = narrowed(start - at, CHUNK)
            at = next_word(text, start, end)
        return found

    def _meant(self, raw: bytes) -> tuple[tuple[int, str], ...]:
        known = self._known.get(raw)
        if known is None:
            known = self._resolved(_spelt(raw.lower()))
            if len(self._known) < _REMEMBERED:
                self._known[raw] = known
        return known

    def _resolved(self, text: str) -> tuple[tuple[int, str], ...]:
        """Every entry that this text is, or begins with up to the end of a word."""
        found: dict[int, str] = {}
        parts = text.split(" ")
        for count in range(len(parts), 0, -1):
            for number, word in self._entries.get(" ".join(parts[:count]), ()):
                found.setdefault(number, word)
        for body, head, tail, number, word in self._open:
            at = text.find(body) if head else 0
            if at < 0 or not text.startswith(body, at):
                continue
            if tail or at + len(body) == len(text) or text[at + len(body)] == " ":
                found.setdefault(number, word)
        return tuple(found.items())


def _spelt(text: bytes) -> str:
    """One blank for every gap, as in a definition: `steuer-id` and `steuer id` are one."""
    return " ".join(text.replace(b"-", b" ").decode("utf-8", "replace").split())
