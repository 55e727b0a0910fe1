# SPDX-License-Identifier: Apache-2.0
"""Each folder of tests/bad_configs holds something broken and what must be said about it, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlpmilter.config import ConfigError, load_config
from dlpmilter.policy.load import load_policy

FOLDERS = sorted(path for path in (Path(__file__).parents[1] / "bad_configs").iterdir() if path.is_dir())


def _problems(folder: Path) -> list[tuple[str, str, str]]:
    with pytest.raises(ConfigError) as error:
        if (folder / "dlpmilter.toml").exists():
            load_config(folder / "dlpmilter.toml")
        else:
            load_policy(
                folder, require_governance="governance" in (folder / "expected.txt").read_text(encoding="utf-8")
            )
    return [
        (Path(each.file).relative_to(folder).as_posix(), each.key or "(whole file)", f"{each.what} {each.fix}")
        for each in error.value.problems
    ]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_everything_wrong_is_said_at_once(folder: Path) -> None:
    """Each problem names file and key and says what would be right; none is missing, none invented."""
    lines = (folder / "expected.txt").read_text(encoding="utf-8").splitlines()
    expected = [tuple(line.split(" | ")) for line in lines if line and not line.startswith("#")]
    found = _problems(folder)
    assert sorted(each[:2] for each in found) == sorted(each[:2] for each in expected)
    for file, key, phrase in expected:
        assert any(phrase in text for at, where, text in found if (at, where) == (file, key)), (key, found)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_no_message_leaks_the_words_of_a_library(folder: Path) -> None:
    """People read these sentences: no pydantic, no Python class, no traceback; each ends like a sentence."""
    for _, _, text in _problems(folder):
        assert not any(
            word in text for word in ("Input should", "pydantic", "Traceback", "Table", "<class '", "valid dictionary")
        )
        assert text.strip()[-1] in ".?}"
