# SPDX-License-Identifier: Apache-2.0
"""An account number in letters that only look like letters, wherever a mail can hold text."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from itertools import cycle
from urllib.parse import quote

from tests.content.formats import make
from tests.evasion.whole import IBAN, SPACED, TEXT, Case, attach, body, html, multipart, part, plain


def _digits(zero: int) -> Callable[[str], str]:
    return lambda t: "".join(chr(zero + int(each)) if each.isdigit() else each for each in t)


def _mapped(upper: int, digit: int) -> Callable[[str], str]:
    def spell(t: str) -> str:
        return "".join(
            chr(upper + ord(each) - 65) if "A" <= each <= "Z" else chr(digit + int(each)) if each.isdigit() else each
            for each in t
        )

    return spell


def _between(mark: str) -> Callable[[str], str]:
    return mark.join


def _grouped(mark: str) -> Callable[[str], str]:
    return lambda _: SPACED.replace(" ", mark)


def _circled(one: int, zero: int) -> Callable[[str], str]:
    return lambda t: "".join(
        chr(zero if each == "0" else one + int(each) - 1) if each.isdigit() else each for each in t
    )


# name -> (sentence, what becomes of the account number)
SPELLINGS: dict[str, tuple[str, Callable[[str], str]]] = {
    "cyrillic-e": ("The E is Cyrillic.", lambda t: t.replace("E", "\u0415")),
    "greek-e": ("The E is Greek.", lambda t: t.replace("E", "\u0395")),
    "cherokee": ("Both letters are Cherokee.", lambda t: t.replace("D", "\u13a0").replace("E", "\u13ac")),
    "lisu": ("Both letters are Lisu.", lambda t: t.replace("D", "\ua4d3").replace("E", "\ua4f0")),
    "small-capitals": ("Small capitals of phonetics.", lambda t: t.replace("D", "\u1d05").replace("E", "\u1d07")),
    "modifier": ("Letters set high.", lambda t: t.replace("D", "\u1d30").replace("E", "\u1d31")),
    "fullwidth": ("Everything as wide as Chinese signs.", lambda t: "".join(chr(ord(e) + 0xFEE0) if e.isalnum() else e for e in t)),
    "bold": ("Mathematical bold.", _mapped(0x1D400, 0x1D7CE)),
    "double-struck": ("Mathematical double-struck.", _mapped(0x1D538, 0x1D7D8)),
    "sans": ("Mathematical sans-serif.", _mapped(0x1D5A0, 0x1D7E2)),
    "monospace": ("Mathematical monospace.", _mapped(0x1D670, 0x1D7F6)),
    "fraktur": ("Letters in Fraktur, digits in sans bold.", _mapped(0x1D56C, 0x1D7EC)),
    "regional": ("Letters of flags.", lambda t: "".join(chr(0x1F1E6 + ord(e) - 65) if e.isalpha() else e for e in t)),
    "squared": ("Letters in squares.", lambda t: "".join(chr(0x1F130 + ord(e) - 65) if e.isalpha() else e for e in t)),
    "circled": ("Digits in circles.", _circled(0x2460, 0x24EA)),
    "circled-negative": ("Digits in black circles.", _circled(0x2776, 0x24FF)),
    "circled-sans": ("Digits in sans-serif circles.", _circled(0x2780, 0x1F10B)),
    "circled-sans-negative": ("Digits in black sans-serif circles.", _circled(0x278A, 0x1F10C)),
    "circled-double": ("Digits in double circles.", _circled(0x24F5, 0x24EA)),
    "parenthesised": ("Digits in parentheses, zeros plain.", lambda t: "".join(chr(0x2474 + int(e) - 1) if e in "123456789" else e for e in t)),
    "full-stops": ("Digits with a full stop.", lambda t: "".join(chr(0x2488 + int(e) - 1) if e in "123456789" else e for e in t)),
    "segmented": ("Digits of a pocket calculator.", _digits(0x1FBF0)),
    "superscript": ("Digits set high.", lambda t: t.translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))),
    "subscript": ("Digits set low.", _digits(0x2080)),
    "arabic": ("Arabic digits.", _digits(0x660)),
    "persian": ("Persian digits.", _digits(0x6F0)),
    "devanagari": ("Digits of Devanagari.", _digits(0x966)),
    "bengali-mixed": ("Each digit of another script.", lambda t: "".join(chr(z + int(e)) if e.isdigit() else e for e, z in zip(t, cycle((0x9E6, 0xA66, 0x660, 0xE50, 48)), strict=False))),
    "keycaps": ("Digits as keys of a telephone.", lambda t: "".join(f"{e}\ufe0f\u20e3" if e.isdigit() else e for e in t)),
    "zero-width-space": ("A zero-width space between all.", _between("\u200b")),
    "zero-width-joiner": ("A zero-width joiner between all.", _between("\u200d")),
    "soft-hyphen": ("A soft hyphen between all.", _between("\u00ad")),
    "word-joiner": ("A word joiner between all.", _between("\u2060")),
    "invisible-times": ("An invisible multiplication sign between all.", _between("\u2062")),
    "bom": ("A byte order mark between all.", _between("\ufeff")),
    "mongolian": ("A Mongolian vowel separator between all.", _between("\u180e")),
    "grapheme-joiner": ("A grapheme joiner between all.", _between("\u034f")),
    "hangul-filler": ("A Hangul filler between all.", _between("\u3164")),
    "braille": ("An empty Braille pattern between all.", _between("\u2800")),
    "musical": ("An invisible sign of musical notation between all.", _between("\U0001d173")),
    "variation": ("A variation selector behind each.", _between("\ufe0e")),
    "variation-plane-14": ("A variation selector of plane 14 behind each.", _between("\U000e0101")),
    "interlinear": ("Anchors of annotations between all.", _between("\ufff9")),
    "shorthand": ("A control of shorthand between all.", _between("\U0001bca0")),
    "private-use": ("A sign of the private area between all.", _between("\ue000")),
    "struck": ("Each letter struck through.", _between("\u0336")),
    "underlined": ("Each letter underlined.", _between("\u0332")),
    "zalgo": ("Five marks on each letter.", _between("\u0300\u0316\u0321\u0489\u036f")),
    "enclosed": ("Each letter in a circle that is a mark.", _between("\u20dd")),
    "cyrillic-mark": ("A Cyrillic thousands sign on each.", _between("\u0482")),
    "override": ("Written from right to left under an override.", lambda t: f"\u202e{t[::-1]}\u202c"),
    "isolate": ("Written from right to left in an isolate with an override.", lambda t: f"\u2067\u202e{t[::-1]}\u202c\u2069"),
    "override-pieces": ("Each group turned under its own override.", lambda t: "".join(f"\u202e{t[a : a + 4][::-1]}\u202c" for a in range(0, len(t), 4))),
    "tags": ("All in invisible tag characters.", lambda t: "".join(chr(0xE0000 + ord(e)) for e in t)),
    "variation-octets": ("Each octet as one variation selector behind a smile.", lambda t: "\U0001f600" + "".join(chr(0xFE00 + o if o < 16 else 0xE0100 + o - 16) for o in t.encode())),
    "nbsp": ("Groups apart by no-break spaces.", _grouped("\u00a0")),
    "thin": ("Groups apart by thin spaces.", _grouped("\u2009")),
    "figure-dash": ("Groups apart by figure dashes.", _grouped("\u2012")),
    "middle-dot": ("Groups apart by middle dots.", _grouped("\u00b7")),
    "bullets": ("Groups apart by bullets.", _grouped(" \u2022 ")),
    "two-spaces": ("Groups apart by two spaces.", _grouped("  ")),
    "tabs": ("Groups apart by tabs.", _grouped("\t")),
    "underscores": ("Groups apart by underscores.", _grouped("_")),
    "pipes": ("Groups apart by bars.", _grouped(" | ")),
    "commas": ("Groups apart by commas.", _grouped(", ")),
    "colons": ("Groups apart by colons.", _grouped(":")),
    "brackets": ("Groups in brackets.", lambda _: "".join(f"[{each}]" for each in SPACED.split())),
    "spaced-out": ("A space between all.", " ".join),
    "dotted-out": ("A full stop between all.", ".".join),
    "one-a-line": ("One sign a line.", "\r\n".join),
    "group-a-line": ("One group a line.", _grouped("\r\n")),
    "quoted-lines": ("One group a line, each quoted.", _grouped("\r\n> ")),
    "lower": ("In small letters.", str.lower),
    "glued": ("Words glued to both ends.", lambda t: f"Konto{t}bitte"),
    "underscore-glued": ("Underscores at both ends.", lambda t: f"_{t}_"),
}  # fmt: skip
EASY = ("cyrillic-e", "fullwidth", "bold", "zero-width-space", "soft-hyphen", "struck", "override", "arabic", "tags")
"""Spellings that are tried at every place."""


def _placed(spelt: str) -> dict[str, tuple[str, bytes]]:
    sentence = f"Bitte auf Konto {spelt} ueberweisen."
    word = "=?utf-8?b?" + base64.b64encode(f"Konto {spelt}".encode()).decode() + "?="
    csv = f"Name;Konto\r\nMeier;{spelt}\r\nSchulz;1\r\nKurz;2\r\n"
    return {
        "html": ("in the text of an HTML body", html(f"<p>{sentence}</p>")),
        "html-entities": ("in HTML, as numbered entities", html("<p>Konto " + "".join(f"&#{ord(e)};" for e in spelt) + "</p>")),
        "subject": ("in the subject", plain("Hallo").replace(b"Subject: Notiz", f"Subject: {word}".encode())),
        "file-name": ("in the name of a file", multipart(part("application/pdf", make.pdf("Hallo Welt"), f"Content-Disposition: attachment; filename*=utf-8''{quote(spelt)}.pdf"))),
        "member-name": ("in the name of a file in a ZIP", attach("a.zip", make.zipped({f"{spelt}.txt": "Hallo"}))),
        "text-file": ("in a text file without a charset", attach("a.txt", sentence.encode())),
        "csv-utf-16": ("in a table in UTF-16", attach("a.csv", csv.encode("utf-16"))),
        "docx": ("in a Word document", attach("a.docx", make.docx(body=sentence))),
        "docx-runs": ("in a Word document, one run a letter", attach("a.docx", make.plain_docx("<w:p>" + "".join(f"<w:r><w:t>{e}</w:t></w:r>" for e in sentence) + "</w:p>"))),
        "xlsx": ("in a cell of a workbook", attach("a.xlsx", make.xlsx([["Konto"], [spelt]]))),
        "pptx-notes": ("in the notes of a slide", attach("a.pptx", make.pptx(notes=sentence))),
        "odt": ("in an OpenDocument text", attach("a.odt", make.odf("text", f"<text:p>{sentence}</text:p>"))),
        "rtf": ("in rich text", attach("a.rtf", b"{\\rtf1\\ansi " + "".join(f"\\u{((ord(e) + 32768) % 65536) - 32768}?" if ord(e) < 65536 else "".join(f"\\u{int.from_bytes(e.encode('utf-16-le')[at : at + 2], 'little', signed=True)}?" for at in (0, 2)) for e in sentence).encode() + b"}")),
        "svg": ("in the text of a drawing", attach("a.svg", f'<svg xmlns="http://www.w3.org/2000/svg"><text>{sentence}</text></svg>'.encode())),
        "json": ("in JSON with escapes", attach("a.json", ('{"konto": "' + "".join(f"\\u{int.from_bytes(e.encode('utf-16-be')[at : at + 2], 'big'):04x}" for e in spelt for at in range(0, len(e.encode("utf-16-be")), 2)) + '"}').encode())),
        "vcf": ("in the note of a card", attach("a.vcf", f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna\r\nNOTE:{sentence}\r\nEND:VCARD\r\n".encode())),
        "png": ("in a comment of a picture", attach("a.png", make.png((b"iTXt", b"Comment\0\0\0\0\0" + sentence.encode())))),
        "eml": ("in an attached mail", attach("a.eml", plain(sentence, "8bit"), "message/rfc822")),
    }  # fmt: skip


def letters() -> Iterator[Case]:
    """Each spelling in a plain body, the usual ones at every place."""
    for name, (says, spell) in SPELLINGS.items():
        spelt = spell(IBAN)
        yield Case("letters", name, says, plain(f"Bitte auf Konto {spelt} ueberweisen."))
        if name in EASY:
            for place, (where, raw) in _placed(spelt).items():
                yield Case("letters", f"{name}-{place}", f"{says[:-1]}, {where}.", raw)
    yield Case(
        "letters",
        "whole-sentence-cyrillic",
        "Every letter that has a Cyrillic twin is one.",
        plain(TEXT.translate(str.maketrans("aeopcxyBEKMHOPCTX", "аеорсхуВЕКМНОРСТХ"))),
    )  # noqa: E501, RUF100
    yield Case(
        "letters",
        "utf-7-body",
        "UTF-7 without any declaration.",
        body(
            "text/plain",
            TEXT.encode("utf-16-be") and b"+" + base64.b64encode(TEXT.encode("utf-16-be")).rstrip(b"=") + b"-",
            "",
            "7bit",
        ),
    )
