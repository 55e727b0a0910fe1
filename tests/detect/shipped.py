# SPDX-License-Identifier: Apache-2.0
"""The shipped detectors, compiled once for all tests, and what they find in one text."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from dlpmilter.detect.own import OwnPerson
from dlpmilter.detect.patterns import why_refused
from dlpmilter.detect.scan import DetectorSet
from dlpmilter.model.content import Extract
from dlpmilter.model.detector import DetectorSpec
from dlpmilter.policy.detectors import load_detectors

FOLDER = Path(__file__).parents[2] / "policies" / "detectors"


@cache
def specs() -> tuple[DetectorSpec, ...]:
    """Definitions of the shipped detectors; an error in them is an error here."""
    problems: list = []  # type: ignore[type-arg]
    found = load_detectors(FOLDER, None, problems, compiles=why_refused)
    assert problems == []
    return found


@cache
def detectors() -> DetectorSet:
    """The whole shipped set."""
    return DetectorSet(specs())


def counts(text: str, own: OwnPerson | None = None) -> dict[str, int]:
    """Detector -> distinct values in one text."""
    return {each.detector: each.count for each in detectors().scan([Extract("1", "text/plain", text=text)], own)}
