# SPDX-License-Identifier: Apache-2.0
"""What is published works: a built wheel holds policy, migrations and texts and finds them. Never installs into itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of a freshly built wheel, as an installer would lay it down."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def _run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=site.parent, env=environment, capture_output=True, text=True, check=False)


def test_a_wheel_judges_by_the_shipped_policy(unpacked: Path) -> None:
    """From the wheel alone, without the checkout, a freemail address is known as one."""
    where = _run(unpacked, "-c", "import dlpmilter; print(dlpmilter.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(unpacked)
    done = _run(unpacked, "-m", "dlpmilter", "domains", "classify", "somebody@gmail.com", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["class"] == "freemail"


def test_a_wheel_brings_what_the_code_reads(unpacked: Path) -> None:
    """Every file of the package that is not Python, and the shipped policy, is in the wheel."""
    package = ROOT / "dlpmilter"
    wanted = {Path("dlpmilter") / p.relative_to(package) for p in package.rglob("*") if p.is_file()}
    wanted |= {Path("dlpmilter/policies") / p.relative_to(ROOT / "policies") for p in ROOT.glob("policies/**/*.*")}
    wanted = {path for path in wanted if not any(part == "__pycache__" or part[0] == "." for part in path.parts)}
    assert sorted(str(path) for path in wanted if not (unpacked / path).is_file()) == []
