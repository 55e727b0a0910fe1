# SPDX-License-Identifier: Apache-2.0
"""What must hold for any policy and any mail: hits only raise, nobody's rank counts, To, Cc and Bcc are one."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from dlpmilter.config import Problem
from dlpmilter.engine.decide import Decision, decide
from dlpmilter.engine.evaluate import evaluate
from dlpmilter.engine.found import GROUP_FACTS
from dlpmilter.mime.head import read_head
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.address import parse_address
from dlpmilter.model.content import ContentReport, RegisterHit
from dlpmilter.model.transaction import Client, EnvelopePath, Transaction
from dlpmilter.model.verdict import Finding, Verdict
from dlpmilter.model.words import Action, Mode
from dlpmilter.policy.checks import check_rules
from dlpmilter.policy.match import UNKNOWN, FactKind, Needs
from dlpmilter.policy.polarity import is_counted
from dlpmilter.policy.schema import FACTS
from tests.engine.samples import LIMITS, NOW, SHIPPED, Staff, policy, rule

if TYPE_CHECKING:
    from dlpmilter.policy.schema import Policy

FEW_COUNTED = ["findings.personal", "findings.table_rows", "drip.messages_30d"]
"""Few facts and small numbers, so that generated rules meet each other."""
FLAGS = ["recipient.private", "findings.own_document"]
GROUPS = {f"detector-{group}": (group,) for group in GROUP_FACTS}
JUDGED = replace(SHIPPED, groups=GROUPS)


def _atoms() -> st.SearchStrategy[str]:
    count = st.builds(
        "{} {} {}".format,
        st.sampled_from(FEW_COUNTED),
        st.sampled_from([">", ">=", "==", "!=", "<", "<="]),
        st.integers(0, 2),
    )
    flag = st.sampled_from(FLAGS)
    word = st.sampled_from(["recipient.class == 'freemail'", "message.kind in ['forward', 'reply']"])
    return st.one_of(count, count, flag, word)


CONDITIONS = st.recursive(
    _atoms(),
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
    ),
    max_leaves=3,
)
WORDS = {"recipient.class": ["freemail", "unknown"], "message.kind": ["fresh", "forward"]}
ACTIONS = st.sampled_from(["relay", "tag", "hold", "reject"])
MODES = st.sampled_from(["enforce", "enforce", "enforce", *(each.value for each in Mode)])


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any policy the loader accepts: up to five cases and four raises."""
    rules = []
    wanted = [("case", number) for number in range(draw(st.integers(1, 5)))]
    wanted += [("raise", number) for number in range(draw(st.integers(0, 4)))]
    for stage, number in wanted:
        when, action, mode = draw(CONDITIONS), draw(ACTIONS), draw(MODES)
        problems: list[Problem] = []
        check_rules("policy.toml", {stage: [{"id": "x", "when": when, "action": action}]}, problems)
        if not problems:
            rules.append(rule(f"{stage}-{number}", when, action, mode, "raise" if stage == "raise" else "base"))
    return policy(*rules)


@st.composite
def values(draw: st.DrawFn) -> dict[str, object]:
    """One recipient of one mail, all facts known."""
    found: dict[str, object] = {}
    for name, fact in FACTS.items():
        match fact.kind:
            case FactKind.flag:
                found[name] = draw(st.booleans()) if name in FLAGS else False
            case FactKind.number:
                found[name] = draw(st.integers(0, 2)) if name in FEW_COUNTED else 0
            case FactKind.word:
                found[name] = draw(st.sampled_from(WORDS.get(name, fact.values[:1])))
            case FactKind.text:
                found[name] = ""
    return found


def _action(rules: Policy, facts: dict[str, object]) -> Action:
    decision = decide(rules, facts.__getitem__)
    assert isinstance(decision, Decision)
    return decision.action


def test_counts_of_findings_and_drip_are_counted() -> None:
    """The facts whose growth must never weaken a verdict are all numbers of the two groups, and no others."""
    counted = {name for name, fact in FACTS.items() if is_counted(name, fact)}
    assert set(FEW_COUNTED) < counted
    assert counted == {
        name for name, fact in FACTS.items() if fact.kind is FactKind.number and name[:5] in {"findi", "drip."}
    }


@given(policies(), values(), st.dictionaries(st.sampled_from(FEW_COUNTED), st.integers(1, 3), min_size=1))
@settings(max_examples=600, deadline=None)
def test_a_hit_never_lowers_the_action_whatever_the_policy(
    rules: Policy, facts: dict[str, object], more: dict[str, int]
) -> None:
    """No policy that loads does less because more was found (design invariant 7)."""
    richer = facts | {name: int(str(facts[name])) + count for name, count in more.items()}
    assert _action(rules, richer) >= _action(rules, facts)


@given(policies(), values(), CONDITIONS, ACTIONS)
@settings(max_examples=200, deadline=None)
def test_a_raise_never_lowers_the_action(rules: Policy, facts: dict[str, object], when: str, action: str) -> None:
    """One more [[raise]] gives the same action or a stronger one."""
    more = replace(rules, raises=(*rules.raises, rule("more", when, action, stage="raise")))
    assert _action(more, facts) >= _action(rules, facts)


@given(policies(), values(), st.sets(st.sampled_from([*FEW_COUNTED, *FLAGS, *WORDS])))
@settings(max_examples=600, deadline=None)
def test_an_answer_with_facts_missing_holds_whatever_they_are(
    rules: Policy, facts: dict[str, object], hidden: set[str]
) -> None:
    """Laziness never changes a verdict: a decision made without a fact is the decision made with it."""
    lazy = decide(rules, lambda name: UNKNOWN if name in hidden else facts[name])
    if isinstance(lazy, Needs):
        assert lazy.facts <= hidden
    else:
        assert lazy.action == _action(rules, facts)


PEOPLE = ["karl.huber@web.de", "jorinde.kupferblatt@gmx.de", "einkauf@kunde.example", "sabine.roth@gmail.com"]
SUBJECTS = ["Angebot", "WG: Angebot", "AW: Angebot", "Fwd: offer", ""]
QUOTED = (
    "\r\n-----Ursprüngliche Nachricht-----\r\nVon: Karl Huber <karl.huber@web.de>\r\n"
    "Gesendet: Montag, 5. Januar 2026 09:00\r\nAn: Jorinde Kupferblatt <jorinde.kupferblatt@corp.example>\r\n"
    "Betreff: Angebot\r\n\r\nBitte.\r\n"
)


def _mail(fields: dict[str, list[str]], subject: str, *, quoted: bool, name: str = "Jorinde Kupferblatt") -> bytes:
    head = "".join(f"{field}: {', '.join(each)}\r\n" for field, each in fields.items() if each)
    body = "Guten Tag,\r\nanbei.\r\n" + (QUOTED if quoted else "")
    local = name.lower().replace(" ", ".")
    return (
        f"From: {name} <{local}@corp.example>\r\n{head}Subject: {subject}\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{body}"
    ).encode()


def _verdict(
    raw: bytes, sender: str, rcpt: list[str], report: ContentReport, directory: Staff | None = None
) -> Verdict:
    head = read_head(raw, LIMITS)
    paths = tuple(EnvelopePath(parse_address(each)) for each in rcpt)
    one = Transaction("t", Client(""), EnvelopePath(parse_address(sender)), paths, head.raw, len(raw), NOW.now)
    facts = replace(NOW, directory=directory) if directory else NOW
    answer = evaluate(one, head, facts, JUDGED, read_structure(raw, LIMITS), report)
    assert isinstance(answer, Verdict)
    return answer


@st.composite
def reports(draw: st.DrawFn) -> ContentReport:
    """What a sandbox may say of a mail."""
    found = draw(st.dictionaries(st.sampled_from(sorted(GROUPS)), st.integers(1, 5), max_size=3))
    rows = draw(st.integers(0, 60))
    return ContentReport(
        findings=tuple(Finding(name, count) for name, count in found.items()),
        registers=(RegisterHit("customers", tuple(range(rows)), 1000),) if rows else (),
        table_rows=draw(st.integers(0, 600)),
        uninspectable=tuple(draw(st.sets(st.sampled_from(["encrypted", "too-deep"])))),
    )


@given(st.permutations(PEOPLE), st.lists(st.sampled_from(["To", "Cc", "Bcc", ""]), min_size=4, max_size=4),
       st.sampled_from(SUBJECTS), st.booleans(), reports())  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_to_cc_and_bcc_are_one(
    people: list[str], places: list[str], subject: str, quoted: bool, report: ContentReport
) -> None:
    """The verdict follows the envelope: in which header field an address stands, or in none, changes nothing."""
    fields: dict[str, list[str]] = {"To": [], "Cc": [], "Bcc": []}
    for person, place in zip(people, places, strict=True):
        if place:
            fields[place].append(person)
    plain = _verdict(_mail({"To": people}, subject, quoted=quoted), "jorinde.kupferblatt@corp.example", people, report)
    other = _verdict(_mail(fields, subject, quoted=quoted), "jorinde.kupferblatt@corp.example", people, report)
    assert [each.action for each in other.dispositions] == [each.action for each in plain.dispositions]


NAMES = ["Jorinde Kupferblatt", "Tibor Haselwurz", "Ottilie Rabenschlag"]


@given(
    st.permutations(NAMES), st.sampled_from(SUBJECTS), st.booleans(), reports(), st.sampled_from(["gmx.de", "web.de"])
)
@settings(max_examples=100, deadline=None)
def test_the_board_gets_the_verdict_the_intern_gets(
    names: list[str], subject: str, quoted: bool, report: ContentReport, box: str
) -> None:
    """Whoever writes to the own mailbox, a colleague or a stranger: only how they stand to each other counts."""
    rows: dict[str, tuple[str, ...]] = {f"{name.lower().replace(' ', '.')}@corp.example": (name,) for name in NAMES}
    private = {
        f"{name.lower().replace(' ', '.')}@{box}": f"{name.lower().replace(' ', '.')}@corp.example" for name in NAMES
    }
    staff = Staff(rows, private=private)
    seen = []
    for name, colleague in itertools.pairwise([*names, names[0]]):
        own, other = (f"{each.lower().replace(' ', '.')}@{box}" for each in (name, colleague))
        rcpt = [own, other, "karl.huber@web.de"]
        sender = f"{name.lower().replace(' ', '.')}@corp.example"
        verdict = _verdict(_mail({"To": rcpt}, subject, quoted=quoted, name=name), sender, rcpt, report, staff)
        seen.append([(each.relation, each.action) for each in verdict.dispositions])
    assert seen[0] == seen[1] == seen[2]
    assert [relation for relation, _ in seen[0]] == ["own_private", "colleague_private", "none"]


@given(st.sampled_from(PEOPLE), st.sampled_from(SUBJECTS), st.booleans(), reports(), st.sampled_from(sorted(GROUPS)))
@settings(max_examples=150, deadline=None)
def test_under_the_shipped_policy_one_more_hit_never_lowers(
    person: str, subject: str, quoted: bool, report: ContentReport, detector: str
) -> None:
    """More found in the same mail gives the same action or a stronger one."""
    raw = _mail({"To": [person]}, subject, quoted=quoted)
    more = replace(report, findings=(*report.findings, Finding(detector)))
    before = _verdict(raw, "jorinde.kupferblatt@corp.example", [person], report)
    after = _verdict(raw, "jorinde.kupferblatt@corp.example", [person], more)
    assert after.action >= before.action
