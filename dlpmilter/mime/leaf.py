# SPDX-License-Identifier: Apache-2.0
"""One leaf of the MIME tree: text is read for quoted mail, the rest is told by type, name and first octets.

Never opens archives or documents (that is the content room's later work) and never claims to have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlpmilter.mime.head import read_head
from dlpmilter.mime.quoted import read_markup, read_quotes
from dlpmilter.mime.text import charset_text, decode_body, knows_charset, read_html

if TYPE_CHECKING:
    from mmap import mmap

    from dlpmilter.mime.fields import ContentField
    from dlpmilter.model.limits import Limits
    from dlpmilter.model.message import Head, Part, QuotedMail

_MAIL_FIELDS = frozenset(
    "from to cc date subject message-id received mime-version return-path content-type reply-to delivered-to".split()
)
_ENOUGH_FIELDS = 3
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_TNEF = b"\x78\x9f\x3e\x22"
_BODY_TYPES = frozenset({"text/plain", "text/html", "text/enriched", "text/x-amp-html", "text/markdown"})
_PGP_NAMES = (".pgp", ".gpg")
_SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
_SMIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_NOT_ATTACHED = frozenset({"message/delivery-status", "message/disposition-notification", "text/rfc822-headers",
                           "message/global-delivery-status", "application/pgp-encrypted"}) | _SIGNATURES  # fmt: skip
_BASE64_FOREIGN = re.compile(rb"[^A-Za-z0-9+/=\s]|=[ \t\r\n]*[A-Za-z0-9+/]")


@dataclass(frozen=True, slots=True)
class Leaf:
    """What one leaf adds to the structure."""

    part: Part
    flags: frozenset[str] = frozenset()
    quotes: tuple[QuotedMail, ...] = ()
    troubles: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    octets: int = 0
    """Octets of text that were read."""


def looks_like_mail(sample: bytes, limits: Limits) -> bool:
    """Whether octets begin like a mail: the first line is a field and three well-known ones follow."""
    head = read_head(sample.lstrip(b"\r\n"), limits)
    if not head.spans or (head.spans[0][1] > 0 and not head.raw.startswith(b"From ")):
        return False
    return len(_MAIL_FIELDS & set(head.places)) >= _ENOUGH_FIELDS


def inspect_leaf(  # noqa: PLR0913 - the walk hands over what it knows
    data: bytes | mmap,
    start: int,
    end: int,
    part: Part,
    kind: ContentField,
    head: Head,
    limits: Limits,
    container: str,
    text_left: int,
) -> Leaf:
    """Read one leaf between two offsets; `text_left` is what all text together may still take."""
    flags, troubles = _told_by_label(part, kind, container)
    attached = _is_attachment(part, head, container)
    if part.type in _BODY_TYPES:
        leaf = _read_text(data, start, end, replace(part, attachment=attached), limits, text_left)
        return replace(leaf, flags=leaf.flags | flags, troubles=leaf.troubles + troubles)
    sample = decode_body(bytes(data[start : min(end, start + 1024)]), part.encoding)
    more = _told_by_octets(part, sample)
    return Leaf(replace(part, attachment=attached), flags | more, troubles=troubles)


def _told_by_label(part: Part, kind: ContentField, container: str) -> tuple[frozenset[str], tuple[str, ...]]:
    flags: set[str] = set()
    troubles: tuple[str, ...] = ()
    names = [name.lower() for name in part.names]
    if part.type in _SMIME or any(name.endswith(".p7m") for name in names):
        wrapped = any(value.lower() in (b"signed-data", b"certs-only") for value in kind.all("smime-type"))
        flags.add("signed" if wrapped else "encrypted")
        troubles = ("opaque-signed",) if wrapped else ()
    if part.type in _SIGNATURES:
        flags.add("signed")
    if part.type == "application/pgp-encrypted" or any(name.endswith(_PGP_NAMES) for name in names):
        flags.add("encrypted")
    if part.type in ("text/calendar", "application/ics") or any(name.endswith(".ics") for name in names):
        flags.add("calendar")
        own = part.path == "1" or (container == "multipart/alternative" and not part.decoded)
        if part.type == "text/calendar" and (own or kind.all("method")) and part.path.count(".") <= 3:
            flags.add("invitation")
    if part.type == "application/ms-tnef" or "winmail.dat" in names:
        flags.add("attached-mail")
    if part.type in ("message/partial", "message/external-body"):
        troubles += (part.type.replace("/", "-"),)
    return frozenset(flags), troubles


def _told_by_octets(part: Part, sample: bytes) -> frozenset[str]:
    if sample.startswith(_TNEF):
        return frozenset({"attached-mail"})
    if sample.startswith(_OLE) and (
        part.type == "application/vnd.ms-outlook" or any(name.lower().endswith(".msg") for name in part.names)
    ):
        return frozenset({"attached-mail"})
    if sample.startswith(_ZIP) and len(sample) > 8 and sample[6] & 1:  # APPNOTE 4.4.4: bit 0 = encrypted
        return frozenset({"encrypted"})
    if sample.startswith(b"-----BEGIN PGP MESSAGE"):
        return frozenset({"encrypted"})
    return frozenset()


def _is_attachment(part: Part, head: Head, container: str) -> bool:
    if part.type in _NOT_ATTACHED or part.type in _SMIME:
        return False
    if part.disposition == "attachment" or (part.names and part.type.startswith("text/")):
        return not (part.type == "text/calendar" and container == "multipart/alternative")
    if part.type in _BODY_TYPES or part.type == "text/calendar":
        return False
    picture = part.type.startswith("image/") and ("content-id" in head or part.disposition == "inline")
    return not (picture and container == "multipart/related")


def _read_text(data: bytes | mmap, start: int, end: int, part: Part, limits: Limits, text_left: int) -> Leaf:
    room = max(0, min(limits.text_octets, text_left))
    troubles: list[str] = []
    doubts: tuple[str, ...] = ()
    if end - start > room * (2 if part.encoding in ("base64", "quoted-printable") else 1):
        troubles.append("text-too-long")
        end = start + room
    raw = bytes(data[start:end])
    if part.encoding == "base64" and _BASE64_FOREIGN.search(raw):
        doubts = ("foreign-octets-in-base64",)
    octets = decode_body(raw, part.encoding)
    if len(octets) > room:
        troubles.append("text-too-long")
        octets = octets[:room]
    if not knows_charset(part.charset):
        troubles.append("unknown-charset")
    text, _ = charset_text(octets, part.charset)
    flags = _armour(text)
    markup: tuple[QuotedMail, ...] = ()
    if part.type == "text/html":
        text, tags = read_html(text)
        markup = read_markup(tags, part.path)
    status = troubles[0] if troubles else "read"
    read = replace(part, text_chars=len(text), status=status)
    return Leaf(read, flags, read_quotes(text, part.path) + markup, tuple(troubles), doubts, len(octets))


def _armour(text: str) -> frozenset[str]:
    """What PGP's lines say (RFC 9580 section 6.2)."""
    if "-----BEGIN PGP " not in text:
        return frozenset()
    kinds = (("MESSAGE", "encrypted"), ("SIGNED MESSAGE", "signed"))
    return frozenset(flag for words, flag in kinds if f"-----BEGIN PGP {words}-----" in text)
