# SPDX-License-Identifier: Apache-2.0
"""Texts in charsets few scanners read, declared truly, wrongly and not at all, and signs that look or read otherwise."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

from tests.evasion.secrets import CRLF, Trick, in_base64, mail, sentence

PLAIN = (
    "utf-8",
    "iso-8859-15",
    "windows-1252",
    "koi8-r",
    "macintosh",
    "gb18030",
    "shift_jis",
    "euc-jp",
    "big5",
    "euc-kr",
)
WIDE = (
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-32-le",
    "utf-32-be",
    "utf-7",
    "iso2022_jp",
    "iso2022_kr",
    "hz",
)
EBCDIC = ("cp037", "cp273", "cp500", "cp1140")
UNREADABLE = (
    "unicode_escape",
    "raw_unicode_escape",
    "punycode",
    "idna",
    "rot13",
    "zlib",
    "x-user-defined",
    "scsu",
    "bocu-1",
    "x-strange",
)


def _utf7_all(text: str) -> bytes:
    """Every sign as base64, also those that need not be."""
    return b"+" + base64.b64encode(text.encode("utf-16-be")).rstrip(b"=") + b"-"


def _spelled(text: str, change: Callable[[str], str]) -> bytes:
    return "".join(change(sign) for sign in text).encode("utf-8")


SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "utf-7-all": _utf7_all,
    "utf-7-digits": lambda t: b"".join(_utf7_all(sign) if sign.isdigit() else sign.encode() for sign in t),
    "full-width": lambda t: _spelled(t, lambda sign: chr(ord(sign) + 0xFEE0) if sign.isalnum() else sign),
    "bold-digits": lambda t: _spelled(t, lambda sign: chr(0x1D7CE + int(sign)) if sign.isdigit() else sign),
    "circled-digits": lambda t: _spelled(t, lambda sign: chr(0x245F + int(sign)) if sign in "123456789" else sign),
    "superscript": lambda t: _spelled(t, lambda sign: chr(0x2070 + int(sign)) if sign in "456789" else sign),
    **{
        f"between-{ord(sign):04x}": (lambda t, s=sign: _spelled(t, lambda each: each + s))  # type: ignore[misc]
        for sign in "\u00ad\u200b\u200c\u200d\u2060\ufeff\u034f\u180e\u200e\u202c\ufe0f\u3164\u2066\U000e0041\u115f"
    },
    "combining-nul": lambda t: b"\x00".join(t.encode()[at : at + 1] for at in range(len(t))),
    "escapes-between": lambda t: b"\x1b(B".join(t.encode()[at : at + 1] for at in range(len(t))),
    "escape-sequences": lambda t: b"\x1b$B\x1b(B".join(t.encode()[at : at + 4] for at in range(0, len(t), 4)),
    "shifts-between": lambda t: b"\x0f".join(t.encode()[at : at + 1] for at in range(len(t))),
    "hz-asides": lambda t: b"~\n".join(t.encode()[at : at + 1] for at in range(len(t))),
    "hz-shifts": lambda t: b"~{~}".join(t.encode()[at : at + 1] for at in range(len(t))),
    "overlong-2": lambda t: b"".join(bytes((0xC0 | o >> 6, 0x80 | o & 63)) for o in t.encode()),
    "overlong-3": lambda t: b"".join(bytes((0xE0, 0x80 | o >> 6, 0x80 | o & 63)) for o in t.encode()),
    "overlong-4": lambda t: b"".join(bytes((0xF0, 0x80, 0x80 | o >> 6, 0x80 | o & 63)) for o in t.encode()),
    "backspaces": lambda t: b"".join(b"%cx\x08" % o for o in t.encode()),
    "flowed": lambda t: b" \r\n".join(word.encode() for word in t.split(" ")),
    "entities": lambda t: "".join(f"&#{ord(sign)};" for sign in t).encode(),
    "hex-entities": lambda t: "".join(f"&#x{ord(sign):x};" for sign in t).encode(),
    "entities-open": lambda t: "".join(f"&#{ord(sign)}" if not sign.isdigit() else f"&#{ord(sign)};" for sign in t).encode(),
    "split-by-tags": lambda t: "".join(f"{sign}<b></b>" for sign in t).encode(),
    "split-by-comments": lambda t: "".join(f"{sign}<!-- x -->" for sign in t).encode(),
    "backwards-marks": lambda t: _spelled(t, lambda each: f"\u202d{each}\u202c"),
    "lone-surrogates": lambda t: b"".join(b"%c\xed\xa0\x80" % o for o in t.encode()),
    "cesu": lambda t: t.encode() + "\U0001f600".encode("utf-16-be", "surrogatepass"),
    "bom-then-text": lambda t: b"\xff\xfe" + t.encode("utf-16-le"),
    "wrong-bom": lambda t: b"\xfe\xff" + t.encode("utf-16-le"),
    "utf-16-behind-ascii": lambda t: b"Hallo\r\n" + t.encode("utf-16-le"),
    "odd-utf-16": lambda t: b"\r" + t.encode("utf-16-be"),
    "utf-8-bom": lambda t: b"\xef\xbb\xbf" + t.encode(),
}  # fmt: skip
HTML_ONLY = frozenset({"split-by-tags", "split-by-comments"})


def charsets() -> Iterator[Trick]:
    """Each charset and each spelling: declared, declared as something else, not declared; plain and in base64."""
    number = 6000
    for name in (*PLAIN, *WIDE, *EBCDIC):
        for declared in (name, "", "us-ascii", "utf-8", "x-unknown", "iso-8859-1"):
            number += 1
            text = sentence(number)
            octets = text.encode(name)
            yield Trick("charsets", f"{name}-as-{declared or 'nothing'}", _mail(declared, in_base64(octets)), text=text)
            if name in PLAIN or name in ("utf-7", "hz", "iso2022_jp"):
                yield Trick(
                    "charsets", f"{name}-as-{declared or 'nothing'}-8bit", _mail(declared, octets, b"8bit"), text=text
                )
    for name in UNREADABLE:
        number += 1
        text = sentence(number)
        octets = text.encode("punycode" if name in ("punycode", "idna") else "utf-7")
        hold = name not in ("x-strange", "x-user-defined")
        yield Trick("charsets", f"forbidden-{name}", _mail(name, in_base64(octets)), text=text, must_hold=hold)
    number += 1
    yield Trick(
        "charsets",
        "two-charsets",
        _mail("us-ascii; charset=utf-16-be", in_base64(sentence(number).encode("utf-16-be"))),
        text=sentence(number),
    )
    for name, spell in SPELLINGS.items():
        for kind in ("plain", "html"):
            if name in HTML_ONLY and kind == "plain":
                continue
            number += 1
            text = sentence(number)
            body = spell(text)
            head = (f"Content-Type: text/{kind}; charset=utf-8".encode(), b"Content-Transfer-Encoding: 8bit")
            yield Trick("spellings", f"{name}-{kind}", mail(*head, body=body + CRLF), text=text)
            head = (head[0], b"Content-Transfer-Encoding: base64")
            yield Trick("spellings", f"{name}-{kind}-base64", mail(*head, body=in_base64(body)), text=text)
            if b"\n" not in body and kind == "plain":
                yield Trick("spellings", f"{name}-subject", mail(b"X-Note: " + body, body=b"Hallo\r\n"), text=text)


def _mail(charset: str, body: bytes, encoding: bytes = b"base64") -> bytes:
    field = b"Content-Type: text/plain" + (f"; charset={charset}".encode() if charset else b"")
    return mail(field, b"Content-Transfer-Encoding: " + encoding, body=body)
