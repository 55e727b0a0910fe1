# SPDX-License-Identifier: Apache-2.0
"""Octets of a text file to text: byte order mark, declared charset, UTF-16 without a mark, UTF-8, Windows-1252.

Never asks Python for a codec by a foreign name (mime.text holds the allow-list) and never fails.
"""

from __future__ import annotations

import codecs
import re

from dlpmilter.mime.text import charset_text

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 4096
_BROKEN = 2
"""Half characters that a cut may leave; noise behind a byte order mark has many."""
_NEVER_IN_TEXT = re.compile("[\x00-\x08\x0e-\x19\x7f-\x84\x86-\x9f]")


def decode(data: bytes, declared: str = "") -> str:
    """The text of the octets; what does not fit becomes U+FFFD."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    wide = wide_charset(data[:_SAMPLE])
    if wide:
        return data.decode(wide, "replace")
    if data.startswith((b"+/v8", b"+/v9", b"+/v+", b"+/v/")):  # the mark in UTF-7
        declared = "utf-7"
    return charset_text(data, declared)[0].removeprefix("\ufeff")


def wide_charset(sample: bytes) -> str:
    """UTF-16 or UTF-32 without a mark, told by where the zeros are; "" for anything else."""
    size = len(sample) - len(sample) % 4
    if size < 4 or b"\0" not in sample:
        return ""
    zeros = [sample[lane:size:4].count(0) * 4 / size for lane in range(4)]
    for name, lanes in (
        ("utf-32-le", (False, None, True, True)),
        ("utf-32-be", (True, True, None, False)),
        ("utf-16-le", (False, True, False, True)),
        ("utf-16-be", (True, False, True, False)),
    ):
        fits = zip(zeros, lanes, strict=True)
        if all(want is None or (share > 0.4 if want else share < 0.1) for share, want in fits):
            text = sample[:size].decode(name, "replace")
            return "" if _NEVER_IN_TEXT.search(text) else name
    return ""


def is_text(sample: bytes) -> bool:
    """Whether octets look like text: hardly a control character in them."""
    if wide_charset(sample):
        return True
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = decode(sample[: len(sample) - len(sample) % 2])
        return text.count("\ufffd") <= _BROKEN and not _NEVER_IN_TEXT.search(text)
    odd = len(sample) - len(sample.translate(None, _CONTROLS))
    return odd * 50 <= len(sample)


_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x0b\x1b\x1a\x1e\x1f"))
