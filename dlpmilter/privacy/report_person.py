# SPDX-License-Identifier: Apache-2.0
"""The answer to a request for access: all that is kept about one person, in words a person understands.

Concrete recipients are named (C-154/21); reviewers appear by their role (C-579/21), other people never.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dlpmilter.privacy import erasure
from dlpmilter.storage import case_rows, trail_rows, vault_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from dlpmilter.storage.case_rows import Case
    from dlpmilter.storage.trail_rows import EntryRow, ValueRow

RIGHTS = {
    "de": "Sie können Berichtigung, Löschung, Einschränkung verlangen, widersprechen, und sich bei einer "
    "Aufsichtsbehörde beschweren (Art. 15 bis 21 und 77 DSGVO).",
    "en": "You can ask for rectification, erasure or restriction, object, and complain to a supervisory "
    "authority (Art. 15 to 21 and 77 GDPR).",
}
PURPOSE = {
    "de": "dienstliche E-Mails nicht in private Postfächer gelangen lassen, Rechenschaft (Art. 5, 24, 32 DSGVO)",
    "en": "keeping business mail from private mailboxes, accountability (Art. 5, 24, 32 GDPR)",
}
SOURCE = {
    "de": "die E-Mail selbst, die Angaben der Person, die sie gesendet hat, die Entscheidungen dazu",
    "en": "the mail itself, what its sender said, what reviewers decided",
}
COUNTERS = {
    "de": "Wie viele E-Mails an private Postfächer gingen, steht 30 Tage lang als Prüfwert hier und lässt sich "
    "nicht zeigen.",
    "en": "Numbers of mails to private mailboxes are kept as keyed hashes for 30 days and cannot be shown.",
}
_OWN = frozenset({"at", "sender", "owner", "login", "justification", "statement", "message-id", "told", "reason"})
_NAMED = frozenset({"at"})


def report_on(conn: Connection, addresses: Sequence[str], now: datetime) -> dict[str, Any]:
    """Everything, as JSON."""
    person = erasure.found(conn, addresses, now)
    mine = {each.lower() for each in addresses}
    cases = [_case(each) for each in case_rows.many(conn, person.own_cases)]
    entries = trail_rows.by_number(conn, vault_rows.entries_of(conn, person.own_scopes))
    named = trail_rows.by_number(conn, sorted({seq for seq, _, _ in person.fields}))
    return {
        "about": sorted(mine),
        "made": now.isoformat(timespec="seconds"),
        "purpose": PURPOSE,
        "source": SOURCE,
        "rights": RIGHTS,
        "cases": cases,
        "events": [_entry(row, values, _OWN) for row, values in entries],
        "named": [_named(row, values, mine) for row, values in named],
        "elsewhere": person.counts,
        "counters": COUNTERS,
    }


def _case(case: Case) -> dict[str, Any]:
    return {
        "case": case.id,
        "held": case.created_at.isoformat(timespec="seconds"),
        "subject": case.subject,
        "size": case.size,
        "content_kept": case.purged_at is None,
        "reason_code": case.justification_code,
        "reason": case.justification_text,
        "form": json.loads(case.statement) if case.statement else None,
        "recipients": [
            {
                "address": hold.recipient.mailbox.text, "class": hold.recipient_class, "relation": hold.relation,
                "rule": hold.rule, "reasons": list(hold.reasons), "state": hold.state, "decided_by": hold.pool,
            }
            for hold in case.holds
        ],
    }  # fmt: skip


def _entry(row: EntryRow, values: Sequence[ValueRow], allowed: frozenset[str]) -> dict[str, Any]:
    """Facts, the person's own fields and the recipients; whoever acted appears by role."""
    shown = {
        one.name: json.loads(one.value)
        for one in values
        if not one.sealed and (one.layer == "F" or one.name in allowed or _is_recipient(one.name))
    }
    return {"entry": row.seq, "day": row.day, "event": row.event, "action": row.action, "fields": shown}


def _is_recipient(name: str) -> bool:
    return name.startswith("recipient.") and name.rpartition(".")[2] in {"address", "relation"}


def _named(row: EntryRow, values: Sequence[ValueRow], mine: set[str]) -> dict[str, Any]:
    """An entry about somebody else's mail: only the fields that name this person, and the facts of that recipient."""
    hits = {one.name for one in values if not one.sealed and _names(one.value, mine)}
    prefixes = tuple(f"{name.rpartition('.')[0]}." for name in hits if name.startswith("recipient."))
    shown = {}
    for one in values:
        fact = one.layer == "F" and one.name.startswith(prefixes)
        if one.sealed or not (fact or one.name in hits or one.name in _NAMED):
            continue
        value = json.loads(one.value)
        if fact or not isinstance(value, list):  # a list names others too
            shown[one.name] = value
    return {"entry": row.seq, "day": row.day, "event": row.event, "action": row.action, "fields": shown}


def _names(value: str, mine: set[str]) -> bool:
    return any(f'"{each}"' in value.lower() for each in mine)
