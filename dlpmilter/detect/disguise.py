# SPDX-License-Identifier: Apache-2.0
"""Numbers and words that are written so that no pattern meets them: letter by letter, cut into odd groups, from back
to front, as lists of codes, as strings that a program joins.

Gives lines beside the text and never replaces it. What is put together here is either valid beyond doubt (an account
number by its check digits) or a run of single letters, so that tables and sentences give nothing. A text without
such runs costs a few passes of RE2; linear, pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from stdnum import iban, luhn

from dlpmilter.detect.patterns import compiled

_LENGTHS: Final = {
    each[:2].encode(): int(each[2:])
    for each in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 "
        "FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 "
        "LU20 LV21 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 "
        "SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
    ).split()
}
"""Country -> signs of its account numbers (SWIFT IBAN registry)."""
_GAP: Final = "[^A-Za-z0-9]{0,6}"
_WIDEST: Final = 7
_COUNTRY: Final = "|".join(f"{each[:1].decode()}{_GAP}{each[1:].decode()}" for each in _LENGTHS)
_YRTNUOC: Final = "|".join(f"{each[1:].decode()}{_GAP}{each[:1].decode()}" for each in _LENGTHS)
_APART: Final = compiled(rf"(?:{_COUNTRY}){_GAP}[0-9]{_GAP}[0-9]")
_TURNED: Final = compiled(rf"[0-9]{_GAP}[0-9]{_GAP}(?:{_YRTNUOC})")
_SINGLES: Final = compiled(r"\b[A-Za-z0-9](?:[^A-Za-z0-9]{1,6}[A-Za-z0-9]\b){9,}")
_CODE: Final = "(?:9|10|13|3[2-9]|[4-9][0-9]|1[01][0-9]|12[0-6])"
"""A sign of ASCII in decimal: whole tables of such numbers are rare."""
_CODES: Final = compiled(rf"\b{_CODE}(?:[^0-9]{{1,8}}{_CODE}\b){{11,}}")
_OCTALS: Final = compiled(r"(?:\\[0-3][0-7]{2}){8,}")
_BITS: Final = compiled(r"\b[01]{8}(?:[ \t\r\n,]{0,2}[01]{8}){7,}")
_DUMP: Final = compiled(r"(?m:^)[0-9A-Fa-f]{4,8}:?[ \t]{1,3}(?:[0-9A-Fa-f]{2}[ \t-]{0,3}){4,16}")
_PIECES: Final = compiled(r"""["'][ \t\r\n]{0,3}[+&.][ \t\r\n]{0,3}["']""")
_JOINTS: Final = (b"'+'", b'"+"', b"' + '", b'" + "', b'"&"', b'" & "', b"'.'", b"' . '")
_COLOURS: Final = re.compile(rb"\x1b\[[0-9;]{0,20}[A-Za-z]")
_NO_SIGN: Final = bytes(each for each in range(256) if not chr(each).isalnum() or each > 127)
_PRINTED: Final = bytes({*range(32, 127), 9, 10, 13})
_DIGITS: Final = b"0123456789"
_FEWEST: Final = 15
"""Signs of the shortest account number."""
_CARD: Final = range(13, 20)
"""Single digits in a row are a table, unless they are as many as a card has and pass its check."""
MOST: Final = 50_000
"""Places that are looked at one by one for each kind; a text with more of them is no text (`crowded`)."""


class Crowded(Exception):  # what the text is
    """More places than may be looked at: nobody can say what is written there."""


def apart(text: str) -> str:
    """The lines to add, "" for nearly every text. Raises Crowded."""
    octets = text.encode("utf-8", "replace")
    found: list[bytes] = []
    few = len(octets) - len(octets.translate(None, _DIGITS)) < _FEWEST
    if not few:
        found += accounts(octets)
        found += _codes(octets)
    found += _singles(octets)
    found += _joined(octets)
    return b"\n".join(dict.fromkeys(found)).decode("utf-8", "replace")


def accounts(octets: bytes) -> Iterator[bytes]:
    """Account numbers whatever stands between their signs, also from back to front."""
    for number, match in enumerate(_APART.finditer(octets)):
        _count(number)
        start = match.start()
        value = _account(octets[start : start + _WIDEST * 34].translate(None, _NO_SIGN).upper())
        if value:
            yield value
    for number, match in enumerate(_TURNED.finditer(octets)):
        _count(number)
        end = match.end()
        value = _account(octets[max(0, end - _WIDEST * 34) : end].translate(None, _NO_SIGN).upper()[::-1])
        if value:
            yield value


def _account(signs: bytes) -> bytes:
    """The account number these signs begin with, or nothing."""
    length = _LENGTHS.get(signs[:2], 0)
    value = signs[:length]
    if not length or len(value) < length or not value[2:4].isdigit():
        return b""
    if int("".join(str(int(chr(each), 36)) for each in value[4:] + value[:4])) % 97 != 1:
        return b""
    return value if iban.is_valid(value.decode("ascii"), check_country=False) else b""


def _singles(octets: bytes) -> Iterator[bytes]:
    """Runs of single letters and digits, put together."""
    for number, match in enumerate(_SINGLES.finditer(octets)):
        _count(number)
        run = match.group().translate(None, _NO_SIGN)
        if not run.isdigit() or (len(run) in _CARD and luhn.is_valid(run.decode("ascii"))):
            yield run


def _codes(octets: bytes) -> Iterator[bytes]:
    """Lists of numbers that are codes of letters: decimal, octal, binary, a hex dump."""
    for number, match in enumerate(_CODES.finditer(octets)):
        _count(number)
        yield from _printed(bytes(int(each) for each in re.findall(rb"\d+", match.group())))
    if b"\\" in octets:
        for match in _OCTALS.finditer(octets):
            yield from _printed(bytes(int(each, 8) for each in match.group().split(b"\\")[1:]))
    for match in _BITS.finditer(octets):
        bits = match.group().translate(None, b" \t\r\n,")
        yield from _printed(bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)))
    lines = [match.group() for match in _DUMP.finditer(octets)]
    if len(lines) > 1:
        pairs = b"".join(line.split(maxsplit=1)[1].translate(None, b" \t-") for line in lines)
        yield from _printed(bytes.fromhex(pairs.decode("ascii")[: len(pairs) // 2 * 2]))


def _printed(octets: bytes) -> Iterator[bytes]:
    """These octets, if they are text."""
    bare = octets.replace(b"\0", b"")
    if bare and not bare.translate(None, _PRINTED):
        yield bare


def _joined(octets: bytes) -> Iterator[bytes]:
    """Lines of strings a program puts together, and of text with the colours of a terminal in it."""
    if any(joint in octets for joint in _JOINTS):
        for line in octets.split(b"\n"):
            if any(joint in line for joint in _JOINTS):
                yield _PIECES.sub(b"", line)
    if b"\x1b[" in octets:
        yield _COLOURS.sub(b"", octets)


def _count(number: int) -> None:
    if number >= MOST:
        raise Crowded
