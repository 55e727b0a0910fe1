# SPDX-License-Identifier: Apache-2.0
"""Plain text, CSV, TSV and JSON.

Never guesses cleverly: a table's separator is the mark that cuts the first lines most evenly. Linear.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter

from dlpmilter.content.formats.decode import decode
from dlpmilter.content.formats.paper import MAX_COLUMNS, Paper

MAX_FIELD = 1_000_000
MAX_JSON = 4 * 1024 * 1024
"""Characters of JSON that are parsed; its objects take thirty times as much memory."""
_SEPARATORS = (";", "\t", ",", "|", "\x1f")
_SAMPLE_LINES = 40


def read_plain(data: bytes, paper: Paper) -> None:
    """Text as it is; lines that look like rows of a table make one, too."""
    text = decode(data)
    paper.show(text)
    mark = separator(text)
    if mark and even_share(text, mark) > 0.9:
        paper.table(_rows(text, mark))


def read_delimited(data: bytes, paper: Paper) -> None:
    """CSV or TSV: the text and the table."""
    text = decode(data)
    paper.show(text)
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:  # Excel's own hint
        paper.table(_rows(rest, first.strip()[4]))
        return
    paper.table(_rows(text, separator(text) or ","))


def _rows(text: str, mark: str) -> list[list[str]]:
    lines = io.StringIO(text.replace("\0", ""), newline="")
    try:
        csv.field_size_limit(MAX_FIELD)
        return [[cell.strip() for cell in row[:MAX_COLUMNS]] for row in csv.reader(lines, delimiter=mark)]
    except csv.Error:  # one field longer than any: the lines will do
        return [line.split(mark, MAX_COLUMNS) for line in text.splitlines()]


def separator(text: str) -> str:
    """The mark that most lines hold equally often, "" when none does."""
    lines = [line for line in text[:64_000].splitlines()[:_SAMPLE_LINES] if line.strip()]
    if len(lines) < 2:
        return ""
    best, best_score = "", 0.0
    for mark in _SEPARATORS:
        counts = Counter(count for line in lines if (count := _outside_quotes(line, mark)))
        if not counts:
            continue
        columns, times = counts.most_common(1)[0]
        score = times / len(lines) + min(columns, 5) * 0.01
        if times / len(lines) >= 0.5 and score > best_score:
            best, best_score = mark, score
    return best


def even_share(text: str, mark: str) -> float:
    """Which share of the first lines holds the mark equally often."""
    lines = [line for line in text[:64_000].splitlines()[:_SAMPLE_LINES] if line.strip()]
    counts = Counter(_outside_quotes(line, mark) for line in lines)
    counts.pop(0, None)
    return max(counts.values(), default=0) / max(1, len(lines)) if len(lines) >= 3 else 0.0


def _outside_quotes(line: str, mark: str) -> int:
    if '"' not in line:
        return line.count(mark)
    return sum(piece.count(mark) for piece in line.split('"')[::2])


def read_json(data: bytes, paper: Paper) -> None:
    """JSON as written, and its strings with their escapes undone; a list of objects is a table."""
    text = decode(data)
    paper.show(text)
    if len(text) > MAX_JSON:
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return  # lines of JSON, or broken: the text is there
    if "\\" in text:
        paper.hide("\n".join(_strings(value)))
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        columns = list(dict.fromkeys(str(key) for each in value for key in each))[:MAX_COLUMNS]
        paper.table([columns, *([_cell(each.get(key)) for key in columns] for each in value)])


def _cell(value: object) -> str:
    return "" if value is None else str(value) if isinstance(value, str | int | float) else json.dumps(value)


def _strings(value: object) -> list[str]:
    found: list[str] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            found.append(each)
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            waiting += [*each.values(), *each]
    return found
