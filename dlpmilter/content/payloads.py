# SPDX-License-Identifier: Apache-2.0
"""Everything any mail program could see in a mail, as the walk wants it; header fields as a text of their own.

Never opens a document: mime/views.py reads the mail in every way, the walk opens what it finds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import unquote

from dlpmilter.content.walk import Payload
from dlpmilter.detect.disguise import accounts
from dlpmilter.detect.views import HEADER_TYPE
from dlpmilter.model.content import Extract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpmilter.model.limits import Limits
    from dlpmilter.model.views import Views

_NOT_SCANNED = frozenset(
    "received return-path message-id in-reply-to references date mime-version dkim-signature arc-seal "
    "arc-message-signature arc-authentication-results authentication-results received-spf delivered-to x-received "
    "content-type content-transfer-encoding content-disposition content-id from to cc bcc sender reply-to".split()
)
"""Fields that machines write, and those that name the people of the mail: every mail has them."""


_MAIL = frozenset({"message/rfc822", "message/global"})


def _above(path: str) -> Iterator[str]:
    """The paths of everything a part lies in."""
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def payloads_of(views: Views, limits: Limits) -> Iterator[Payload]:
    """Each payload of each reading; what is longer than a member may be is cut and says so."""
    most = limits.content_member_octets
    opened = {path for each in views.payloads if each.origin == "tree" for path in _above(each.path)}
    for each in views.payloads:
        if each.origin == "tree" and each.type in _MAIL and each.path in opened:
            continue  # an attached mail whose own parts follow
        status = "read" if len(each.data) <= most else "too-big"
        yield Payload(each.path, each.data[:most], each.names, each.type, each.charset, status)


_PEOPLE = frozenset("from to cc bcc sender reply-to".split())
_ADDRESS = re.compile(r"<[^<>]*>|[^\s,;:<>()\"]+@[^\s,;:<>()\"]+")
_LONG_NUMBER = 14
"""Digits in the names of a field of people: a telephone number has fewer, a card or an account more."""
_PIECE = re.compile(r";?\s*[\w.-]+\*[0-9]{0,3}\*?=")
_SHORT_VALUE = 40


def header_extracts(views: Views) -> tuple[Extract, ...]:
    """The header fields a person could write something into, one extract a head; numbers in all others.

    An account number may be cut into several fields: short values are looked at in a row as well.
    """
    found: dict[str, list[str]] = defaultdict(list)
    short: dict[str, list[str]] = defaultdict(list)
    for each in views.headers:
        if each.name not in _NOT_SCANNED:
            found[each.path].append(f"{each.name}: {each.text}")
            if len(each.text) <= _SHORT_VALUE and each.name and any(map(str.isdigit, each.text)):
                short[each.path].append(each.text)
        elif more := _numbers(each.name, each.text):
            found[each.path].append(f"{each.name}: {more}")
    for path, values in short.items():
        found[path] += [each.decode("ascii") for each in accounts(" ".join(values).encode("utf-8", "replace"))]
    return tuple(Extract(path, HEADER_TYPE, "", "\n".join(lines)) for path, lines in found.items())


def _numbers(name: str, text: str) -> str:
    """What stands in a field of machines or people that is no address: long numbers beside names, account numbers."""
    if sum(map(str.isdigit, text)) < _LONG_NUMBER - 1:
        return ""
    names = _ADDRESS.sub(" ", text) if name in _PEOPLE else ""
    kept = [names] if sum(map(str.isdigit, names)) >= _LONG_NUMBER else []
    for form in dict.fromkeys((text, unquote(_PIECE.sub("", text)))):
        kept += [each.decode("ascii") for each in accounts(form.encode("utf-8", "replace"))]
    return " ".join(dict.fromkeys(kept))
