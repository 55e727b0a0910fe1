# SPDX-License-Identifier: Apache-2.0
"""From verdict to sends: nothing silent, nobody forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.actions.plan import BODY_CUT, NOBODY_TO_TELL, NULL_SENDER, WHOLE_REFUSED, make_plan, settled
from dlpmilter.model.address import parse_address
from dlpmilter.model.transaction import EnvelopePath
from dlpmilter.model.verdict import Disposition, MessageJudgement, RuleHit, Sender, Verdict
from dlpmilter.model.words import Action, Kind, Mode, RecipientClass, Relation


def disposition(number: int, action: Action, *reasons: str) -> Disposition:
    """One recipient with an action."""
    hit = RuleHit(f"rule-{action.name}", "case", action, Mode.enforce)
    path = EnvelopePath(parse_address(f"r{number}@example.net"))
    return Disposition(path, RecipientClass.unknown, "", Relation.none, None, action, (hit,), reasons)


def verdict(*actions: Action, internal: bool = True, reasons: tuple[str, ...] = ()) -> Verdict:
    """A verdict with one recipient an action."""
    sender = Sender("anna@corp.example", "envelope", internal)
    each = tuple(disposition(number, action, *reasons) for number, action in enumerate(actions))
    return Verdict(MessageJudgement(Kind.fresh, 1.0), sender, each, "v1")


def actions(result: Verdict) -> list[Action]:
    """The actions in recipient order."""
    return [one.action for one in result.dispositions]


def test_a_refusal_for_some_becomes_a_hold_when_nobody_inside_can_be_told() -> None:
    """Mixed reject needs an internal sender; without one it is held, with the reason."""
    result = settled(verdict(Action.relay, Action.reject, internal=False), null_sender=False, report_body=None)

    assert actions(result) == [Action.relay, Action.hold]
    assert NOBODY_TO_TELL in result.dispositions[1].reasons


def test_a_refusal_for_some_stays_when_the_sender_can_be_told() -> None:
    """An internal sender gets a report, so the refusal stands."""
    assert actions(settled(verdict(Action.relay, Action.reject), null_sender=False, report_body=None)) == [
        Action.relay, Action.reject,
    ]  # fmt: skip


def test_a_bounce_is_cut_to_its_header_where_its_place_is_known() -> None:
    """A returned body goes out without the body, never held, never lost."""
    given_ = verdict(Action.reject, reasons=(NULL_SENDER,), internal=False)

    result = settled(given_, null_sender=True, report_body=(100, 900))
    plan = make_plan(result, (100, 900))

    assert actions(result) == [Action.rewrite]
    assert BODY_CUT in result.dispositions[0].reasons
    assert [(splice.start, splice.end, splice.data) for splice in plan.sends[0].splices] == [(100, 900, b"")]


def test_a_bounce_that_must_be_refused_is_refused_whole() -> None:
    """Nobody can be told about half a bounce, so upstream is told about all of it."""
    result = settled(verdict(Action.relay, Action.reject, internal=False), null_sender=True, report_body=None)

    assert actions(result) == [Action.reject, Action.reject]
    assert WHOLE_REFUSED in result.dispositions[0].reasons


def test_plain_and_tagged_recipients_get_different_bytes() -> None:
    """A tag is a header only its own recipients see."""
    plan = make_plan(verdict(Action.tag, Action.relay))

    assert [(send.recipients[0].mailbox.text, send.header) for send in plan.sends] == [
        ("r1@example.net", b""),
        ("r0@example.net", b"X-Dlpmilter-Tag: rule-tag\r\n"),
    ]


@pytest.mark.parametrize("null", [True, False])
@given(given_=st.lists(st.sampled_from(list(Action)), min_size=1, max_size=8), internal=st.booleans())
def test_every_recipient_is_sent_to_held_or_refused_exactly_once(
    *, null: bool, given_: list[Action], internal: bool
) -> None:
    """No combination of actions forgets or doubles a recipient."""
    result = settled(verdict(*given_, internal=internal), null_sender=null, report_body=(1, 2))
    plan = make_plan(result, (1, 2))
    sent = [path.mailbox.raw for send in plan.sends for path in send.recipients]
    rest = [one.recipient.mailbox.raw for one in (*plan.held, *plan.rejected)]

    assert sorted(sent + rest) == sorted(one.recipient.mailbox.raw for one in result.dispositions)
