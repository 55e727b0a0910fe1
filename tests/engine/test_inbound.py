# SPDX-License-Identifier: Apache-2.0
"""What one inbound mail teaches, and what it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.engine.inbound import lesson_of
from dlpmilter.engine.questions import MAX_MESSAGE_IDS, answered_ids
from dlpmilter.mime.head import read_head
from dlpmilter.model.facts import Lesson
from dlpmilter.model.limits import Limits
from dlpmilter.policy.domains import DomainLists
from tests.peers.letters import STRANGER, VERIFIER, letter, passed

LISTS = DomainLists((), ("corp.example",))


def lesson(mail: bytes, *, verifier: str = VERIFIER, null: bool = False) -> Lesson | str:
    return lesson_of(read_head(mail, Limits()), LISTS, verifier, null_sender=null)


def test_a_person_s_mail_teaches_author_and_message_id() -> None:
    """The author is canonical, the Message-ID stands as an answer will quote it."""
    mail = letter("x.1@gmx.de", "Kurt.Neumann77+shop@GMX.de")
    assert lesson(mail) == Lesson("kurt.neumann77@gmx.de", "x.1@gmx.de")
    answer = read_head(b"References: <0@x> <x.1@gmx.de>\r\n\r\n", Limits())
    assert "x.1@gmx.de" in answered_ids(answer)


def test_a_pass_verifies_only_the_domain_it_names() -> None:
    """A DMARC pass for another domain, or for a list's mail, verifies nobody; without a verifier nothing does."""
    assert lesson(letter("1@x", head=passed())) == Lesson(STRANGER, "1@x", verified=True)
    for head in (passed("web.de"), passed(result="none"), passed() + "List-Id: <l.gmx.de>\r\n", ""):
        assert lesson(letter("1@x", head=head)) == Lesson(STRANGER, "1@x")
    assert lesson(letter("1@x", head=passed()), verifier="") == Lesson(STRANGER, "1@x")
    assert lesson(letter("1@x", head=passed(result="fail")), verifier="") == Lesson(STRANGER, "1@x")


@pytest.mark.parametrize(
    ("mail", "why"),
    [
        (letter("1@x", "paul@corp.example"), "internal"),
        (letter("1@x", "paul@sub.corp.example"), "internal"),
        (letter("1@x", head="Auto-Submitted: auto-generated\r\n"), "automatic"),
        (letter("1@x", head="X-Autoreply: yes\r\n"), "automatic"),
        (letter("1@x", head=passed(result="fail")), "dmarc-failed"),
        (letter("1@x").replace(b"Message-ID: <1@x>\r\n", b""), "no-message-id"),
        (letter("1@x").replace(b"<1@x>", b"<1 @x>"), "no-message-id"),
        (letter("1@x", head="From: other@web.de\r\n"), "no-author"),
        (letter("1@x").replace(b"From: Kurt Neumann <", b"From: a@web.de, <"), "no-author"),
        (letter("1@x").replace(b"From: ", b"X-From: "), "no-author"),
        (b"", "no-author"),
    ],
)
def test_other_mail_teaches_nothing_and_says_why(mail: bytes, why: str) -> None:
    """Ours, machines, failures, several authors, no author, no Message-ID."""
    assert lesson(mail) == why


def test_an_address_in_the_display_name_is_no_author() -> None:
    """`"boss@gmx.de" <real@web.de>` was written by real@web.de."""
    mail = letter("1@x", "real@web.de", name='"boss@gmx.de"')
    assert lesson(mail) == Lesson("real@web.de", "1@x")


def test_a_null_sender_teaches_nothing() -> None:
    """A bounce has no author, whatever its From says."""
    assert lesson(letter("1@x"), null=True) == "null-sender"


def test_twenty_thousand_references_are_cut_to_the_newest() -> None:
    """Only the newest Message-IDs are asked about, whatever the length of the thread."""
    refs = b"".join(b"<%d@x.example>\r\n " % n for n in range(20_000))
    head = read_head(b"In-Reply-To: <direct@x>\r\nReferences: " + refs + b"\r\n\r\n", Limits(header_octets=1_000_000))
    ids = answered_ids(head)
    assert len(ids) == MAX_MESSAGE_IDS
    assert ids[0] == "direct@x" and ids[1] == "19999@x.example"


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=300))
def test_hostile_fields_never_raise(author: bytes, message_id: bytes, results: bytes) -> None:
    """Any octets give a lesson or a reason, and a lesson is never about one of us."""
    raw = (
        b"From: " + author + b"\r\nMessage-ID: " + message_id + b"\r\nAuthentication-Results: " + results + b"\r\n\r\n"
    )
    found = lesson(raw)
    if isinstance(found, Lesson):
        assert not found.author.endswith("corp.example")
        assert found.message_id and len(found.message_id) <= 512
