# SPDX-License-Identifier: Apache-2.0
"""policies/FORMATS.md says what the code does: types, words of status, limits."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

from dlpmilter.content.formats.table import PICTURES, READ, READERS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "policies" / "FORMATS.md").read_text(encoding="utf-8")
FORMATS = ROOT / "dlpmilter" / "content" / "formats"
OURS = "books cards cfb css docx html images legacy mailbox msg odf ole ooxml package paper pdf rtf strings table text xls xlsx xml".split()


def _section(title: str) -> list[list[str]]:
    """The rows of the table below a heading."""
    body = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    rows = [line for line in body.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_every_reader_stands_in_the_table_once() -> None:
    """Each media type with a reader is named in exactly one row, and no other is."""
    named = [kind for row in _section("Formats") for kind in re.findall(r"`([^`]+)`", row[1])]
    assert sorted(named) == sorted(READERS)


def test_every_word_of_status_is_explained() -> None:
    """Each slug that a reader can give is explained, with whether it is held; no other is."""
    given = set(READ)
    for name in (*OURS, "base"):
        for node in ast.walk(ast.parse((FORMATS / f"{name}.py").read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and node.args
                and ast.unparse(node.func).rpartition(".")[2] in ("trouble", "Stopped")
            ):
                given |= {
                    each.value
                    for each in ast.walk(node.args[0])
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                }
    told = {word: row[2] for row in _section("What is held") for word in re.findall(r"`([^`]+)`", row[0])}
    assert told.keys() == given - {"opaque-signed"}
    assert {word for word, held in told.items() if held == "no"} == READ
    assert told.keys() >= PICTURES


def test_the_limits_are_those_of_the_code() -> None:
    """Each number stands in the module it names."""
    rows = _section("Limits of single formats")
    assert len(rows) > 5
    for what, limit in rows:
        module, _, name = re.findall(r"`(\w+\.\w+)`", what)[0].partition(".")
        value = getattr(importlib.import_module(f"dlpmilter.content.formats.{module}"), name)
        assert value == int(re.findall(r"\d+", limit)[0]), what
