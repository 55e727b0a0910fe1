# SPDX-License-Identifier: Apache-2.0
"""MAIL, RCPT and XFORWARD arguments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.listeners.syntax import declared_size, parse_path_argument, parse_xforward
from dlpmilter.model.errors import PermanentFailure


def test_dsn_parameters_keep_their_case_and_order() -> None:
    """RFC 3461 values are case-exact: they come out as they went in."""
    path = parse_path_argument(
        b"FROM:<a@b.c> RET=hdrs ENVID=QQ+2B12aB size=1000 BODY=8BITMIME", b"FROM:", allow_null=True
    )

    assert path.parameters == (("RET", b"hdrs"), ("ENVID", b"QQ+2B12aB"), ("SIZE", b"1000"), ("BODY", b"8BITMIME"))
    assert declared_size(path) == 1000


@pytest.mark.parametrize(
    "text", [b"FROM:<> AUTH=<>", b"from: <a@b.c> XSHADOW=1 X-ODD-ONE", b"FROM:<a@b.c> MT-PRIORITY=3"]
)
def test_harmless_parameters_are_taken(text: bytes) -> None:
    """A parameter we do not know never bounces a user's mail."""
    parse_path_argument(text, b"FROM:", allow_null=True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"FROM:a@b.c", 501), (b"FROM", 501), (b"TO:<a@b.c>", 501), (b"FROM:<a@b.c>x", 501), (b"FROM:<a@b.c> =x", 501),
        (b"FROM:<a@b.c> REQUIRETLS", 555), (b"FROM:<a@b.c> BODY=BINARYMIME", 555), (b"FROM:<a@b@c>", 553),
        (b"FROM:<a%x@b.c>", 553), (b"FROM:<@x,@y:a@b.c>", 553),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_as_promised_is_refused(text: bytes, code: int) -> None:
    """Broken syntax is 501, an unkeepable promise 555, a routing trick 553."""
    with pytest.raises(PermanentFailure) as refusal:
        parse_path_argument(text, b"FROM:", allow_null=True)

    assert refusal.value.code == code


def test_xforward_values_are_decoded_and_unavailable_ones_left_out() -> None:
    """Xtext is undone, [UNAVAILABLE] is no value, IPV6: is no part of the address."""
    values = parse_xforward(b"NAME=spike.example ADDR=IPV6:2001:db8::1 HELO=[UNAVAILABLE] LOGIN=anna+40example.com")

    assert values == {"NAME": "spike.example", "ADDR": "2001:db8::1", "LOGIN": "anna@example.com"}


@pytest.mark.parametrize("text", [b"NAME", b"COLOUR=red", b"HELO=a+0D+0Ab", b"NAME=" + b"x" * 300])
def test_a_crooked_xforward_is_refused(text: bytes) -> None:
    """Unknown names, control characters and giants are 501."""
    with pytest.raises(PermanentFailure):
        parse_xforward(text)


@given(st.binary(max_size=400))
def test_no_bytes_break_the_argument_parsers(text: bytes) -> None:
    """Any bytes are parsed or refused, nothing else."""
    for parse in (
        lambda: parse_path_argument(b"FROM:" + text, b"FROM:", allow_null=True),
        lambda: parse_xforward(text),
    ):
        try:
            parse()
        except PermanentFailure:
            continue
