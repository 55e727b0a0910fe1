# SPDX-License-Identifier: Apache-2.0
"""Base64 that nobody declared: whole lines of it, runs within lines, groups with blanks, paragraphs with junk in them.

Looks at the octets only; what it finds is noise unless it looks like text or a known kind of file. Never
slow: runs are found as plain strings, patterns are possessive, counts are capped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dlpmilter.mime import decoders
from dlpmilter.mime.text import decode_base64
from dlpmilter.mime.worth import (
    MAX_BLOCKS,
    MAX_RUNS,
    SAMPLE,
    Block,
    classes,
    is_known_file,
    surely_worth_reading,
    worth_reading,
)

_SIGNS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_RUN_CLASSES = classes(_SIGNS)
_GROUP_CLASSES = classes(_SIGNS, b" \t")
_NOT_UPPER = bytes(set(range(256)) - set(range(65, 91)))
_NOT_SIGN = bytes(set(range(256)) - set(_SIGNS))
_SHORTEST_RUN = 20
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_SIGN = rb"[A-Za-z0-9+/_-]"
_QUOTE = rb"(?:[>| \t]{0,8}+|[0-9]{1,4}[:.)|][ \t]{1,3}+)"
_NUMBER = re.compile(rb"\n[0-9]{1,4}[:.)|][ \t]{1,3}+")
_DIGITS = b"0123456789"
_BASE64_LINE = rb"(?!--)" + _SIGN + rb"++={0,2}+[ \t]*+\r?+"
_BASE64_LINES = re.compile(
    rb"\n" + _QUOTE + _BASE64_LINE + rb"(?:\n(?:[ \t]*+\r?\n){0,2}+" + _QUOTE + _BASE64_LINE + rb"(?=\n|\Z)){0,300000}+"
    rb"(?=\n|\Z)"
)
_GROUPS = re.compile(rb"[A-Za-z0-9+/]{4}[ \t][A-Za-z0-9+/ \t=]{15,}+")
_INNER_BLANK = re.compile(rb"[ \t](?=[^\s])")
_PARAGRAPH_END = re.compile(rb"\n[ \t\r]*+\n\s*+")
MAX_PARAGRAPHS = 20_000
"""Paragraphs of one buffer that are tried as base64 with junk; the rest counts as one."""


def has_long_run(data: bytes) -> bool:
    """Whether sixty base64 signs stand in a row, as they never do by chance."""
    return b"1" * 60 in data.translate(_RUN_CLASSES)


def find_base64(data: bytes, troubles: dict[str, None]) -> list[Block]:
    """Lines, runs and groups; what reached a cap is named in `troubles`."""
    blocks: list[Block] = []
    taken: list[tuple[int, int]] = []
    for number, match in enumerate(_BASE64_LINES.finditer(data)):
        if match.end() - match.start() < 12:
            continue
        found = _from_lines(match[0] if match[0][1:2] not in _DIGITS else _NUMBER.sub(b"\n", match[0]))
        if found:
            blocks += [Block("base64", "", octets) for octets in found]
            taken.append(match.span())
        if number > MAX_RUNS or len(blocks) > MAX_BLOCKS:
            troubles["too-many-blocks"] = None
            break
    runs, complete = _runs(data, taken)
    if not complete:
        troubles["too-many-blocks"] = None
    if b"1111s1111s1111s1111s" in data.translate(_GROUP_CLASSES):
        for number, match in enumerate(_GROUPS.finditer(data)):
            runs += [octets for octets in decoders.base64_readings(match[0]) if worth_reading(octets)][:1]
            if number > MAX_RUNS:
                break
    blocks += [Block("base64", "", octets) for octets in runs if is_known_file(octets)][:MAX_BLOCKS]
    if texts := [octets for octets in runs if not is_known_file(octets)]:
        blocks.append(Block("base64-runs", "", b"\n".join(texts)))
    return blocks


def _from_lines(lines: bytes) -> list[bytes]:
    """Whole lines of base64; a word or two above it does not hide it."""
    if len(lines) > SAMPLE and not any(worth_reading(decode_base64(each)) for each in _starts(lines[:SAMPLE])):
        return []
    found: list[bytes] = []
    for candidate in _starts(lines):
        readings = [octets for octets in decoders.base64_readings(candidate) if worth_reading(octets)]
        if sure := [octets for octets in readings if surely_worth_reading(octets)]:
            return sure
        found = found or readings
    return found


def _starts(lines: bytes) -> Iterator[bytes]:
    """The lines from the first, the second and the third on."""
    yield lines
    rest = lines.lstrip(b"\n")
    for _ in range(3):
        _, newline, rest = rest.partition(b"\n")
        if not newline:
            return
        yield rest


def _runs(data: bytes, taken: list[tuple[int, int]]) -> tuple[list[bytes], bool]:
    """What runs within lines say, at each of the four places a group of signs may begin; whether all were tried."""
    kept: list[bytes] = []
    classes = data.translate(_RUN_CLASSES)
    needle = b"1" * _SHORTEST_RUN
    skip = iter([*taken, (len(data), len(data))])
    first, last = next(skip)
    position = 0
    for _ in range(MAX_RUNS):
        position = classes.find(needle, position)
        if position < 0:
            return kept, True
        end = classes.find(b"0", position)
        end = len(data) if end < 0 else end
        while last < position:
            first, last = next(skip)
        if first <= position:
            position = max(last, end)
            continue
        run = data[position:end].translate(_URL_SAFE)
        for shift in range(4):
            if worth_reading(decode_base64(run[shift : shift + 400])):
                kept.append(decode_base64(run[shift:]))
                break
        position = end
    return kept, False


def paragraphs(data: bytes) -> Iterator[Block]:
    """Whole paragraphs read as base64 with junk in it; prose gives control signs and is dropped."""
    position, end = 0, len(data)
    texts: list[bytes] = []
    for number, match in enumerate(_PARAGRAPH_END.finditer(data)):
        if number >= MAX_PARAGRAPHS:
            break
        if match.start() - position >= 24:
            texts += _junked(bytes(data[position : match.start()]))
        position = match.end()
    if end - position >= 24:
        texts += _junked(bytes(data[position:end]))
    for octets in texts:
        if is_known_file(octets):
            yield Block("base64-junk", "", octets)
    if text := b"\n".join(octets for octets in texts if not is_known_file(octets)):
        yield Block("base64-junk", "", text)


def _junked(paragraph: bytes) -> list[bytes]:
    if decoders.is_clean_base64(paragraph) and not _INNER_BLANK.search(paragraph):
        return []  # whole lines of base64 are found as such
    start = paragraph[:SAMPLE]
    if len(start.translate(None, _NOT_UPPER)) * 8 < len(start.translate(None, _NOT_SIGN)):
        return []  # prose: of base64 signs two in five are capitals
    sample = decoders.base64_readings(paragraph[:600])
    if not any(worth_reading(octets) for octets in sample):
        return []
    return [octets for octets in decoders.base64_readings(paragraph) if worth_reading(octets)]
