# SPDX-License-Identifier: Apache-2.0
"""policies/DETECTORS.md says what the definitions and the figures say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlpmilter.config import Problem
from dlpmilter.detect.patterns import why_refused
from dlpmilter.model.detector import GROUPS
from dlpmilter.policy.detector_shape import DetectorTable
from dlpmilter.policy.detectors import load_detectors
from dlpmilter.policy.patterns import LOOSE_REPEAT, MAX_REPEAT
from tests.benchmarks import detectors as bench

PAGE = Path(__file__).parents[2] / "policies" / "DETECTORS.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLE = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def test_every_shipped_detector_is_listed() -> None:
    """Each definition has its line, word for word, and no other line stands there."""
    section = TEXT.partition("## The shipped detectors")[2].partition("## Figures")[0]
    assert [line for line in section.splitlines() if line.startswith("| `")] == bench.definition_lines()


def test_the_example_loads_and_names_every_key(tmp_path: Path) -> None:
    """The example is a working file with each key a definition may have."""
    assert EXAMPLE is not None
    (tmp_path / "own.toml").write_text(EXAMPLE[1], encoding="utf-8")
    problems: list[Problem] = []
    found = load_detectors(PAGE.parent / "detectors", tmp_path, problems, compiles=why_refused)
    assert problems == []
    assert "customer-number" in {each.id for each in found}
    assert [
        key for key in DetectorTable.model_fields if not re.search(rf"^{key}\s*=|words", EXAMPLE[1], re.MULTILINE)
    ] == []
    assert f'groups     = ["personal"]                 # {" ".join(GROUPS)}' in EXAMPLE[1]


def test_bounds_are_those_of_the_code() -> None:
    """The page names the bounds of repeats."""
    assert f"up to {MAX_REPEAT} times ({LOOSE_REPEAT} where" in TEXT


def test_figures_are_those_of_the_code() -> None:
    """The table of made-up values is what the benchmark prints."""
    section = TEXT.partition("Made-up values")[2].partition("Public vectors")[0]
    assert [line for line in section.splitlines() if line.startswith("| `")] == bench.figure_lines()


@pytest.mark.skipif(not bench.CORPORA.is_dir(), reason="the shared corpora are not beside the project")
def test_figures_of_the_corpora_are_those_of_the_code() -> None:
    """So are the tables of public vectors and of ordinary mail."""
    for line in [*bench.public_lines(), *bench.ordinary_lines()]:
        assert line in TEXT.splitlines(), line
