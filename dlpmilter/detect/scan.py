# SPDX-License-Identifier: Apache-2.0
"""All detectors over all texts of a mail: findings with counts, never a matched text.

A value that stands in several parts or places counts once, at the first of them (by path, then by the
order of PLACES), so that the counts of a detector add up to distinct values of the whole mail.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dlpmilter.detect.budget import Budget
from dlpmilter.detect.candidates import Candidate, Candidates
from dlpmilter.detect.compiled import CompiledCue, CompiledDetector, Hit
from dlpmilter.detect.own import OwnPerson, own_document
from dlpmilter.detect.patterns import Finder, finder
from dlpmilter.detect.validators import warm
from dlpmilter.detect.views import View, places_of
from dlpmilter.detect.words import Places, WordIndex
from dlpmilter.model.detector import PLACES, TOO_MANY, DetectorSpec, detectors_digest
from dlpmilter.model.limits import Limits
from dlpmilter.model.verdict import Finding

if TYPE_CHECKING:
    from dlpmilter.model.content import Extract

_INNER: Final = {"phone": ("personal",), "email-address": ("secret",)}
"""Validators whose values may be a piece of something else: of a value of a detector in these groups."""
_SURE: Final = 0.7
"""Confidence from which such a value explains the piece inside it away; a context word does as well."""

_BATCH: Final = 2 * 1024 * 1024
"""Octets that are looked at together; a hostile text takes the candidates of no more than these with it."""

Place = tuple[str, int]
"""Path of the part, index in PLACES: sorts as values are counted."""
_Batch = Sequence[tuple[Place, View]]


@dataclass(slots=True)
class _Values:
    """Distinct values of one detector: the first place and the best confidence of each."""

    first: dict[str, Place] = field(default_factory=dict)
    sure: dict[str, float] = field(default_factory=dict)

    def add(self, value: str, place: Place, confidence: float) -> None:
        first = self.first.setdefault(value, place)
        if place < first:
            self.first[value] = place
        if confidence > self.sure.get(value, -1.0):
            self.sure[value] = confidence


class DetectorSet:
    """All detectors, compiled once; `scan` may be called from any process forked afterwards."""

    def __init__(self, specs: Iterable[DetectorSpec], limits: Limits = Limits()) -> None:  # noqa: B008  # frozen
        ordered = sorted(specs, key=lambda each: each.id)
        vocabularies: list[tuple[str, ...]] = []
        cues = {
            cue.id: CompiledCue(_either(cue.patterns), _number(vocabularies, cue.words))
            for spec in ordered
            for cue in spec.cues
        }
        self._detectors = tuple(
            CompiledDetector(
                spec,
                cues,
                _number(vocabularies, spec.words),
                _number(vocabularies, spec.context.words if spec.context else ()),
            )
            for spec in ordered
        )
        self._words = WordIndex(vocabularies)
        # Numbers of persons apart from all else: one automaton for both is slower than two, it no longer fits a cache.
        everywhere: dict[bool, list[tuple[int, int]]] = defaultdict(list)
        self._speaking: dict[int, list[int]] = defaultdict(list)
        self._windowed: dict[int, list[int]] = defaultdict(list)
        self._needing: list[int] = []
        for number, (spec, detector) in enumerate(zip(ordered, self._detectors, strict=True)):
            self._speaking[detector.words].append(number)
            if spec.needs:
                self._needing.append(number)
            elif spec.context is not None and spec.context.required:
                self._windowed[detector.context].append(number)
            else:
                everywhere["personal" in spec.groups] += [(number, each) for each in range(len(spec.patterns))]
        self._passes = [
            (slots, Candidates([ordered[number].patterns[pattern] for number, pattern in slots]))
            for slots in everywhere.values()
            if slots
        ]
        self._candidates = limits.detector_candidates
        self.groups: Mapping[str, tuple[str, ...]] = MappingProxyType({each.id: each.groups for each in ordered})
        self.digest = detectors_digest(ordered)
        warm()

    def scan(self, extracts: Sequence[Extract], own: OwnPerson | None = None) -> tuple[Finding, ...]:
        """Findings of the mail, sorted; the order of `extracts` does not matter.

        `own` is the person who sends: with it the finding `own-document` is possible.
        """
        values: dict[int, _Values] = defaultdict(_Values)
        stopped: set[Place] = set()
        views: list[View] = []
        budget = Budget(self._candidates)
        for batch in self._batches(extracts):
            views += [view for _, view in batch]
            self._scan_batch(batch, values, budget)
            if budget.spent:
                stopped.update(place for place, _ in batch)
        findings = [Finding(TOO_MANY, 1, 1.0, path, PLACES[place]) for path, place in stopped]
        for number, found in values.items():
            findings += self._reported(number, found, views, values, own)
        return tuple(sorted(findings, key=lambda each: (each.detector, each.part, each.place)))

    def _batches(self, extracts: Sequence[Extract]) -> Iterator[_Batch]:
        """The views of the mail in their order, as many together as have _BATCH octets."""
        batch: list[tuple[Place, View]] = []
        size = 0
        for place, view in _placed_views(extracts):
            if batch and size + len(view.text) > _BATCH:
                yield batch
                batch, size = [], 0
            batch.append((place, view))
            size += len(view.text)
        if batch:
            yield batch

    def _scan_batch(self, batch: _Batch, values: dict[int, _Values], budget: Budget) -> None:
        """Several views, step by step: the tables of each fill the caches of a core, and changing costs more."""
        words = [self._words.find(view.text, budget) for _, view in batch]
        starts = [[candidates.find(view.text, budget) for _, view in batch] for _, candidates in self._passes]
        for number, (place, view) in enumerate(batch):
            if view.heads:
                view.mark_heads(words[number])
            found_here = self._hits(view, words[number], [each[number] for each in starts], budget)
            name = PLACES[place[1]]
            hits = {
                each: hits for each, hits in found_here.items() if hits and name in self._detectors[each].spec.places
            }
            self._drop_inner(hits)
            for detector, found in hits.items():
                spec = self._detectors[detector].spec
                for hit in _clustered(found, spec.minimum, spec.within) if spec.within else found:
                    sure = spec.confidence_context if hit.in_context else spec.confidence
                    values[detector].add(hit.value, place, sure)

    def _hits(
        self, view: View, words: Mapping[int, Places], starts: Sequence[Sequence[Candidate]], budget: Budget
    ) -> dict[int, list[Hit]]:
        """Detector number -> its values in one view."""
        hits: dict[int, list[Hit]] = defaultdict(list)
        for number in self._needing:
            hits[number] += self._detectors[number].needed_hits(view, budget, words)
        for vocabulary in words:
            for number in self._speaking.get(vocabulary, ()):
                hits[number] += self._detectors[number].word_hits(view, words)
            for number in self._windowed.get(vocabulary, ()):
                detector = self._detectors[number]
                for begin, stop in detector.windows(view, words):
                    hits[number] += detector.hits_in(view, begin, stop, budget, words)
        for (slots, _), found in zip(self._passes, starts, strict=True):
            closed: dict[int, int] = {}
            for candidate in found:
                if budget.checks <= 0:
                    break
                number, pattern = slots[candidate.number]
                if candidate.start < closed.get(number, 0):
                    continue
                hit, end = self._detectors[number].hit_at(view, pattern, candidate, budget, words)
                if end:
                    closed[number] = end
                if hit is not None:
                    hits[number].append(hit)
        return hits

    def _drop_inner(self, found: dict[int, list[Hit]]) -> None:
        """Take out what is a piece of a longer value: digits of an account number, `password@host` of a login."""
        for number in [each for each in found if self._detectors[each].spec.validator in _INNER]:
            groups = _INNER[self._detectors[number].spec.validator]
            spans = sorted(
                (hit.start, hit.end)
                for other, hits in found.items()
                for spec in (self._detectors[other].spec,)
                if spec.validator and set(groups) & set(spec.groups)
                for hit in hits
                if hit.in_context or spec.confidence >= _SURE
            )
            starts = [start for start, _ in spans]
            kept = []
            for hit in found[number] if spans else ():
                at = bisect_right(starts, hit.start) - 1
                if at < 0 or hit.end > spans[at][1]:
                    kept.append(hit)
            if spans:
                found[number] = kept

    def _reported(
        self, number: int, found: _Values, views: list[View], values: Mapping[int, _Values], own: OwnPerson | None
    ) -> list[Finding]:
        spec = self._detectors[number].spec
        if len(found.first) < spec.minimum:
            return []
        if "own" in spec.groups:
            if own is None:
                return []
            seen = {
                self._detectors[other].spec: tuple(each.first)
                for other, each in values.items()
                if len(each.first) >= self._detectors[other].spec.minimum
            }
            return own_document(spec, found.first, seen, [view.text for view in views], own)
        counts: dict[Place, list[float]] = defaultdict(list)
        for value, place in found.first.items():
            counts[place].append(found.sure[value])
        return [Finding(spec.id, len(each), max(each), path, PLACES[place]) for (path, place), each in counts.items()]


def _placed_views(extracts: Sequence[Extract]) -> list[tuple[Place, View]]:
    """Every view once for each kind of place: the same text in a later part of the mail holds no other value."""
    found: list[tuple[Place, View]] = []
    seen: dict[tuple[int, int], set[bytes]] = defaultdict(set)
    for path, name, view in sorted(
        ((extract.path, PLACES.index(name), view) for extract in extracts for name, view in places_of(extract)),
        key=lambda each: (each[0], each[1], each[2].text),
    ):
        same = seen[name, len(view.text)]
        if view.text not in same:
            same.add(view.text)
            found.append(((path, name), view))
    return found


def _clustered(hits: list[Hit], minimum: int, within: int) -> list[Hit]:
    """The hits that stand in some window of `within` octets together with `minimum` distinct values."""
    hits = sorted(hits, key=lambda hit: hit.start)
    kept: list[Hit] = []
    low = done = 0
    inside: dict[str, int] = defaultdict(int)
    for high, hit in enumerate(hits):
        inside[hit.value] += 1
        while hit.end - hits[low].start > within:
            inside[hits[low].value] -= 1
            if not inside[hits[low].value]:
                del inside[hits[low].value]
            low += 1
        if len(inside) >= minimum:
            kept += hits[max(low, done) : high + 1]
            done = high + 1
    return kept


def _either(patterns: Sequence[str]) -> Finder | None:
    """One search for any of these patterns."""
    return finder("|".join(f"(?:{each})" for each in patterns)) if patterns else None


def _number(vocabularies: list[tuple[str, ...]], words: tuple[str, ...]) -> int:
    """The number of a vocabulary, -1 for none; the same words have the same number."""
    if not words:
        return -1
    if words not in vocabularies:
        vocabularies.append(words)
    return vocabularies.index(words)
