# SPDX-License-Identifier: Apache-2.0
"""The TOML shape of detectors/*.toml as pydantic models: keys, types, bounds. Never meaning across keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from dlpmilter.model.detector import GROUPS, PLACES, VALIDATORS
from dlpmilter.policy.shape import Filled, Slug, Table, WordsTable
from dlpmilter.policy.terms import did_you_mean

_FARTHEST = 2000


def _group(text: str) -> str:
    if text not in GROUPS:
        raise ValueError(f"{text!r} is not a group. {did_you_mean(text, GROUPS)}")
    return text


def _place(text: str) -> str:
    if text not in PLACES:
        raise ValueError(f"{text!r} is not a place. {did_you_mean(text, PLACES)}")
    return text


def _validator(text: str) -> str:
    if text and text not in VALIDATORS:
        raise ValueError(f"{text!r} is not a validator. {did_you_mean(text, VALIDATORS)}")
    return text


def _word(text: str) -> str:
    if not any(each.isalnum() for each in text):
        raise ValueError(f"{text!r} holds no letter and no digit")
    if "*" in text.strip("*") or "**" in text:
        raise ValueError(f"{text!r} has a * inside: it may stand first or last only, for any letters there")
    if len(text) > 100:
        raise ValueError(f"{text[:30]!r}... has {len(text)} characters, 100 are allowed")
    return text


Word = Annotated[Filled, AfterValidator(_word)]
Words = Annotated[list[Word], Field(max_length=2000)]
Group = Annotated[str, AfterValidator(_group)]
Place = Annotated[str, AfterValidator(_place)]
Distance = Annotated[int, Field(ge=1, le=_FARTHEST)]
Share = Annotated[float, Field(ge=0, le=1)]


class VocabularyTable(Table):
    """Words per language; both lists are looked for in every mail."""

    de: Words = Field(default_factory=list)
    en: Words = Field(default_factory=list)
    other: Words = Field(default_factory=list)

    @property
    def all(self) -> tuple[str, ...]:
        """Every word once, in the order of the file."""
        return tuple(dict.fromkeys([*self.de, *self.en, *self.other]))


class ContextTable(VocabularyTable):
    """Words near a value."""

    distance: Distance = 60
    required: bool = False


class NearTable(Table):
    """A cue that must stand near a value."""

    cue: Slug
    distance: Distance = 200


class CueTable(Table):
    """One [[cue]]."""

    id: Slug
    patterns: list[Filled] = Field(default_factory=list, max_length=50)
    words: VocabularyTable = VocabularyTable()


class DetectorTable(Table):
    """One [[detector]]."""

    id: Slug
    title: WordsTable = Field(description='What people call it: { de = "...", en = "..." }.')
    groups: list[Group] = Field(min_length=1, description=f"At least one of: {', '.join(GROUPS)}.")
    patterns: list[Filled] = Field(default_factory=list, max_length=100)
    words: VocabularyTable = VocabularyTable()
    validator: Annotated[str, AfterValidator(_validator)] = ""
    needs: str = Field(default="", max_length=40)
    context: ContextTable | None = None
    near: list[NearTable] = Field(default_factory=list, max_length=5)
    minimum: int = Field(default=1, ge=1, le=10000)
    within: int = Field(default=0, ge=0, le=100_000)
    confidence: Share = Field(description="How sure a value is without a context word near it, 0 to 1.")
    confidence_with_context: Share | None = None
    places: list[Place] = Field(default_factory=lambda: list(PLACES[:-1]), min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> DetectorTable:
        if not self.patterns and not self.words.all:
            raise ValueError("patterns is missing: a detector needs patterns or words")
        if self.context is not None and not self.context.all:
            raise ValueError("context holds no words: write de = [...], en = [...] or leave context out")
        if self.confidence_with_context is not None and self.context is None:
            raise ValueError("confidence_with_context needs a context")
        if (self.confidence_with_context or 1) < self.confidence:
            raise ValueError("confidence_with_context is lower than confidence: a context word never makes less sure")
        if self.within and self.minimum < 2:
            raise ValueError("within needs minimum = 2 or more: one value has no distance")
        return self


class DetectorFile(Table):
    """One file of detectors/."""

    off: list[Slug] = Field(default_factory=list)
    cue: list[CueTable] = Field(default_factory=list, max_length=200)
    detector: list[DetectorTable] = Field(default_factory=list, max_length=500)
