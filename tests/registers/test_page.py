# SPDX-License-Identifier: Apache-2.0
"""policies/DATA.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from dlpmilter.cli.data import command
from dlpmilter.registers import documents, grouping, match, normal, source, tokens

PAGE = (Path(__file__).parents[2] / "policies" / "DATA.md").read_text(encoding="utf-8")


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    """Each number in the table has the value that the code uses."""
    told = dict(re.findall(r"^\| `([A-Z_]+)` \| ([\d.]+) \|", PAGE, re.MULTILINE))
    known = {
        name: value
        for module in (documents, grouping, match, normal, source, tokens)
        for name, value in vars(module).items()
        if name in told
    }
    assert {name: float(value) for name, value in told.items()} == {name: float(known[name]) for name in told}
    assert len(told) == 13


def test_the_page_names_every_command_and_option() -> None:
    """What `data` can do is told, and nothing that it cannot."""
    assert set(re.findall(r"^dlpmilter data ([a-z]+)", PAGE, re.MULTILINE)) == set(command.commands)
    options = {name for each in command.commands.values() for option in each.params for name in option.opts}
    assert set(re.findall(r"--[a-z]+", PAGE)) <= options
