# SPDX-License-Identifier: Apache-2.0
"""Mail inside files: EML, EMLX, MHTML, MBOX, and signed or encrypted envelopes (CMS, PGP).

A mail's tree is read by the MIME room; its parts are members. A mailbox gives each mail as a member of its
own. What encrypts is told as `encrypted`; never decrypts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.decode import decode
from dlpmilter.content.formats.html import read_markup
from dlpmilter.content.formats.paper import Paper, attempt
from dlpmilter.mime.structure import read_structure
from dlpmilter.mime.text import MAX_HEADER, charset_text, decode_base64, decode_body, decode_words
from dlpmilter.model.limits import Limits

if TYPE_CHECKING:
    from dlpmilter.model.message import Part

_CODED = frozenset({"base64", "quoted-printable"})
_PEOPLE = frozenset({b"from", b"to", b"cc", b"bcc", b"subject", b"date", b"reply-to"})
_UNFOLD = re.compile(rb"\r?\n(?=[ \t])")
_MIP = re.compile(r"MSIP_Label_[0-9A-Fa-f-]{36}")
_FROM = re.compile(rb"(?:^|\n)From \S[^\n]{0,300}\d\d:\d\d[^\n]{0,100}\r?\n(?=[!-9;-~]{1,76}:|>From )")
_COUNT_LINE = re.compile(rb"^\s*\d{1,12}\s*\n")
_ARMOR = re.compile(rb"-----BEGIN [A-Z0-9 ]{1,40}-----\s*(.*?)-----END", re.DOTALL)
_SIGNED_DATA = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
_PLAIN_DATA = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
_COMPRESSED = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09"
_TEXT_IN_DER = re.compile(rb"(?:\x0c|\x13|\x16)([\x03-\x7f])")
MAX_DER_STEPS = 100_000


def read_mail(data: bytes, paper: Paper) -> None:
    """A file that is one mail: its head and text bodies, every other part a member."""
    count = _COUNT_LINE.match(data)
    mail = data[count.end() :] if count else data.lstrip(b"\r\n")
    limits = Limits()
    structure = read_structure(mail, limits)
    for slug in structure.uninspectable:
        if slug != "opaque-signed":  # the envelope is a member and opened
            paper.trouble(slug)
    parents = {part.path.rpartition(".")[0] for part in structure.parts}
    for part in structure.parts:
        _head(mail[part.header_start : part.body_start], paper, whole=part.path == "1" or part.path.endswith(".1"))
        inner = part.path in parents and part.encoding not in _CODED
        if part.decoded or inner or part.type.startswith("multipart/"):
            continue
        octets = decode_body(mail[part.body_start : part.body_end], part.encoding)
        paper.budget.spend_octets(len(octets))
        _part(octets, part, paper)


def _head(head: bytes, paper: Paper, *, whole: bool) -> None:
    """Who, to whom and about what as text, every other field as hidden text."""
    for line in _UNFOLD.sub(b" ", head[: MAX_HEADER * 4]).splitlines()[:1000]:
        name, _, value = line.partition(b":")
        shown = whole and name.strip().lower() in _PEOPLE
        text = f"{name.decode('latin-1')}: {decode_words(value.strip())}"
        paper.write(text + ("\n" if shown else ""), hidden=not shown)
        for label in _MIP.findall(text):
            paper.label(label)


def _part(octets: bytes, part: Part, paper: Paper) -> None:
    if part.type == "text/plain" and not part.attachment:
        paper.show(charset_text(octets, part.charset)[0] + "\n")
    elif part.type == "text/html" and not part.attachment:
        text = charset_text(octets, part.charset)[0]
        attempt(
            lambda markup, page: read_markup(markup.decode("utf-8", "replace"), page),
            text.encode("utf-8", "replace"),
            paper,
        )
    elif octets:
        paper.member(part.names[0] if part.names else part.type, octets)


def read_mbox(data: bytes, paper: Paper) -> None:
    """A file of mails, each after its From_ line; `>From ` is unquoted as mboxrd has it."""
    starts = list(_FROM.finditer(data))
    if not starts:
        paper.member("1.eml", data)
        return
    paper.hide(data[: starts[0].start()].decode("latin-1"))
    ends = [*(match.start() for match in starts[1:]), len(data)]
    for number, (match, end) in enumerate(zip(starts, ends, strict=True), 1):
        paper.hide(match[0].strip().decode("latin-1"))
        paper.member(f"{number}.eml", data[match.end() : end].replace(b"\n>From ", b"\nFrom "))


def read_cms(data: bytes, paper: Paper) -> None:
    """PKCS#7 and CMS (RFC 5652): signed content is a member, anything enveloped is encrypted."""
    if data.lstrip().startswith(b"-----BEGIN"):
        armor = _ARMOR.search(data)
        data = decode_base64(armor[1] if armor else data)
    head = data[:64]
    if _COMPRESSED in head:
        raise Stopped("unsupported-smime")
    if _SIGNED_DATA not in head:
        raise Stopped("encrypted")
    content = _signed_content(data)
    if content:
        paper.member("signed", content)
    for found in _TEXT_IN_DER.finditer(data):  # names in certificates
        paper.hide(data[found.end() : found.end() + found[1][0]].decode("utf-8", "ignore"))
    if not content:
        paper.trouble("skipped")  # a detached signature: what it signs is another part


def _signed_content(data: bytes) -> bytes:
    """The octets that were signed: the OCTET STRING after the type id-data, in pieces or whole."""
    place = data.find(_PLAIN_DATA)
    if place < 0:
        return b""
    place += len(_PLAIN_DATA)
    pieces: list[bytes] = []
    for _ in range(MAX_DER_STEPS):
        if place + 2 > len(data):
            break
        tag = data[place]
        length, place = _length(data, place + 1)
        if tag in (0xA0, 0x24):  # the wrapper, or a string in pieces: go in
            continue
        if tag != 0x04:
            break
        end = len(data) if length is None else place + length
        pieces.append(data[place:end])
        place = end
    return b"".join(pieces)


def _length(data: bytes, place: int) -> tuple[int | None, int]:
    """A DER or BER length (X.690 8.1.3) and where the value starts; None is indefinite."""
    first = data[place] if place < len(data) else 0
    if first < 0x80:
        return first, place + 1
    if first == 0x80:
        return None, place + 1
    count = first & 0x7F
    return int.from_bytes(data[place + 1 : place + 1 + min(count, 8)], "big"), place + 1 + count


def read_encrypted(data: bytes, _paper: Paper) -> None:
    """Nothing to read without a key; the type says so."""
    del data
    raise Stopped("encrypted")


def read_pgp_text(data: bytes, paper: Paper) -> None:
    """Cleartext-signed text and keys (RFC 9580 7): the text is there to be read."""
    text = decode(data)
    paper.show(text)
    if "-----BEGIN PGP MESSAGE" in text:
        paper.trouble("encrypted")
