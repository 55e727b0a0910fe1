# SPDX-License-Identifier: Apache-2.0
"""From a judged mail to the rows and trail fields that record it. Pure but for the random case id.

Never keeps more of a mail than the record needs (domain.md section 2); never reads its body.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dlpmilter.audit.controller import controller_after
from dlpmilter.engine.addresses import addresses_in, addresses_of
from dlpmilter.facts.consents import cited
from dlpmilter.holds.record import about_data
from dlpmilter.holds.terms import deadline
from dlpmilter.mime.text import decode_words
from dlpmilter.model.address import AddressError, parse_address
from dlpmilter.model.words import Action
from dlpmilter.notices.limits import Occasion, muted
from dlpmilter.storage.case_rows import Case, NewHold

if TYPE_CHECKING:
    from dlpmilter.audit.trail import Value
    from dlpmilter.model.message import Head
    from dlpmilter.model.transaction import EnvelopePath, Transaction
    from dlpmilter.model.verdict import Disposition, Verdict
    from dlpmilter.policy.schema import HoldTerms

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No letter or digit that is mistaken for another on the telephone."""
_MESSAGE_ID = re.compile(rb"<[^<>\s]{1,250}>")
_BANDS = ((10_000, "to-10-kb"), (100_000, "to-100-kb"), (1_000_000, "to-1-mb"), (10_000_000, "to-10-mb"))


def new_case_id() -> str:
    """A number nobody can guess and everybody can read out: three groups of four, 60 bits."""
    letters = "".join(_ALPHABET[octet % len(_ALPHABET)] for octet in secrets.token_bytes(12))
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def message_digest(sender: bytes, content_sha256: bytes) -> bytes:
    """The key of a mail: SHA-256 over the length-prefixed sender and the SHA-256 of its octets."""
    return hashlib.sha256(len(sender).to_bytes(4, "big") + sender + content_sha256).digest()


def recipient_key(secret: bytes, digest: bytes, path: EnvelopePath) -> bytes:
    """A recipient of that mail as a keyed hash: a plain one could be guessed."""
    return hmac.new(secret, digest + path.mailbox.raw, hashlib.sha256).digest()


def recognisable(head: Head) -> bool:
    """Whether a retry can be told from a second mail: only upstream's own marks make octets unique."""
    return "received" in head or "message-id" in head


def case_of(  # noqa: PLR0913 - the whole mail comes together here
    transaction: Transaction,
    verdict: Verdict,
    head: Head,
    *,
    case_id: str,
    body_id: str | None,
    terms: HoldTerms,
    languages: Sequence[str],
    quiet: bool,
) -> Case:
    """The case row of a mail."""
    placed = transaction.received_at.astimezone()
    sender = verdict.sender
    occasion = Occasion(
        address=sender.address,
        internal=sender.internal,
        usable=_usable(sender.address),
        null_sender=transaction.sender.mailbox.null and not sender.address,
        own_mark=quiet,
        auto_submitted=(head.get("auto-submitted") or b"").decode("ascii", "replace"),
    )
    message_id = _MESSAGE_ID.search(head.get("message-id") or b"")
    subject = head.get("subject")
    return Case(
        id=case_id,
        created_at=transaction.received_at,
        deadline=deadline(placed, terms),
        policy_version=verdict.policy_version,
        body_id=body_id,
        language=",".join(languages),
        kind=verdict.message.kind.value,
        size=transaction.size,
        sender=transaction.sender,
        owner=sender.address,
        owner_name=sender.names[0][:120] if sender.names else "",
        owner_source=sender.source,
        login=transaction.client.login,
        authors=authors_of(head),
        mute=muted(occasion) or "",
        others=sum(one.action not in {Action.hold, Action.reject} for one in verdict.dispositions),
        subject=decode_words(subject)[:500] if subject else None,
        message_id=message_id[0].decode("ascii", "replace") if message_id else None,
    )


def _usable(address: str) -> bool:
    """Whether an address read out of a header or a rewritten sender can stand in an envelope."""
    try:
        return bool(parse_address(address).domain)
    except (AddressError, UnicodeEncodeError):
        return False


def authors_of(head: Head) -> tuple[str, ...]:
    """Every address of From, Sender and Resent-From, for "the sender never decides".

    Read as an address list, which knows quoted local parts, and as whatever looks like an address.
    """
    values = [raw for name in ("from", "sender", "resent-from") for raw in head.all(name)]
    found = (each for raw in values[:20] for each in (*addresses_in(raw), *addresses_of(raw)))
    return tuple(dict.fromkeys(found))[:20]


def hold_of(one: Disposition) -> NewHold:
    """The hold row of one recipient."""
    return NewHold(
        one.recipient,
        one.recipient_class.value,
        one.relation.value,
        next((hit.id for hit in one.rules if hit.action >= Action.hold), ""),
        tuple(one.reasons),
        one.review.pool,
        one.review.approvals,
    )


def decided_fields(
    case: Case, transaction: Transaction, verdict: Verdict, new: Sequence[Disposition]
) -> dict[str, Value]:
    """The fields of the entry "decided": short without a hold, and never about relayed recipients.

    Of those it says only which agreements and exemptions let mail pass beside what is recorded.
    """
    recorded = [one for one in new if one.action > Action.relay]
    fields: dict[str, Value] = {
        "transaction": transaction.id,
        "sender": transaction.sender.mailbox.text,
        "owner": case.owner,
        "owner-source": case.owner_source,
        "others": case.others,
    }
    if any(one.action is Action.hold for one in recorded):
        fields |= _case_fields(case, verdict)
    if consents := cited(reason for one in verdict.dispositions for reason in one.reasons):
        fields["consents"] = list(consents)
    for number, one in enumerate(recorded):
        fields |= _recipient_fields(f"recipient.{number}.", one)
    return fields


def _case_fields(case: Case, verdict: Verdict) -> dict[str, Value]:
    message = verdict.message
    return {
        "login": case.login,
        "message-id": case.message_id or "",
        "kind": case.kind,
        "earlier-mail": message.earlier_mail,
        "ambiguous": message.ambiguous,
        "uninspectable": list(message.uninspectable),
        "size-band": next((name for limit, name in _BANDS if case.size <= limit), "over-10-mb"),
        "notice-muted": case.mute,
    }


def judged_fields(place: str, one: Disposition) -> dict[str, Value]:
    """What the policy said to one recipient, so that it can be made again (holds/replays.py)."""
    fields: dict[str, Value] = {
        "address": one.recipient.mailbox.text,
        "class": one.recipient_class.value,
        "relation": one.relation.value,
        "action": one.action.name,
        "rules": [hit.id for hit in one.rules],
        "reasons": list(one.reasons),
        "facts": dict(one.facts),
    }
    return {place + name: value for name, value in fields.items()}


def _recipient_fields(place: str, one: Disposition) -> dict[str, Value]:
    found = controller_after(transmitted=one.action < Action.hold, relation=one.relation)
    fields: dict[str, Value] = {"controller-after": found.after.value, "controller-basis": found.basis}
    fields |= about_data(one)
    if one.action is Action.hold:
        fields |= {"pool": one.review.pool, "approvals-needed": one.review.approvals}
    return judged_fields(place, one) | {place + name: value for name, value in fields.items()}
