# SPDX-License-Identifier: Apache-2.0
"""Verdict -> what is sent to whom with which edits, what is held, what is refused.

Pure: never decides anew, only how a verdict can be carried out without silence or loss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlpmilter.mime.apply import Splice
from dlpmilter.mime.trace import tag_field
from dlpmilter.model.words import Action

if TYPE_CHECKING:
    from dlpmilter.model.transaction import EnvelopePath
    from dlpmilter.model.verdict import Disposition, Verdict

NULL_SENDER = "null-sender-not-held"
BODY_CUT = "returned-body-cut"
WHOLE_REFUSED = "null-sender-refused-whole"
NOBODY_TO_TELL = "no-internal-sender-to-tell"


@dataclass(frozen=True, slots=True)
class Send:
    """One byte variant of the mail and who gets it."""

    recipients: tuple[EnvelopePath, ...]
    header: bytes = b""
    splices: tuple[Splice, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to happen for a verdict to come true."""

    sends: tuple[Send, ...]
    held: tuple[Disposition, ...]
    rejected: tuple[Disposition, ...]


def settled(verdict: Verdict, *, null_sender: bool, report_body: tuple[int, int] | None) -> Verdict:
    """The verdict as it can be carried out; every change adds its reason.

    A returned body (RFC 3464) is cut to its header where its place is known, so that a bounce
    reaches the person who waits for it. A bounce that must be refused is refused as a whole.
    A refusal for some recipients needs someone inside to tell; without one it is a hold.
    """
    each = list(verdict.dispositions)
    if null_sender and report_body is not None:
        each = [_changed(one, Action.rewrite, BODY_CUT) if _refused_for_null(one) else one for one in each]
    rejected = [one.action is Action.reject for one in each]
    if any(rejected) and not all(rejected):
        if null_sender:
            each = [_changed(one, Action.reject, WHOLE_REFUSED) for one in each]
        elif not verdict.sender.internal:
            each = [_changed(one, Action.hold, NOBODY_TO_TELL) if one.action is Action.reject else one for one in each]
    return replace(verdict, dispositions=tuple(each))


def _refused_for_null(disposition: Disposition) -> bool:
    return disposition.action is Action.reject and NULL_SENDER in disposition.reasons


def _changed(disposition: Disposition, action: Action, reason: str) -> Disposition:
    if disposition.action is action:
        return disposition
    return replace(disposition, action=action, reasons=(*disposition.reasons, reason))


def make_plan(verdict: Verdict, report_body: tuple[int, int] | None = None) -> Plan:
    """Group the recipients by the bytes they get; plain relay comes first."""
    variants: dict[tuple[bytes, tuple[Splice, ...]], list[EnvelopePath]] = {}
    for one in verdict.dispositions:
        if one.action <= Action.rewrite:
            variants.setdefault(_variant(one, report_body), []).append(one.recipient)
    sends = tuple(Send(tuple(who), header, splices) for (header, splices), who in sorted(variants.items(), key=_plain))
    return Plan(sends, _having(verdict, Action.hold), _having(verdict, Action.reject))


def _plain(variant: tuple[tuple[bytes, tuple[Splice, ...]], list[EnvelopePath]]) -> tuple[bool, bool]:
    header, splices = variant[0]
    return bool(splices), bool(header)


def _variant(one: Disposition, report_body: tuple[int, int] | None) -> tuple[bytes, tuple[Splice, ...]]:
    if one.action is Action.tag:
        return tag_field([hit.id for hit in one.rules if hit.action >= Action.tag]), ()
    if one.action is Action.rewrite and report_body is not None:
        return b"", (Splice(*report_body),)
    return b"", ()


def _having(verdict: Verdict, action: Action) -> tuple[Disposition, ...]:
    return tuple(one for one in verdict.dispositions if one.action is action)
