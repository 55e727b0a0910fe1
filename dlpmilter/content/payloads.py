# SPDX-License-Identifier: Apache-2.0
"""Everything any mail program could see in a mail, as the walk wants it; header fields as a text of their own.

Never opens a document: mime/views.py reads the mail in every way, the walk opens what it finds.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from dlpmilter.content.walk import Payload
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


def header_extracts(views: Views) -> tuple[Extract, ...]:
    """The header fields a person could write something into, one extract a head."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in views.headers:
        if each.name not in _NOT_SCANNED:
            found[each.path].append(f"{each.name}: {each.text}")
    return tuple(Extract(path, HEADER_TYPE, "", "\n".join(lines)) for path, lines in found.items())
