# SPDX-License-Identifier: Apache-2.0
"""A row says what arrived and what is recorded; with other evidence it says something else."""

from __future__ import annotations

from typing import Any

import pytest

from dlpmilter.demo.ledger import Decision, Ledger
from dlpmilter.demo.post import Answer
from dlpmilter.demo.rows import Row, build_rows
from dlpmilter.demo.samples import Sample
from dlpmilter.demo.sink import Arrival

MESSAGE = b"Message-ID: <m1@company.example>\r\nSubject: s\r\n\r\ntext\r\n"
TRACE = b"Received: from a ([127.0.0.1])\r\n\tby h (dlpmilter i1) with ESMTP id T7;\r\n\tFri, 20 Nov 2026 09:00:00 +0000\r\n"
BOX = "own@gmx.example"
SAMPLE = Sample("s", "a sample", "me@company.example", (BOX,), MESSAGE)
HELD: dict[str, Any] = {
    "action": "hold",
    "rules": ["r1"],
    "reasons": ["why"],
    "class": "freemail",
    "relation": "own_private",
}


def _row(
    *arrivals: Arrival, code: int = 250, text: str = "2.0.0 ok", decisions: tuple[Decision, ...] = (), state: str = ""
) -> Row:
    states = {("C-1", BOX): state} if state else {}
    (row,) = build_rows([Answer(SAMPLE, code, text)], arrivals, Ledger(decisions, states))
    return row


def _arrival(message: bytes = TRACE + MESSAGE, recipient: str = BOX, sender: str = SAMPLE.sender) -> Arrival:
    return Arrival(1, sender, (recipient,), message)


def _decision(recorded: dict[str, Any], **fields: Any) -> Decision:
    return Decision("C-1", fields, {BOX: recorded})


def test_a_mail_nobody_got_and_nobody_recorded_is_missing() -> None:
    """A 250 alone is no proof of anything."""
    row = _row()
    assert (row.result, row.received, row.identical, row.action) == ("missing", 0, None, None)


def test_delivered_means_the_sink_has_the_octets() -> None:
    """The trace header is named as added, and the rest is compared octet by octet."""
    row = _row(_arrival())
    assert (row.result, row.received, row.identical, row.added) == ("delivered", 1, True, ("Received",))
    changed = _row(_arrival(TRACE + MESSAGE.replace(b"text", b"Text")))
    assert (changed.result, changed.identical) == ("changed", False)
    assert _row(_arrival(recipient="else@x.example")).result == "missing"


def test_tagged_means_the_tag_arrived() -> None:
    """The tag is read from the delivered mail; rules and case come from the entry of the same transaction."""
    tagged = _arrival(TRACE + b"X-Dlpmilter-Tag: r9\r\n" + MESSAGE)
    row = _row(tagged, decisions=(_decision(HELD | {"action": "tag"}, transaction="T7"),))
    assert (row.result, row.case, row.rules, row.identical) == ("tagged", "C-1", ("r1",), True)


def test_held_means_a_hold_in_the_database() -> None:
    """Linked by Message-ID; the state is the one of the hold, also later ones."""
    decision = _decision(HELD, **{"message-id": SAMPLE.message_id})
    held = _row(decisions=(decision,), state="held")
    assert (held.result, held.action, held.recipient_class, held.case) == ("held", "hold", "freemail", "C-1")
    assert _row(_arrival(), decisions=(decision,), state="released").result == "released"
    assert _row(decisions=(decision,)).result == "missing"


@pytest.mark.parametrize(("code", "result"), [(250, "missing"), (451, "refused"), (550, "refused")])
def test_refused_means_a_refusal(code: int, result: str) -> None:
    """A reply of the gate or a recorded reject, linked by the case in the reply."""
    assert _row(code=code).result == result
    recorded = _row(code=code, text="5.7.1 no, case C-1", decisions=(_decision(HELD | {"action": "reject"}),))
    assert (recorded.result, recorded.case) == ("refused", "C-1")


def test_foreign_entries_are_not_taken() -> None:
    """An entry of another mail to the same recipient explains nothing."""
    other = _decision(HELD, **{"message-id": "<other@company.example>", "transaction": "T8"})
    row = _row(_arrival(), decisions=(other,), state="held")
    assert (row.action, row.case, row.result) == (None, None, "delivered")


def test_notices_are_those_the_sink_received() -> None:
    """Counted by our mark for this case, not for others."""
    decision = _decision(HELD, **{"message-id": SAMPLE.message_id})
    notices = [
        Arrival(number, "", ("me@company.example",), b"X-Dlpmilter-Notice: v1 %s hold 00\r\n\r\n" % case)
        for number, case in enumerate((b"C-1", b"C-2"))
    ]
    assert _row(*notices, decisions=(decision,), state="held").notices == ("hold",)
