# SPDX-License-Identifier: Apache-2.0
"""What one inbound mail teaches: who wrote it, under which Message-ID, and whether that is sure. Never judges it.

Whoever writes as one of us, as a machine or as several people at once teaches nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.engine.addresses import address_of, addresses_in, domain_of
from dlpmilter.engine.autoforward import is_bulk
from dlpmilter.engine.canonical import canonical_address
from dlpmilter.engine.classify import is_internal
from dlpmilter.engine.questions import MESSAGE_ID
from dlpmilter.mime.authentication import dmarc_of
from dlpmilter.model.facts import Lesson
from dlpmilter.policy.domains import normalise_domain

if TYPE_CHECKING:
    from dlpmilter.model.message import Head
    from dlpmilter.policy.domains import DomainLists

_MAX_FIELD = 2048


def lesson_of(head: Head, lists: DomainLists, authserv_id: str, *, null_sender: bool = False) -> Lesson | str:
    """The lesson, or a slug that says why there is none.

    Without `authserv_id` nobody is verified and nobody is refused; with it a DMARC failure found by our verifier
    teaches nothing. A pass counts only for the domain it was found for.
    """
    if null_sender:
        return "null-sender"
    if _automatic(head):
        return "automatic"
    address = _author(head)
    author = canonical_address(address)
    if not author:
        return "no-author"
    if is_internal(address, lists):
        return "internal"
    dmarc = dmarc_of(head, authserv_id)
    domain = normalise_domain(domain_of(address))
    if dmarc.result == "fail":
        return "dmarc-failed"
    same = not dmarc.domain or normalise_domain(dmarc.domain) == domain
    verified = dmarc.result == "pass" and same and not is_bulk(head)
    message_id = _message_id(head)
    return Lesson(author, message_id, verified) if message_id else "no-message-id"


def _author(head: Head) -> str:
    """The one address of the one From field, "" for none and for several: DMARC has no answer for those."""
    fields = head.all("from")
    if len(fields) != 1:
        return ""
    found = addresses_in(fields[0]) or (address_of(fields[0]),)
    return found[0] if len(found) == 1 else ""


def _automatic(head: Head) -> bool:
    """Whether a machine wrote it (RFC 3834): nobody has written to us then."""
    submitted = (head.get("auto-submitted") or b"no").strip().lower()
    return not submitted.startswith(b"no") or "x-autoreply" in head or "x-autorespond" in head


def _message_id(head: Head) -> str:
    found = MESSAGE_ID.search((head.get("message-id") or b"")[:_MAX_FIELD])
    return found[1].decode("latin-1") if found else ""
