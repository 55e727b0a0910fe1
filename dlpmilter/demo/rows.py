# SPDX-License-Identifier: Apache-2.0
"""One row per sample and recipient, from what arrived and what is recorded. Never from what was expected."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpmilter.demo.ledger import Decision, Ledger
    from dlpmilter.demo.post import Answer
    from dlpmilter.demo.sink import Arrival

_TRANSACTION = re.compile(r"\(dlpmilter [^)]*\) with \S+ id ([^;\s]+)")
_FIELD_NAME = re.compile(rb"(?m)^([!-9;-~]+):")
TAG = "X-Dlpmilter-Tag"
NOTICE = "X-Dlpmilter-Notice"


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one recipient of one sample.

    `action`, `rules`, `reasons`, `recipient_class` and `relation` are None or empty where the trail
    holds nothing: mail without a rule hit is not recorded.
    """

    sample: str
    title: str
    sender: str
    recipient: str
    result: str
    """delivered, tagged, changed, held (or a later state of the hold), refused, or missing."""
    received: int
    """How often the sink got it."""
    identical: bool | None
    """Whether it got the octets that were sent, after added header fields; None when it got none."""
    added: tuple[str, ...]
    """Header fields put before the mail."""
    action: str | None
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    recipient_class: str | None
    relation: str | None
    case: str | None
    state: str | None
    notices: tuple[str, ...]
    """Kinds of notices about this case that the sink received for the sender; "digest" is told once a day."""
    reply: str

    def as_json(self) -> dict[str, Any]:
        """Plain values for json.dumps."""
        return asdict(self)


def build_rows(answers: Sequence[Answer], arrivals: Sequence[Arrival], ledger: Ledger) -> tuple[Row, ...]:
    """Rows in the order of the samples."""
    rows = []
    for answer in answers:
        mine = [each for each in arrivals if each.header("Message-ID") == answer.sample.message_id]
        decision = _decision(answer, mine, ledger)
        rows += [_row(answer, recipient, mine, arrivals, decision, ledger) for recipient in answer.sample.recipients]
    return tuple(rows)


def _decision(answer: Answer, mine: Sequence[Arrival], ledger: Ledger) -> Decision | None:
    """The entry of this mail: by Message-ID, by the transaction in our trace header, by the case in the reply."""
    transactions = {found for each in mine for found in _TRANSACTION.findall(each.header("Received"))}
    for each in ledger.decisions:
        known = (
            each.fields.get("message-id") == answer.sample.message_id or each.fields.get("transaction") in transactions
        )
        if known or (each.case and each.case in answer.text):
            return each
    return None


def _row(
    answer: Answer,
    recipient: str,
    mine: Sequence[Arrival],
    arrivals: Sequence[Arrival],
    decision: Decision | None,
    ledger: Ledger,
) -> Row:
    got = [each for each in mine if recipient.lower() in {path.lower() for path in each.recipients}]
    recorded: Mapping[str, Any] = decision.recipients.get(recipient.lower(), {}) if decision else {}
    case = decision.case if decision and recorded else ""
    state = ledger.state(case, recipient) if case else ""
    added = _added(got[0], answer.sample.message) if got else None
    return Row(
        sample=answer.sample.slug,
        title=answer.sample.title,
        sender=answer.sample.sender,
        recipient=recipient,
        result=_result(answer, got, added, recorded, state),
        received=len(got),
        identical=None if not got else added is not None,
        added=added or (),
        action=recorded.get("action"),
        rules=tuple(recorded.get("rules", ())),
        reasons=tuple(recorded.get("reasons", ())),
        recipient_class=recorded.get("class"),
        relation=recorded.get("relation"),
        case=case or None,
        state=state or None,
        notices=_notices(case, arrivals) or _later(decision),
        reply=answer.line,
    )


def _result(
    answer: Answer, got: Sequence[Arrival], added: tuple[str, ...] | None, recorded: Mapping[str, Any], state: str
) -> str:
    if got and added is None:
        return "changed"
    if got:
        return state or ("tagged" if TAG in (added or ()) else "delivered")
    if state:
        return state
    return "refused" if recorded.get("action") == "reject" or answer.code >= 400 else "missing"


def _added(arrival: Arrival, original: bytes) -> tuple[str, ...] | None:
    """Names of the header fields before the untouched mail; None when it was touched."""
    if not arrival.message.endswith(original):
        return None
    prefix = arrival.message[: len(arrival.message) - len(original)]
    return tuple(name.decode("ascii") for name in _FIELD_NAME.findall(prefix))


def _notices(case: str, arrivals: Sequence[Arrival]) -> tuple[str, ...]:
    marks = [each.header(NOTICE).split() for each in arrivals]
    return tuple(mark[2] for mark in marks if case and len(mark) > 2 and mark[1] == case)


def _later(decision: Decision | None) -> tuple[str, ...]:
    return ("digest",) if decision is not None and decision.fields.get("notice") == "digest" else ()
