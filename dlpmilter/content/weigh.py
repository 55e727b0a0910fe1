# SPDX-License-Identifier: Apache-2.0
"""How much a mail carries besides its own words: attachments whatever they are called, documents, letters, pictures.

What a program would show or save as a file counts as attached, however it was put into the mail: inline, in a
preamble, pasted as base64, as the mail itself. Never judges, never reads a document again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dlpmilter.content.walk import PICTURES

if TYPE_CHECKING:
    from dlpmilter.model.content import Extract
    from dlpmilter.model.views import Views

FEW_CHARS = 120
"""Below this many letters a mail with a picture says what it says in the picture."""
LOGO_OCTETS = 30_000
"""A picture of this size or less is a logo in a signature, not something that is sent."""
NOISE_OCTETS, NOISE_TOTAL = 1024, 4096
"""Octets that somebody's boundary or signature gives when it is decoded by force: each, and all together."""
_WORDS = ("text/plain", "text/html", "text/calendar", "text/rfc822-headers", "application/x-empty")
_SEALS = ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature")
_LOOKED_AT = 4 * FEW_CHARS
_CLAIMS = "application/json"
"""What a login token (JWT, RFC 7519) in a link decodes to: words of the body, as long as it is tiny."""


def without_noise(extracts: tuple[Extract, ...], views: Views) -> tuple[Extract, ...]:
    """What was decoded by force, is known to nobody and is tiny was no file: a boundary, a signature, a number.

    A mail with much of it stays what nobody can read.
    """
    sizes = {each.path: len(each.data) for each in views.payloads if each.origin == "brute"}
    unknown = [each.path for each in extracts if each.status == "unknown-type"]
    noise = {path for path in unknown if sizes.get(path, NOISE_TOTAL) <= NOISE_OCTETS}
    if not noise or sum(sizes[path] for path in noise) > NOISE_TOTAL:
        return extracts
    return tuple(replace(each, status="skipped") if each.path in noise else each for each in extracts)


def attachments(extracts: Sequence[Extract], views: Views) -> int:
    """Files the mail carries: not its words, not the seal of a signature, not a logo."""
    sizes = {each.path: len(each.data) for each in views.payloads}
    tokens = _tokens(extracts, views)
    bodies = {each.path for each in extracts if each.type in _WORDS}
    found = 0
    for each in extracts:
        if each.path in tokens:
            continue
        above, inside, _ = each.path.rpartition("!")
        if inside and above not in bodies:
            continue  # a member: its container counts
        if each.type in _WORDS and not inside:
            continue
        found += _is_file(each, sizes)
    return found


def documents(extracts: Sequence[Extract], views: Views) -> int:
    """The same, with every member of an archive and every embedded document counted."""
    sizes = {each.path: len(each.data) for each in views.payloads}
    tokens = _tokens(extracts, views)
    parents = {each.path.rpartition("!")[0] for each in extracts if "!" in each.path}
    return sum(
        _is_file(each, sizes) or ("!" in each.path and each.type in _WORDS and bool(each.text.strip()))
        for each in extracts
        if ("!" in each.path or each.type not in _WORDS)
        and each.path not in tokens
        and not (each.path in parents and not each.text.strip())
    )


def _tokens(extracts: Sequence[Extract], views: Views) -> frozenset[str]:
    """JSON of a few octets that was decoded by force out of the words, unless there is much of it."""
    sizes = {each.path: len(each.data) for each in views.payloads if each.origin == "brute"}
    found = {
        each.path for each in extracts if each.type == _CLAIMS and sizes.get(each.path, NOISE_TOTAL) <= NOISE_OCTETS
    }
    return frozenset(found) if sum(sizes[path] for path in found) <= NOISE_TOTAL else frozenset()


def _is_file(each: Extract, sizes: Mapping[str, int]) -> bool:
    if each.type in _SEALS or each.status in {"skipped", "blank"} or each.type in _WORDS:
        return False
    return not (each.type.startswith("image/") and sizes.get(each.path, LOGO_OCTETS + 1) <= LOGO_OCTETS)


def text_chars(extracts: Sequence[Extract]) -> int:
    """Letters and signs that a reader sees, of the longest reading of each part."""
    best: dict[str, int] = {}
    for each in extracts:
        part = each.path.partition("~")[0]
        best[part] = max(best.get(part, 0), len(each.text.strip()))
    return sum(best.values())


def image_only(extracts: Sequence[Extract], views: Views, seen: int, by_ocr: str) -> bool:
    """Whether pictures are all the mail says, or a page of it; a preview inside a document that has text is none.

    What was decoded by force says the same words again, or a boundary of random letters: it is not counted.
    """
    forced = {each.path for each in views.payloads if each.origin == "brute"}
    texts = {each.path for each in extracts if each.text.strip()}
    pictures = any(
        (each.status in (*PICTURES, by_ocr) or each.type.startswith("image/"))
        and each.path.rpartition("!")[0] not in texts
        for each in extracts
    )
    letters = seen + sum(
        sum(map(str.isalnum, each.text[:_LOOKED_AT]))
        for each in extracts
        if not each.type.startswith("image/") and each.path.partition("!")[0] not in forced
    )
    return (pictures and letters < FEW_CHARS) or _pages(extracts, views, forced)


def _pages(extracts: Sequence[Extract], views: Views, forced: set[str]) -> bool:
    """Whether some picture stands for a page of its own: sent as a file, or in a document with few words for it.

    What is shown between the words of a mail is one only when it is more than a logo or a banner of a signature.
    """
    found: dict[str, list[Extract]] = defaultdict(list)
    for each in extracts:
        if each.page and each.status == "picture" and each.path.partition("!")[0] not in forced:
            found[each.path.rpartition("!")[0]].append(each)
    named = {each.path for each in views.headers if each.name == "content-id"}
    inline = {each.path for each in views.headers if each.name == "content-disposition" and _shown(each.text)}
    sent = {each.path for each in views.headers if each.name == "content-disposition" and not _shown(each.text)}
    if any(each.page > (each.path in (named | inline) - sent) for each in found.pop("", ())):
        return True
    parents = {each.path: each for each in extracts if each.path in found}
    return any(_bare(parents[path], pages) for path, pages in found.items() if path in parents)


def _shown(disposition: str) -> bool:
    return disposition.strip().lower().startswith("inline")


def _bare(parent: Extract, pages: Sequence[Extract]) -> bool:
    """Whether a document, or a mail with pictures in its markup, says less than its pictures would."""
    counted = [each for each in pages if each.page > 1] if parent.type in _WORDS else pages
    letters = sum(map(str.isalnum, parent.text[: FEW_CHARS * 8 * (len(counted) + 1)]))
    return len(counted) > 0 and letters < FEW_CHARS * len(counted)
