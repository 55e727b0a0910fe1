# SPDX-License-Identifier: Apache-2.0
"""Twelve and more ways to write octets as text, each inside itself and inside the others, up to five deep."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from itertools import islice

from tests.evasion.secrets import CRLF, Trick, file_octets, in_base64, in_quoted_printable, in_uuencode, mail, sentence

_XX = b"+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HQX = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def in_xxencode(octets: bytes) -> bytes:
    table = bytes.maketrans(bytes(range(32, 96)) + b"`", _XX + b"+")
    lines = [binascii.b2a_uu(octets[at : at + 45]).rstrip(b"\n").translate(table) for at in range(0, len(octets), 45)]
    return CRLF.join([b"begin 644 x.txt", *lines, b"+", b"end", b""])


def in_yenc(octets: bytes) -> bytes:
    out = bytearray()
    for octet in octets:
        sign = (octet + 42) % 256
        out += bytes((61, (sign + 64) % 256)) if sign in (0, 10, 13, 61) else bytes((sign,))
    lines = [bytes(out[at : at + 128]) for at in range(0, len(out), 128)]
    return CRLF.join(
        [b"=ybegin line=128 size=%d name=x.txt" % len(octets), *lines, b"=yend size=%d" % len(octets), b""]
    )


def in_binhex(octets: bytes) -> bytes:
    """BinHex 4: header, data fork, resource fork, each with a CRC (not checked by us, zero here), 0x90 escaped."""
    header = b"\x05x.txt\x00TEXT????\x00\x00" + len(octets).to_bytes(4, "big") + bytes(4)
    packed = (header + b"\0\0" + octets + b"\0\0").replace(b"\x90", b"\x90\x00")
    signs = base64.b64encode(packed).rstrip(b"=").translate(bytes.maketrans(_BASE64, _HQX)) + b":"
    lines = [(b":" + signs)[at : at + 64] for at in range(0, len(signs) + 1, 64)]
    return CRLF.join([b"(This file must be converted with BinHex 4.0)", *lines, b""])


def _wrapped(signs: bytes, width: int = 72) -> bytes:
    return CRLF.join(signs[at : at + width] for at in range(0, len(signs), width)) + CRLF


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "base64": in_base64,
    "base64-url": lambda o: base64.urlsafe_b64encode(o) + CRLF,
    "base64-quoted": lambda o: b"".join(b"> " + line for line in in_base64(o).splitlines(keepends=True)),
    "base64-framed": lambda o: b"begin-base64 644 x.txt\r\n" + in_base64(o) + b"====\r\n",
    "quoted-printable": in_quoted_printable,
    "uuencode": in_uuencode,
    "xxencode": in_xxencode,
    "yenc": in_yenc,
    "binhex": in_binhex,
    "base32": lambda o: _wrapped(base64.b32encode(o)),
    "hex": lambda o: _wrapped(binascii.b2a_hex(o)),
    "ascii85": lambda o: b"<~" + base64.a85encode(o, wrapcol=72) + b"~>\r\n",
    "percent": lambda o: b"".join(b"%%%02X" % octet for octet in o) + CRLF,
    "entities": lambda o: b"".join(b"&#%d;" % octet for octet in o) + CRLF,
    "unicode-escapes": lambda o: b"".join(b"\\u%04x" % octet for octet in o) + CRLF,
}  # fmt: skip
GROWING = frozenset({"hex", "percent", "entities", "unicode-escapes", "quoted-printable"})
"""Those that make several signs of one: five deep the mail would be megabytes."""


def encoders() -> Iterator[Trick]:
    """Each encoder inside itself, then each chain of different ones, one to five deep."""
    number = 9000
    everyone = list(ENCODERS)
    for at, name in enumerate(everyone):
        for depth in range(1, 6):
            for chain in dict.fromkeys((_same(name, depth), _mixed(everyone, at, depth))):
                number += 1
                text = sentence(number)
                octets = text.encode() + CRLF
                for each in chain:
                    octets = ENCODERS[each](octets)
                label = " in ".join(chain)
                for place, raw in _placed(octets, number).items():
                    yield Trick("encoders", f"{label}/{place}", raw, text=text)
                if depth <= 3 and not GROWING & set(chain):
                    file = file_octets(number)
                    packed = file
                    for each in chain:
                        packed = ENCODERS[each](packed)
                    yield Trick("encoders", f"{label}/file", _placed(packed, number)["text"], octets=file)


def _same(name: str, depth: int) -> tuple[str, ...]:
    return (name,) * (min(depth, 3) if name in GROWING else depth)


def _mixed(everyone: list[str], at: int, depth: int) -> tuple[str, ...]:
    chain = [everyone[(at + step * 7) % len(everyone)] for step in range(depth)]
    growing = iter([name for name in chain if name in GROWING])
    allowed = set(islice(growing, 2))
    return tuple(name if name not in GROWING or name in allowed else "base64" for name in chain)


def _placed(octets: bytes, number: int) -> dict[str, bytes]:
    places = {
        "text": mail(
            b"Content-Type: text/plain; charset=utf-8",
            b"Content-Transfer-Encoding: 8bit",
            body=b"Hallo\r\n\r\n" + octets,
        ),
        "file": mail(
            b'Content-Type: application/octet-stream; name="a.dat"',
            b"Content-Transfer-Encoding: base64",
            body=in_base64(octets),
        ),
    }
    if number % 3 == 0:
        html = b"<html><body><pre>\r\n" + octets + b"</pre></body></html>\r\n"
        places["html"] = mail(b"Content-Type: text/html; charset=utf-8", b"Content-Transfer-Encoding: 8bit", body=html)
    return places
