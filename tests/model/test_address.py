# SPDX-License-Identifier: Apache-2.0
"""The path parser: strict, byte exact, never fooled about the domain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.model.address import NULL_SENDER, AddressError, parse_address, parse_mailbox

ACCEPTED = [
    (b"anna.berger@example.com", "anna.berger", "example.com"),
    (b"Anna.Berger@EXAMPLE.com", "Anna.Berger", "EXAMPLE.com"),
    (b"a@b", "a", "b"),
    (b"a+tag@b.c", "a+tag", "b.c"),
    (b"user+caf_=x=gmail.com@example.com", "user+caf_=x=gmail.com", "example.com"),
    (b"SRS0=abc=de=example.org=user@example.net", "SRS0=abc=de=example.org=user", "example.net"),
    (b'"anna berger"@example.com', '"anna berger"', "example.com"),
    (b'"a,b>c"@example.com', '"a,b>c"', "example.com"),
    (b"a@[192.0.2.1]", "a", "[192.0.2.1]"),
    (b"a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]"),
    (b"a@example.com.", "a", "example.com."),
    (b"a@under_score.example", "a", "under_score.example"),
    ("müller@gmx.de".encode(), "müller", "gmx.de"),
    ("a@müller.de".encode(), "a", "müller.de"),
    (b"Postmaster", "Postmaster", ""),
]
REFUSED = [
    b"a", b"@b.c", b"a@", b"a@b@c", b"a@gmail.com@corp.example", b"@corp.example:a@gmail.com",
    b"anna%gmx.de@partner.example", b"gmx.de!anna@partner.example", b"a b@c.d", b"a..b@c.d", b".a@b.c", b"a.@b.c",
    b"a@b c", b"a@-b.c", b"a@b..c", b"a\nRCPT TO:<x@y.z>@b.c", b"a\r@b.c", b"a\0@b.c", b"<a@b.c>", b"a@b.c>",
    b'"a\r\nb"@c.d', b'"unclosed@b.c', b"a@[nonsense]", b"a" * 65 + b"@b.c", b"a@" + b"b." * 130 + b"c",
    b"\xff\xfe@b.c", b"a(comment)@b.c", b'"a%b"@c.d',
]  # fmt: skip


@pytest.mark.parametrize(("raw", "local", "domain"), ACCEPTED)
def test_a_legal_path_is_read_and_kept_to_the_byte(raw: bytes, local: str, domain: str) -> None:
    """A legal path gives its two halves in the spelling received."""
    mailbox = parse_mailbox(raw)

    assert (mailbox.raw, mailbox.local, mailbox.domain) == (raw, local, domain)


@pytest.mark.parametrize("raw", REFUSED)
def test_a_path_that_hides_or_breaks_something_is_refused(raw: bytes) -> None:
    """Routing tricks, line ends and broken syntax raise AddressError with an enhanced code."""
    with pytest.raises(AddressError) as refusal:
        parse_mailbox(raw)

    assert refusal.value.enhanced.startswith("5.")


def test_the_null_path_is_for_senders_only() -> None:
    """`<>` is accepted where it is allowed and refused elsewhere."""
    assert parse_mailbox(b"", allow_null=True) is NULL_SENDER
    with pytest.raises(AddressError):
        parse_mailbox(b"")


def test_two_spellings_of_one_mailbox_compare_equal_by_key() -> None:
    """Case and a trailing dot make no other mailbox."""
    assert parse_address("Anna@GMX.de.").key == parse_address("<anna@gmx.DE>").key


@given(st.binary(max_size=300))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    """Any bytes are either a mailbox whose raw form is unchanged or an AddressError."""
    try:
        mailbox = parse_mailbox(raw)
    except AddressError:
        return
    assert mailbox.raw == raw
    assert not set(raw) & {0, 10, 13}
    assert raw.count(b"@") == 1 or raw.startswith(b'"') or not mailbox.domain
