# SPDX-License-Identifier: Apache-2.0
"""What somebody typed as the scope of an agreement or exemption, checked and brought to one spelling.

Senders are ours, recipients are concrete: a mail provider's whole domain is nobody in particular. Never guesses.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from dlpmilter.engine.canonical import canonical_address
from dlpmilter.engine.classify import is_internal
from dlpmilter.engine.found import GROUP_FACTS
from dlpmilter.facts.consents import AGREEMENT, EXEMPTION
from dlpmilter.holds.consents import Proposal
from dlpmilter.model.address import AddressError, parse_address
from dlpmilter.model.consent import EXEMPTION_DAYS
from dlpmilter.model.words import PRIVATE_CLASSES, RecipientClass
from dlpmilter.policy.domains import is_domain, is_public_suffix, normalise_domain
from dlpmilter.policy.terms import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpmilter.audit.trail import Value
    from dlpmilter.policy.domains import DomainLists

NAMES_LIMIT = 50
"""Senders, recipients or groups of one agreement: more than that is a rule, not an agreement."""
_GROUP = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_NOBODY_IN_PARTICULAR = (PRIVATE_CLASSES - {RecipientClass.vanity}) | {
    RecipientClass.ai_service,
    RecipientClass.mail_in,
    RecipientClass.lookalike,
}


def agreement(  # noqa: PLR0913 - the whole scope comes together here
    lists: DomainLists,
    *,
    senders: Sequence[str],
    recipients: Sequence[str],
    data: Sequence[str],
    purpose: str,
    attachments: bool,
    auto_forward: bool,
    starts: str,
    ends: str,
    now: datetime,
) -> Proposal:
    """An agreement as it may be proposed. `starts` and `ends` are days (YYYY-MM-DD), both included; `starts` may be
    empty for now. Raises ValueError with a sentence.
    """
    first = _day("--from", starts) if starts else None
    last = _day("--until", ends)
    if last.year > now.year + 2:  # the exact limit is checked with the times; this one keeps the calendar whole
        raise ValueError(f"--until: {ends} is too far away; an agreement lasts 366 days at most")
    scope: dict[str, Value] = {
        "senders": [*dict.fromkeys(_sender(lists, each) for each in _some("--sender", senders))],
        "recipients": [*dict.fromkeys(_recipient(lists, each) for each in _some("--recipient", recipients))],
        "data": [*dict.fromkeys(_group(each) for each in data[:NAMES_LIMIT])],
        "attachments": attachments,
        "auto_forward": auto_forward,
    }
    begins = now if first is None else max(_midnight(first), now)
    return Proposal(AGREEMENT, scope, purpose, begins, _midnight(last + timedelta(days=1)))


def exemption(lists: DomainLists, *, sender: str, reason: str, days: int, now: datetime) -> Proposal:
    """An exemption of one sender for some days from now. Raises ValueError with a sentence."""
    if not 1 <= days <= EXEMPTION_DAYS:
        raise ValueError(f"an exemption lasts 1 to {EXEMPTION_DAYS} days, not {days}")
    found = _sender(lists, sender)
    if "@" not in found:
        raise ValueError(f"{found} is a whole domain; an exemption is for one sender, so name an address")
    return Proposal(EXEMPTION, {"sender": found}, reason, now, now + timedelta(days=days))


def _some(option: str, values: Sequence[str]) -> Sequence[str]:
    if not 1 <= len(values) <= NAMES_LIMIT:
        raise ValueError(f"{option} needs 1 to {NAMES_LIMIT} addresses or domains, not {len(values)}")
    return values


def _sender(lists: DomainLists, text: str) -> str:
    found = _name(text)
    if not is_internal(found, lists):
        raise ValueError(f"{found} is no sender of ours: senders are addresses or domains of internal_domains")
    return found


def _recipient(lists: DomainLists, text: str) -> str:
    found = _name(text)
    if "@" in found:
        return found
    match = lists.classify(found)
    if is_public_suffix(found) or match.recipient_class in _NOBODY_IN_PARTICULAR:
        what = f"{found} as a whole is everybody who has a mailbox there ({match.recipient_class.value})"
        raise ValueError(f"{what}; name the exact address of the person you agree with")
    if match.recipient_class is RecipientClass.internal:
        raise ValueError(f"{found} is internal: mail to it needs no agreement")
    return found


def _name(text: str) -> str:
    """An address in canonical form, or a domain in normal form."""
    text = text.strip()
    if "@" in text:
        try:
            found = canonical_address(parse_address(text).key)
        except AddressError as error:
            raise ValueError(f"{text[:80]!r} is not a mail address: {error}") from None
        if found and is_domain(found.rpartition("@")[2]):
            return found
        raise ValueError(f"{text[:80]!r} is not a mail address with a domain")
    found = normalise_domain(text)
    if not is_domain(found):
        raise ValueError(f"{text[:80]!r} is neither a mail address nor a domain; patterns are not possible")
    return found


def _group(text: str) -> str:
    found = text.strip().lower()
    if not _GROUP.fullmatch(found):
        raise ValueError(f"{text[:40]!r} is not the name of a group of detectors")
    if GROUP_FACTS and found not in GROUP_FACTS:
        raise ValueError(f"there is no group of detectors {found!r}. {did_you_mean(found, GROUP_FACTS)}")
    return found


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{option} {text[:40]!r} is not a day; write it as YYYY-MM-DD") from None


def _midnight(day: date) -> datetime:
    """The first moment of a day where this host is, as UTC: people's days are local."""
    try:
        return datetime.combine(day, time()).astimezone().astimezone(UTC)
    except (OverflowError, OSError):
        raise ValueError(f"{day.isoformat()} is too far away") from None
