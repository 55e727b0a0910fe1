# SPDX-License-Identifier: Apache-2.0
"""The plain, slow way to the same findings: what the fast one must equal, whatever the text."""

from __future__ import annotations

import unicodedata

from dlpmilter.detect.normalise import spelt_out


def slow_forms(text: str) -> tuple[bytes, ...]:
    """The plain forms of a text, letter by letter."""
    if "\u0308" in text:
        text = unicodedata.normalize("NFC", text)
    octets = spelt_out(text)
    joined = octets.replace(b"\0", b"")
    apart = b" ".join(each for each in octets.split(b"\0") if each)
    return (joined, apart) if b"\0" in octets and joined != apart else (joined,)
