# SPDX-License-Identifier: Apache-2.0
"""The code keeps its form: ruff, its formatter and mypy as `make lint` runs them. Never changes a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("tool", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)], ids=" ".join)
def test_the_code_is_clean(tool: tuple[str, ...]) -> None:
    """Each tool finds nothing with the settings of pyproject.toml."""
    done = subprocess.run([sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
