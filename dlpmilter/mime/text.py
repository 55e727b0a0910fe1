# SPDX-License-Identifier: Apache-2.0
"""Octets to text: RFC 2047 words, charsets from an allow-list, HTML without its tags. Linear and capped.

Never lets Python pick a codec by a name from the mail: `unicode_escape`, `punycode` and the like are
codecs too.
"""

from __future__ import annotations

import binascii
import codecs
import contextlib
import html
import re
from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import NamedTuple

MAX_HEADER = 32 * 1024

_ALLOWED = frozenset(
    codecs.lookup(name).name
    for name in (
        *("ascii utf-8 utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be utf-7 iso2022_jp iso2022_kr hz".split()),
        *(f"iso8859-{number}" for number in (*range(1, 12), 13, 14, 15, 16)),
        *(f"cp{number}" for number in (437, 850, 852, 855, 858, 865, 866, 874, 932, 936, 949, 950, *range(1250, 1259))),
        *("koi8-r koi8-u mac-roman mac-latin2 mac-cyrillic gb2312 gbk gb18030 big5 big5hkscs".split()),
        *(
            "shift_jis euc_jp euc_kr johab tis-620 ptcp154 euc_jis_2004 shift_jis_2004 iso2022_jp_1 iso2022_jp_2".split()
        ),
    )
)
_ALIASES = {"x-unknown": "", "unknown-8bit": "", "default": "", "iso-8859-8-i": "iso8859-8", "x-sjis": "cp932",
            "x-mac-roman": "mac-roman", "windows-31j": "cp932", "ks_c_5601-1987": "cp949", "x-gbk": "gbk",
            "cp-850": "cp850", "unicode-1-1-utf-7": "utf-7", "utf8mb4": "utf-8"}  # fmt: skip
_NO_TRANSLATION = {"ascii", "us-ascii", ""}
_SPELLINGS = frozenset({*aliases, *aliases.values(), *(normalize_encoding(name) for name in _ALLOWED)})
"""Names Python may know. Asking it for any other makes it search the disk for a module and remember the name."""

_WORD = re.compile(rb"=\?([^?\s*]{1,40})(?:\*[^?\s]{0,20})?\?([bBqQ])\?([^?\r\n]*+)\?=")
_BETWEEN_WORDS = re.compile(rb"(\?=)[ \t\r\n]++(?==\?)")
_QP_BLANKS = re.compile(rb"[ \t]++(?=\r?\n|\Z)")

_DROPPED = "script style head title noscript template"
_BREAKS = "p div br tr table li ul ol h1 h2 h3 h4 h5 h6 hr blockquote pre section article header footer dt dd body form"
_CELLS = "td th"
_FOLDS = {"i": "\u0130\u0131", "k": "\u212a", "s": "\u017f"}
"""Letters outside ASCII that `re.IGNORECASE` takes for one of these."""
_FOLDED = "".join(_FOLDS.values())


def _any_case(letter: str) -> str:
    """The letter in every case, for a set: `re` passes over sets fast, and letter by letter under IGNORECASE."""
    return f"{letter}{letter.upper()}{_FOLDS.get(letter, '')}" if letter.isalpha() else letter


def _tag_names(names: str) -> str:
    words = ("".join(f"[{_any_case(letter)}]" for letter in name) for name in names.split())
    return f"(?:{'|'.join(words)})(?![A-Za-z0-9:{_FOLDED}])"


_HIDDEN_FIRST = "".join(sorted({_any_case(name[0]) for name in _DROPPED.split()}))
_HIDDEN = re.compile(rf"<(?=[!{_HIDDEN_FIRST}])(?:!--|{_tag_names(_DROPPED)})")
"""Where something begins that nobody sees."""
_PLAIN_RUN = re.compile(
    rf"(?:[^<]++|<(?!!--|{_tag_names(_DROPPED)})[A-Za-z/!?{_FOLDED}][^>]*+>|<(?![A-Za-z/!?{_FOLDED}]))*+"
)
"""Text and ordinary tags up to a comment, a dropped element or a tag that never ends."""
_OPENING = re.compile(rf"<[A-Za-z/!?{_FOLDED}]")
_BREAK_TAG = re.compile(rf"</?{_tag_names(_BREAKS)}[^>]*+>")
_CELL_TAG = re.compile(rf"</?{_tag_names(_CELLS)}[^>]*+>")
_ANY_TAG = re.compile(r"<[A-Za-z/!?][^>]*+>")
_NOT_ANGLES = bytes(set(range(256)) - set(b"<>"))
_REFERENCE = re.compile(r"(&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?))")
_TAG_NAME = re.compile(r"<([A-Za-z]+)")
_BLANKS = re.compile(r"  +")


def charset_text(octets: bytes, charset: str) -> tuple[str, bool]:
    """The octets as text, and whether the declared charset was one we know and fitted.

    Falls back to UTF-8 and then Windows-1252, which never fails: a mail is never unreadable
    for its charset alone, but the caller is told.
    """
    name = _ALIASES.get(charset.strip().strip("\"'").lower(), charset.strip().strip("\"'").lower())
    if name not in _NO_TRANSLATION:
        codec = _codec(name)
        try:
            if codec:
                return octets.decode(codec), True
        except ValueError:  # octets that do not fit
            pass
    known = name in _NO_TRANSLATION
    try:
        return octets.decode("utf-8"), known or octets.isascii()
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace"), known


def knows_charset(charset: str) -> bool:
    """Whether text in this charset can be read here; "" and us-ascii can."""
    name = _ALIASES.get(charset.strip().strip("\"'").lower(), charset.strip().strip("\"'").lower())
    return name in _NO_TRANSLATION or bool(_codec(name))


def _codec(name: str) -> str:
    """Python's own name of an allowed codec, or "" for what is unknown, forbidden or no name at all."""
    plain = normalize_encoding(name).lower() if name.isascii() else ""
    if plain not in _SPELLINGS and plain.replace(".", "_") not in _SPELLINGS:
        return ""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    return found if found in _ALLOWED else ""


def decode_words(value: bytes) -> str:
    """A header value as text with RFC 2047 words decoded, raw UTF-8 kept; looks at 32 KB at most."""
    value = value[:MAX_HEADER]
    if b"=?" not in value:
        return charset_text(value, "")[0]
    value = _BETWEEN_WORDS.sub(rb"\1", value)  # RFC 2047 6.2: blanks between two words are not shown
    out: list[str] = []
    pending, pending_charset, position = b"", "", 0
    for match in _WORD.finditer(value):
        charset = match[1].decode("latin-1").lower()
        octets = _word_octets(match[2], match[3])
        between = value[position : match.start()]
        if pending and (between or charset != pending_charset):
            out.append(charset_text(pending, pending_charset)[0])
            pending = b""
        out.append(charset_text(between, "")[0])
        # neighbours of one charset are joined first: mail programs split inside a character
        pending, pending_charset, position = pending + octets, charset, match.end()
    if pending:
        out.append(charset_text(pending, pending_charset)[0])
    out.append(charset_text(value[position:], "")[0])
    return "".join(out)


def _word_octets(kind: bytes, data: bytes) -> bytes:
    if kind in b"bB":
        return decode_base64(data)
    return binascii.a2b_qp(data.replace(b"_", b"=20"))


_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))

_LARGE = 1024 * 1024
"""Octets of base64 above which it is tried without a copy: that is 60 MB too much in a confined child."""


def decode_base64(data: bytes) -> bytes:
    """Base64 as a forgiving mail program reads it: foreign octets skipped, missing padding added."""
    if len(data) > _LARGE:
        with contextlib.suppress(ValueError):
            return binascii.a2b_base64(data, strict_mode=True)
    clean = data.translate(None, _NOT_BASE64)
    tail = len(clean) % 4
    if tail == 1:
        clean, tail = clean[:-1], 0
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def decode_body(octets: bytes, encoding: str) -> bytes:
    """Undo a Content-Transfer-Encoding; an unknown one leaves the octets as they are."""
    if encoding == "base64":
        return decode_base64(octets)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(_without_blanks(octets))
    return octets


def _without_blanks(octets: bytes) -> bytes:
    """Blanks at the ends of lines away (RFC 2045 6.7); few bodies have any, and the pattern stops at every blank."""
    if octets.endswith((b" ", b"\t")) or any(end in octets for end in (b" \r\n", b" \n", b"\t\r\n", b"\t\n")):
        return _QP_BLANKS.sub(b"", octets)
    return octets


class HtmlReading(NamedTuple):
    """What HTML shows and what it is written with."""

    text: str
    """As `html_text`."""
    tags: str
    """Each spelling of a tag once, in the order of their first places; a piece with lone signs stands here whole."""


def html_text(markup: str) -> str:
    """Visible text of HTML, block elements as line breaks. Linear: every octet is seen a fixed number of times."""
    return read_html(markup).text


def read_html(markup: str) -> HtmlReading:
    """Text and tags of HTML in one walk."""
    out: list[str] = []
    tags: dict[str, None] = {}
    position, size = 0, len(markup)
    gone: set[str] = set()
    while position < size:
        end = _plain_end(markup, position)
        if end > position:
            out.append(_without_tags(markup[position:end], tags))
            position = end
        if position < size:
            end = _after_hidden(markup, position, gone)
            tags[markup[position:end]] = None
            position = end
    return HtmlReading(_unescaped("".join(out)).replace("\xa0", " "), "\n".join(tags))


def _unescaped(text: str) -> str:
    """As `html.unescape`, which asks its table again for each `&nbsp;`."""
    if "&" not in text:
        return text
    pieces = _REFERENCE.split(text)  # text and references by turns
    written = pieces[1::2]
    shown = {reference: html.unescape(reference) for reference in set(written)}
    pieces[1::2] = map(shown.__getitem__, written)
    return "".join(pieces)


def _plain_end(markup: str, start: int) -> int:
    """Where the text and ordinary tags from `start` on end.

    That is the next thing nobody sees, unless it stands inside a tag; only then the tags are read one by one.
    """
    found = _HIDDEN.search(markup, start)
    end = found.start() if found else len(markup)
    if _OPENING.search(markup, markup.rfind(">", start, end) + 1 or start, end) is None:
        return end
    run = _PLAIN_RUN.match(markup, start)
    return run.end() if run else start


def _without_tags(run: str, seen: dict[str, None]) -> str:
    """A piece whose tags all end: blanks first, so that tags never join two of them. `seen` takes its tags."""
    flat = run.replace("\r\n", " ").replace("\r", " ").replace("\n", " ").replace("\t", " ").replace("\f", " ")
    if "  " in flat:
        flat = _BLANKS.sub(" ", flat)
    angles = flat.encode("utf-8", "replace").translate(None, _NOT_ANGLES)
    if angles != b"<>" * (len(angles) // 2):  # a lone sign, or a tag in a tag: take out breaks, cells, others in turn
        seen[run] = None
        return _ANY_TAG.sub("", _CELL_TAG.sub("\t", _BREAK_TAG.sub("\n", flat)))
    pieces = flat.replace(">", "<").split("<")  # text and tags by turns
    tags = pieces[1::2]
    spellings = dict.fromkeys(tags)  # few, for thousands of tags
    seen.update(spellings)
    shown = {tag: _shown(f"<{tag}>") for tag in spellings}
    pieces[1::2] = map(shown.__getitem__, tags)
    return "".join(pieces)


def _shown(tag: str) -> str:
    """What a tag leaves in the text."""
    if _BREAK_TAG.match(tag):
        return "\n"
    return "\t" if _CELL_TAG.match(tag) else _ANY_TAG.sub("", tag)


def _after_hidden(markup: str, opening: int, gone: set[str]) -> int:
    """Where what nobody sees ends: a comment, an element such as style, a tag without an end.

    `gone` remembers closers that do not occur any more, so that 20,000 open comments cost one search.
    """
    if markup.startswith("<!--", opening):
        return _past(markup, "-->", opening + 4, gone) or opening + 4
    end = _past(markup, ">", opening, gone)
    name = _TAG_NAME.match(markup, opening)
    if end is None or name is None:
        return len(markup)
    closer = _past_element(markup, name[1].lower(), end, gone)
    return (_past(markup, ">", closer, gone) or len(markup)) if closer else end


def _past_element(markup: str, tag: str, start: int, gone: set[str]) -> int | None:
    if tag in gone:
        return None
    found = re.compile(f"</{tag}", re.IGNORECASE | re.ASCII).search(markup, start)
    if found is None:
        gone.add(tag)
        return None
    return found.end()


def _past(text: str, needle: str, start: int, gone: set[str]) -> int | None:
    if needle in gone:
        return None
    found = text.find(needle, start)
    if found < 0:
        gone.add(needle)
        return None
    return found + len(needle)
