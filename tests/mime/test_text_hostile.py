# SPDX-License-Identifier: Apache-2.0
"""Two megabytes of HTML and text made to hurt are read in linear time, and what people see stays seen."""

from __future__ import annotations

import time

import pytest

from dlpmilter.mime.quoted import read_markup, read_quotes
from dlpmilter.mime.text import html_text
from dlpmilter.mime.written_above import own_words

SIZE = 2_000_000
HOSTILE = (
    "<!--", "<", "<a ", "<style>", "<style></style>", "<div>", "<!--x-->", "<a<!--", "<head>x</heax", "<title ", "<td", "<a" * 10 + ">",
    "<p title='<!--'>", "&amp", "</", "<!", "<?x", "<script></scrip>", "> ", "Von: x\n", "Von:\n\n", "On 1 wrote:\n", "---- x ----\n", "-" * 50,
    "mfg " * 20 + "\n", "fyi \n", "\n", ":\n", "a@b;", "Von: " + "a@b.de;" * 30 + "\n",
)  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_size_only(piece: str) -> None:
    """Stripping, reading quotes and judging what stands above take a bounded time of CPU at 2 MB."""
    text = piece * (SIZE // len(piece))
    start = time.process_time()
    read_markup(text, "1")
    read_quotes(html_text(text), "1")
    read_quotes(text + "\nVon: a@b.de\nAn: c@d.de\nBetreff: x\n", "1")
    own_words(text.splitlines())
    assert time.process_time() - start < 15  # quadratic would take minutes


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>a</p>b", "\na\nb"), ("a<!-- x -->b", "ab"), ("a<!-- x", "a x"), ("<style>x</style>a", "a"), ("<STYLE>x</STYLE >a", "a"),
        ("<style>a", "a"), ("a < b > c", "a < b > c"), ("<header>a</header>", "\na\n"), ("<a title='<!--'>a</a>", "a"), ("a<b", "a"),
        ("<td>a</td><th>b", "\ta\t\tb"), ("a\r\n  b", "a b"), ("a&nbsp;&lt;b&gt;", "a <b>"), ("<o:p>a</o:p>", "a"), ("<br>a<hr/>b", "\na\nb"),
        ("<!doctype html>a<?xml x?>b", "ab"), ("<pre>a</pre>", "\na\n"), ("<premium>a", "a"), ("", ""),
    ],
)  # fmt: skip
def test_what_is_seen_stays(markup: str, text: str) -> None:
    """Block elements break lines, cells make tabs, comments, styles and tags vanish, text stays."""
    assert html_text(markup) == text
