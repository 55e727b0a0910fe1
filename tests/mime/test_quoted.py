# SPDX-License-Identifier: Apache-2.0
"""Traces of earlier mails in text, German and English, and the people who stood in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.mime.quoted import _interesting, _promising, addresses, read_markup, read_quotes
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.limits import Limits

FORWARDS = [
    "---------- Forwarded message ---------\nFrom: K <k@x.example>\nTo: <a@y.example>\n",
    "-------- Weitergeleitete Nachricht --------\nBetreff: \tx\nVon: \tK <k@x.example>\nAn: \ta@y.example\n",
    "Begin forwarded message:\n\n> From: K <k@x.example>\n> To: a@y.example\n",
    "> Anfang der weitergeleiteten Nachricht:\n> \n> Von: K <k@x.example>\n> An: a@y.example\n",
    "----- Weitergeleitet von Anna Berger/Corp am 19.11.2026 10:00 -----\n\nVon: k@x.example\nAn: a@y.example\n",
    "  ----- Forwarded Message ----- From: K <k@x.example>To: <a@y.example>Sent: today\n",
]
BLOCKS = [
    "-----Ursprüngliche Nachricht-----\nVon: K <k@x.example>\nGesendet: heute\nAn: a@y.example\nBetreff: x\n",
    "-----Original Message-----\nFrom: K [mailto:k@x.example]\nSent: today\nTo: a@y.example\nSubject: x\n",
    "Von: K <k@x.example>\nGesendet: heute\nAn: a@y.example\nBetreff: x\n",
    "*From:* K <k@x.example>\n*Sent:* today\n*To:* a@y.example\n*Subject:* x\n",
    "From: K <k@x.example>\n\nDate: today\n\nTo: a@y.example\n\nSubject: x\n",
    "From: K <k@x.example>\nSent: today\nTo: b@y.example,\n  c@y.example,\n  a@y.example\nSubject: x\n",
]
ATTRIBUTIONS = [
    "On Thu, 19 Nov 2026 at 16:40, K <k@x.example> wrote:\n> x\n",
    "Am 19.11.2026 um 16:40 schrieb K <k@x.example>:\n> x\n",
    "On Nov 19, 2026, at 4:40 PM, K\n<k@x.example>\nwrote:\n\n> x\n",
    "Am Do., 19. Nov. 2026 um 16:40 Uhr schrieb K K K <\nk@x.example>:\n> x\n",
]
NOTHING = [
    "Hallo,\n\nbitte die Zahlen bis Freitag.\n\nGruß\nAnna\n-- \nTel: 1\nMail: a@y.example\n",
    "From: our database, not From: external sources.\n",
    "Er schrieb 2020 ein Buch. Es heißt:\nDie Pumpe\n",
    "On the surface this looks like a header.\nOn average it works well:\n",
    "Original Message\nis a nice title\n",
    "Name: x\nOrt: y\nDatum: z\n",
    "Weitergeleitete Nachrichten findest du im Ordner.\n",
]


@pytest.mark.parametrize("text", FORWARDS)
def test_forward_markers(text: str) -> None:
    """What forwarding programs write above a mail is a forward marker with its people."""
    quote = read_quotes("zur Info\n\n" + text + "\nGuten Tag", "1")[0]
    assert (quote.style, quote.senders, quote.receivers) == ("forward-marker", ("k@x.example",), ("a@y.example",))


@pytest.mark.parametrize("text", BLOCKS)
def test_header_blocks(text: str) -> None:
    """Outlook's block is found with or without its line, folded, bold or torn apart by HTML."""
    quote = read_quotes("zur Info\n\n" + text + "\nGuten Tag", "1")[0]
    assert quote.style in ("header-block", "original-message")
    assert quote.senders == ("k@x.example",)
    assert "a@y.example" in quote.receivers


@pytest.mark.parametrize("text", ATTRIBUTIONS)
def test_attribution_lines(text: str) -> None:
    """`On ... wrote:` is found also when the program broke the line."""
    quote = read_quotes("ja\n\n" + text, "1")[0]
    assert (quote.style, quote.senders) == ("attribution", ("k@x.example",))


@pytest.mark.parametrize("text", NOTHING)
def test_ordinary_text_holds_no_earlier_mail(text: str) -> None:
    """Words that only look like a header do not count."""
    assert read_quotes(text, "1") == ()


def test_names_without_addresses_are_marked() -> None:
    """Outlook writes colleagues by name: nobody can be said to be missing there."""
    assert read_quotes("Von: K <k@x.example>\nGesendet: heute\nAn: Anna Berger; Karl\nBetreff: x\n", "1")[0].nameless


def test_the_first_trace_comes_first() -> None:
    """A reply that quotes a forward is a reply: order is kept."""
    text = "ja\n\nOn 1.1.2026 K <k@x.example> wrote:\n> ---------- Forwarded message ---------\n> From: z@x.example\n> To: y@x.example\n"
    assert [quote.style for quote in read_quotes(text, "1")] == ["attribution", "forward-marker"]


def test_markup_of_mail_programs() -> None:
    """Class names in HTML tell what the text does not."""
    assert read_markup('<div class="gmail_quote">', "1")[0].style == "markup"
    assert read_markup('<div class="moz-forward-container">', "1")[0].style == "forward-marker"
    assert read_markup("<p>x</p>", "1") == ()


def test_markup_counts_in_tags_and_not_in_the_words_of_a_text() -> None:
    """A mail that talks about quotes of a mail program is none; a comment or a wrapped tag still tells."""

    def signals(markup: str) -> list[str]:
        raw = b"Content-Type: text/html\r\n\r\n" + markup.encode()
        return [quote.signal for quote in read_structure(raw, Limits()).quotes]

    assert signals('<p>Im Quelltext steht class="gmail_quote" und type="cite".</p>') == []
    assert signals('<p>x</p><DIV\r\nclass="gmail_quote">y</div>') == ["gmail-quote"]
    assert signals('<p>x</p><!-- <div class="gmail_quote"> --><p>y</p>') == ["gmail-quote"]
    assert signals('<p>1 < 2 </p><blockquote type="cite">y</blockquote>') == ["cite"]
    assert signals('<b type="cite">x</b><style>p{}</style><i class="gmail_quote">y</i>') == ["cite", "gmail-quote"]


@given(st.text(alphabet="-–_*=>| :\uff1aaVWon\n\ufeff", max_size=60))
def test_no_interesting_line_is_left_out(text: str) -> None:
    """The first look may let lines in vain through, never leave one out."""
    raw = text.splitlines()
    assert {at for at, line in enumerate(raw) if _interesting(line)} <= set(_promising(raw, text))


def test_addresses_are_found_in_any_wrapping() -> None:
    """Angle brackets, mailto and lists; each once, in lower case."""
    assert addresses("K <K@X.example>; [mailto:a@y.example], k@x.example b@z.example.") == (
        "k@x.example",
        "a@y.example",
        "b@z.example",
    )
