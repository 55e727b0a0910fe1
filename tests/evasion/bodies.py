# SPDX-License-Identifier: Apache-2.0
"""Base64 and quoted-printable bodies that strict, forgiving and careless decoders read each in their way."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

from tests.evasion.secrets import CRLF, Trick, file_octets, in_base64, in_quoted_printable, mail, sentence

Change = Callable[[bytes], bytes]


def _lines(octets: bytes, width: int, end: bytes = CRLF) -> bytes:
    signs = base64.b64encode(octets)
    return b"".join(signs[at : at + width] + end for at in range(0, len(signs), width))


def _every(octets: bytes, width: int, between: bytes) -> bytes:
    signs = base64.b64encode(octets)
    return between.join(signs[at : at + width] for at in range(0, len(signs), width)) + CRLF


def _padded_pieces(octets: bytes, size: int) -> bytes:
    return b"".join(base64.b64encode(octets[at : at + size]) for at in range(0, len(octets), size)) + CRLF


BASE64: dict[str, Change] = {
    "honest": in_base64,
    "one-line": lambda o: base64.b64encode(o) + CRLF,
    "width-77": lambda o: _lines(o, 77),
    "width-4": lambda o: _lines(o, 4),
    "width-3": lambda o: _lines(o, 3),
    "width-1": lambda o: _lines(o, 1),
    "width-19": lambda o: _lines(o, 19),
    "blank-lines": lambda o: _lines(o, 40, b"\r\n\r\n"),
    "spaces-between": lambda o: _every(o, 4, b" "),
    "tabs-between": lambda o: _every(o, 8, b"\t"),
    "trailing-blanks": lambda o: _lines(o, 60, b"  \t\r\n"),
    "leading-blanks": lambda o: b"".join(b"   " + line for line in _lines(o, 60).splitlines(keepends=True)),
    "junk-everywhere": lambda o: _every(o, 5, b"!"),
    "junk-mixed": lambda o: _every(o, 3, b"*%.#"),
    "dashes-everywhere": lambda o: _every(o, 6, b"-"),
    "junk-at-start": lambda o: b"####\r\n" + in_base64(o),
    "junk-at-end": lambda o: in_base64(o).rstrip() + b"\r\n____ \r\nFusszeile der Liste!\r\n",
    "words-before": lambda o: b"Guten Tag,\r\n\r\n" + in_base64(o),
    "words-behind": lambda o: in_base64(o) + b"\r\nMit freundlichen Gruessen\r\n",
    "eight-bit-junk": lambda o: _every(o, 7, b"\xe4\xff"),
    "nul-junk": lambda o: _every(o, 7, b"\x00"),
    "every-second-nul": lambda o: _every(o, 1, b"\x00"),
    "equals-everywhere": lambda o: _every(o, 4, b"="),
    "equals-odd": lambda o: _every(o, 6, b"="),
    "equals-first": lambda o: b"=" + in_base64(o),
    "equals-line-first": lambda o: b"====\r\n" + in_base64(o),
    "padded-pieces-1": lambda o: _padded_pieces(o, 1),
    "padded-pieces-2": lambda o: _padded_pieces(o, 2),
    "padded-pieces-4": lambda o: _padded_pieces(o, 4),
    "padded-lines": lambda o: b"".join(base64.b64encode(o[at : at + 40]) + CRLF for at in range(0, len(o), 40)),
    "end-then-more": lambda o: base64.b64encode(b"Hallo") + CRLF + in_base64(o),
    "end-then-more-glued": lambda o: base64.b64encode(b"Hallo") + in_base64(o),
    "no-padding": lambda o: base64.b64encode(o + b"x").rstrip(b"=") + CRLF,
    "too-much-padding": lambda o: base64.b64encode(o).rstrip(b"=") + b"======\r\n",
    "wrong-padding": lambda o: base64.b64encode(o).rstrip(b"=") + b"A\r\n",
    "url-alphabet": lambda o: base64.urlsafe_b64encode(o) + CRLF,
    "quoted-lines": lambda o: b"".join(b"> " + line for line in in_base64(o).splitlines(keepends=True)),
    "lone-cr": lambda o: _lines(o, 60, b"\r"),
    "lone-lf": lambda o: _lines(o, 60, b"\n"),
    "cr-cr-lf": lambda o: _lines(o, 60, b"\r\r\n"),
    "stray-sign-a-line": lambda o: b"".join(line.rstrip() + b"A\r\n" for line in _lines(o, 60).splitlines(keepends=True)),
    "bom": lambda o: b"\xef\xbb\xbf" + in_base64(o),
    "wide": lambda o: base64.b64encode(o).decode().encode("utf-16"),
    "comments": lambda o: _every(o, 8, b"(x)"),
    "begin-base64": lambda o: b"begin-base64 644 x.txt\r\n" + in_base64(o) + b"====\r\n",
    "data-url": lambda o: b'<img src="data:text/plain;base64,' + base64.b64encode(o) + b'">\r\n',
    "json": lambda o: b'{"a":"' + base64.b64encode(o) + b'"}\r\n',
    "assignment": lambda o: b"x=" + base64.b64encode(o) + b"\r\n",
    "glued-letter": lambda o: b"x" + base64.b64encode(o) + b"\r\n",
    "twice": lambda o: in_base64(in_base64(o)),
    "backslash-line-ends": lambda o: _lines(o, 60, b"\\n\r\n"),
    "percent-escapes": lambda o: base64.b64encode(o).replace(b"=", b"%3D").replace(b"+", b"%2B") + CRLF,
    "soft-breaks": lambda o: _lines(o, 60, b"=\r\n"),
    "quoted-printable-around": lambda o: in_quoted_printable(in_base64(o)),
    "padding-escaped": lambda o: base64.b64encode(o).replace(b"=", b"=3D") + CRLF,
    "form-feeds": lambda o: _every(o, 20, b"\x0c"),
}  # fmt: skip


def _escapes(octets: bytes) -> list[bytes]:
    return [b"=%02X" % octet for octet in octets]


QUOTED_PRINTABLE: dict[str, Change] = {
    "honest": in_quoted_printable,
    "lower-case": lambda o: b"".join(b"=%02x" % octet for octet in o) + CRLF,
    "mixed-case": lambda o: b"".join(b"=%X%x" % (octet >> 4, octet & 15) for octet in o) + CRLF,
    "one-line": lambda o: b"".join(_escapes(o)) + CRLF,
    "break-in-escape-1": lambda o: b"".join(b"=%X=\r\n%X" % (octet >> 4, octet & 15) for octet in o) + CRLF,
    "break-in-escape-2": lambda o: b"".join(b"==\r\n%02X" % octet for octet in o) + CRLF,
    "break-after-each": lambda o: b"=\r\n".join(_escapes(o)) + CRLF,
    "blanks-behind-break": lambda o: b"= \t \r\n".join(_escapes(o)) + CRLF,
    "lone-lf-break": lambda o: b"=\n".join(_escapes(o)) + CRLF,
    "lone-cr-break": lambda o: b"=\r".join(_escapes(o)) + CRLF,
    "double-break": lambda o: b"=\r\n=\r\n".join(_escapes(o)) + CRLF,
    "no-newline-at-end": lambda o: b"".join(_escapes(o)) + b"=",
    "bad-escapes-between": lambda o: b"=ZZ".join(_escapes(o)) + CRLF,
    "half-escape-at-end": lambda o: b"".join(_escapes(o)) + b"=4",
    "escaped-twice": lambda o: b"".join(b"=3D%02X" % octet for octet in o) + CRLF,
    "escaped-three-times": lambda o: b"".join(b"=3D3D%02X" % octet for octet in o) + CRLF,
    "nul-between": lambda o: b"\x00".join(_escapes(o)) + CRLF,
    "plain-with-breaks": lambda o: b"".join(o[at : at + 3] + b"=\r\n" for at in range(0, len(o), 3)),
    "plain-with-blank-breaks": lambda o: b"".join(o[at : at + 3] + b"=  \r\n" for at in range(0, len(o), 3)),
    "digits-only": lambda o: b"".join(b"=%02X" % octet if chr(octet).isdigit() else b"%c" % octet for octet in o),
    "encoded-word": lambda o: b"=?utf-8?q?" + b"".join(_escapes(o)) + b"?=\r\n",
    "b-encoded-word": lambda o: b"=?utf-8?b?" + base64.b64encode(o) + b"?=\r\n",
    "base64-around": lambda o: in_base64(in_quoted_printable(o)),
    "quoted-lines": lambda o: b"".join(b"> " + line for line in in_quoted_printable(o).splitlines(keepends=True)),
    "invisible-breaks": lambda o: b"".join(b"%c=C2=AD=E2=80=8B" % octet for octet in o),
    "overlong": lambda o: b"".join(b"=%02X=%02X" % (0xC0 | octet >> 6, 0x80 | octet & 63) for octet in o),
}

# How the body is declared.
DECLARED: dict[str, tuple[bytes, ...]] = {
    "declared": (b"Content-Type: text/plain; charset=utf-8", b"Content-Transfer-Encoding: %s"),
    "as-file": (b'Content-Type: application/octet-stream; name="a.bin"', b"Content-Transfer-Encoding: %s"),
    "odd-field": (b"Content-Type: text/plain", b"Content-Transfer-Encoding : (7bit) %s"),
    "undeclared": (b"Content-Type: text/plain; charset=utf-8",),
    "as-7bit": (b"Content-Type: text/plain", b"Content-Transfer-Encoding: 7bit"),
    "as-html": (b"Content-Type: text/html; charset=utf-8", b"Content-Transfer-Encoding: 8bit"),
}
ONLY_DECLARED = frozenset({"comments"})
"""Undeclared, no program and no person would make anything of these."""
ONLY_UNDECLARED = frozenset({"quoted-printable/quoted-lines", "base64/glued-letter"})
"""Declared, every program decodes the extra signs with the rest and shows something else."""


def bodies() -> Iterator[Trick]:
    """Every change of every encoding, declared and not."""
    number = 4000
    for encoding, table in ((b"base64", BASE64), (b"quoted-printable", QUOTED_PRINTABLE)):
        family = f"{encoding.decode()} bodies"
        for form, fields in DECLARED.items():
            head = [field.replace(b"%s", encoding) for field in fields]
            for name, change in table.items():
                honest = form in ("declared", "as-file", "odd-field")
                if name in ONLY_DECLARED and not honest:
                    continue
                if f"{encoding.decode()}/{name}" in ONLY_UNDECLARED and honest:
                    continue
                number += 1
                text, file = sentence(number), file_octets(number)
                label = f"{form}-{name}"
                yield Trick(family, label, mail(*head, body=change(text.encode() + CRLF)), text=text)
                if encoding == b"base64" and form in ("declared", "as-file"):
                    yield Trick(family, f"{label}/file", mail(*head, body=change(file)), octets=file)
