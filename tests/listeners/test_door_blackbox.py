# SPDX-License-Identifier: Apache-2.0
"""The SMTP door from outside, octet by octet: who may relay, what is refused and how, what is passed on exactly."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.peers.product import Product
from tests.peers.sink import Sink
from tests.peers.wire import Gone, Wire, stuffed

if TYPE_CHECKING:
    from tests.peers.sink import Delivery

ANNA, PARTNER = b"anna@corp.example", b"einkauf@partner.example"
MAIL = b"From: <anna@corp.example>\r\nSubject: Re: door\r\n\r\nhello\r\n"
SIZE_LIMIT = 2_000_000
RECIPIENT_LIMIT = 20
ERROR_LIMIT = 30
LIMITS = f"""\
[limits]
message_octets = {SIZE_LIMIT}
recipients = {RECIPIENT_LIMIT}
errors_per_session = {ERROR_LIMIT}
"""


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    with Sink(tmp_path_factory.mktemp("sink") / "journal") as server:
        yield server


@pytest.fixture(scope="module")
def product(sink: Sink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    settings = {
        "allowed_clients": '["127.0.0.1/32", "127.0.0.3/32"]',
        "workers": "1",
    }
    directory = tmp_path_factory.mktemp("door")
    with Product(directory, next_hop=sink.port, settings=settings, tables=LIMITS) as hop:
        yield hop


@pytest.fixture
def wire(product: Product) -> Iterator[Wire]:
    with Wire(product.port) as connection:
        connection.greet()
        yield connection


def to(sink: Sink, recipient: bytes) -> list[Delivery]:
    """What arrived for one recipient."""
    return [each for each in sink.deliveries() if recipient in each.recipients]


# -- who may relay -------------------------------------------------------------------------------

RELAY_FORMS = [
    b"victim@elsewhere.example", b"victim%elsewhere.example@corp.example", b"elsewhere.example!victim",
    b"elsewhere.example!victim@corp.example", b"@corp.example:victim@elsewhere.example",
    b"@corp.example,@partner.example:victim@elsewhere.example", b"victim@elsewhere.example@corp.example",
    b'"victim@elsewhere.example"', b'"victim@elsewhere.example"@corp.example', b'"victim%elsewhere.example"@corp.example',
    b"victim@[127.0.0.1]", b"victim%elsewhere.example@[127.0.0.1]", b"victim@localhost", b"victim",
    b"victim@elsewhere.example.", b"postmaster", b"anna@corp.example",
]  # fmt: skip
RELAY_SENDERS = [b"", b"spam@elsewhere.example", b"anna@corp.example", b"spam@localhost", b"spam@[127.0.0.2]", b"spam"]


@pytest.mark.parametrize("sender", RELAY_SENDERS, ids=lambda each: each.decode() or "null")
def test_a_stranger_relays_nothing(product: Product, sink: Sink, sender: bytes) -> None:
    """A client outside allowed_clients gets 5xx for every sender and every form of recipient, and nothing passes."""
    before = len(sink.deliveries())
    with Wire(product.port, source="127.0.0.2") as wire:
        try:
            wire.greet()
            for recipient in RELAY_FORMS[: ERROR_LIMIT // 3]:
                replies = wire.envelope(sender, recipient)
                assert [code // 100 for code, _ in replies] == [5, 5]
        except Gone:
            pass  # hanging up is a refusal too
    assert len(sink.deliveries()) == before


def test_a_stranger_is_refused_for_good(product: Product) -> None:
    """MAIL from a client that may not relay is 550 5.7.1: not our trouble, a decision."""
    with Wire(product.port, source="127.0.0.2") as wire:
        wire.greet()
        code, text = wire.ask(b"MAIL FROM:<anna@corp.example>")
    assert (code, text[:5]) == (550, "5.7.1")


HIDDEN_ROUTES = [
    b"victim%elsewhere.example@corp.example", b"elsewhere.example!victim@corp.example",
    b"@corp.example:victim@elsewhere.example", b"victim@elsewhere.example@corp.example",
    b'"victim@elsewhere.example"@corp.example', b'"victim%elsewhere.example"@corp.example',
    b"@victim@corp.example", b"", b"victim@", b"@corp.example", b"vic tim@corp.example", b".victim@corp.example",
    b"victim.@corp.example", b"vic..tim@corp.example", b"victim@corp..example", b"victim@-corp.example",
    b"victim@corp.example>, <other@corp.example", b"victim@corp.example\t", b"vic\x01tim@corp.example",
    b"v" * 65 + b"@corp.example", b"victim@" + b"d." * 130 + b"example", b"victim@corp_.example/x",
    b'"unclosed@corp.example', b"victim@[999.1]x", b"\xff\xfe@corp.example",
]  # fmt: skip


@pytest.mark.parametrize("path", HIDDEN_ROUTES, ids=[f"form{number}" for number in range(len(HIDDEN_ROUTES))])
def test_a_path_that_hides_its_destination_is_refused(product: Product, sink: Sink, path: bytes) -> None:
    """Percent, bang, source routes and malformed paths get 5xx; the session and its other recipients go on."""
    good = b"good%d@partner.example" % HIDDEN_ROUTES.index(path)
    with Wire(product.port) as wire:
        wire.greet()
        assert wire.ask(b"MAIL FROM:<%s>" % ANNA)[0] == 250
        code, text = wire.ask(b"RCPT TO:<%s>" % path)
        assert (code // 100, text[:2]) == (5, "5.")
        assert wire.ask(b"RCPT TO:<%s>" % good)[0] == 250
        assert wire.data(stuffed(MAIL))[0] == 250
    assert [row.recipients for row in to(sink, good)] == [(good,)]


def test_addresses_reach_the_next_hop_in_the_octets_they_came_in(wire: Wire, sink: Sink) -> None:
    """Case, quotes, a trailing dot, plus and literal: none is rewritten on the way."""
    paths = [b"Einkauf.GROSS@Partner.EXAMPLE", b'"odd local"@partner.example', b"a+tag@partner.example.",
             b"x@[192.0.2.1]", b"o'neill=x@partner.example"]  # fmt: skip
    assert [code for code, _ in wire.envelope(b"Anna.Berger+x@Corp.Example", *paths)] == [250] * 6
    assert wire.data(stuffed(MAIL))[0] == 250
    row = to(sink, paths[0])[-1]
    assert (row.sender, row.recipients) == (b"Anna.Berger+x@Corp.Example", tuple(paths))


def test_the_null_sender_is_taken(wire: Wire, sink: Sink) -> None:
    """A bounce (MAIL FROM:<>) to a partner is relayed with the null sender."""
    assert wire.mail(b"", b"null@partner.example", MAIL)[0] == 250
    assert [row.sender for row in to(sink, b"null@partner.example")] == [b""]


# -- order and syntax of commands ----------------------------------------------------------------


def test_commands_out_of_order_are_503_or_554_and_change_nothing(product: Product) -> None:
    """MAIL before EHLO, RCPT before MAIL, DATA without recipients, MAIL in a transaction: refused, in step."""
    with Wire(product.port) as wire:
        assert wire.reply()[0] == 220
        assert wire.ask(b"MAIL FROM:<a@corp.example>")[0] == 503
        assert wire.ask(b"HELO")[0] == 501
        assert wire.ask(b"EHLO x")[0] == 250
        assert wire.ask(b"RCPT TO:<x@partner.example>")[0] == 503
        assert wire.ask(b"DATA")[0] == 503
        assert wire.ask(b"MAIL FROM:<a@corp.example>")[0] == 250
        assert wire.ask(b"MAIL FROM:<b@corp.example>")[0] == 503
        assert wire.ask(b"DATA")[0] in (503, 554)
        assert wire.ask(b"RSET")[0] == 250
        assert wire.ask(b"RCPT TO:<x@partner.example>")[0] == 503
        assert wire.ask(b"VRFY anna")[0] == 252
        assert wire.ask(b"NOOP whatever")[0] == 250
        for command in (
            b"EXPN staff",
            b"BDAT 5 LAST",
            b"ETRN x",
            b"AUTH PLAIN",
            b"XCLIENT NAME=x",
            b"FOO",
            b"GET / HTTP/1.1",
        ):
            assert wire.ask(command)[0] in (500, 502), command
        assert wire.ask(b"QUIT")[0] == 221
        assert wire.closed()


@pytest.mark.parametrize("octets", [
    b"NOOP\n", b"NOOP\r", b"NO\rOP\r\n", b"NOOP\0\r\n", b"\0\r\n", b"MAIL FROM:<a\0@corp.example>\r\n",
    b"MAIL FROM:<a\nRCPT TO:<x@y.example>@corp.example>\r\n", b"MAIL FROM:<a\r@corp.example>\r\n", b"NOOP\n\r\n",
], ids=repr)  # fmt: skip
def test_a_bare_line_end_or_nul_in_a_command_ends_the_session(product: Product, octets: bytes) -> None:
    """Where two servers could disagree about where a command ends, we say 5xx once and hang up."""
    with Wire(product.port, seconds=5) as wire:
        wire.greet()
        wire.send(octets + b"NOOP after\r\n")
        code, text = wire.reply()
        assert (code // 100, text[:5]) == (5, "5.5.2")
        assert wire.closed()


def test_a_command_of_five_thousand_octets_is_refused(product: Product) -> None:
    """A command line beyond 4096 octets is 500 5.5.2 and the end; one below it is answered."""
    with Wire(product.port) as wire:
        wire.greet()
        assert wire.ask(b"NOOP " + b"x" * 3900)[0] == 250
        code, text = wire.ask(b"NOOP " + b"x" * 5000)
        assert (code, text[:5]) == (500, "5.5.2")
        assert wire.closed()


def test_a_line_without_an_end_is_refused_before_it_fills_memory(product: Product) -> None:
    """Megabytes without CRLF in command state end in 500 and a closed connection, not in memory."""
    with Wire(product.port) as wire:
        wire.greet()
        wire.socket.settimeout(5)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                wire.send(b"x" * 65536)
        with contextlib.suppress(ConnectionError):
            assert wire.reply()[0] == 500
            assert wire.closed()
    largest = max(product.gate_octets().values())
    assert largest < 200 * 1024 * 1024


def test_too_many_errors_end_with_421(product: Product) -> None:
    """After errors_per_session errors the session ends with 421: a temporary refusal."""
    codes = []
    with Wire(product.port) as wire:
        wire.greet()
        wire.send(b"FOO\r\n" * (ERROR_LIMIT + 5))
        with contextlib.suppress(Gone):
            while True:
                codes.append(wire.reply()[0])
    assert codes == [500] * ERROR_LIMIT + [421]


# -- parameters ----------------------------------------------------------------------------------


def test_ehlo_offers_what_the_next_hop_offers_and_we_forward(product: Product) -> None:
    """The offer is exactly the list of design.md section 3; nothing the next hop lacks, no CHUNKING, no AUTH."""
    with Wire(product.port, source="127.0.0.3") as wire:
        lines = wire.greet().splitlines()[1:]
    keywords = {line.split()[0] for line in lines}
    assert keywords == {"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"}
    assert f"SIZE {SIZE_LIMIT}" in lines


def test_dsn_parameters_reach_the_next_hop_exactly_and_per_recipient(wire: Wire, sink: Sink) -> None:
    """RET, ENVID, NOTIFY and ORCPT keep their case and belong to the recipient they came with (RFC 3461)."""
    first, second, third = b"dsn1@partner.example", b"dsn2@partner.example", b"dsn3@partner.example"
    assert wire.ask(b"MAIL FROM:<%s> BODY=8BITMIME RET=hdrs ENVID=QQ314159+2Bx" % ANNA)[0] == 250
    orcpt = b"NOTIFY=success,FAILURE,Delay ORCPT=rfc822;Einkauf+40Alt.GROSS@Partner.example"
    assert wire.ask(b"RCPT TO:<%s> %s" % (first, orcpt))[0] == 250
    assert wire.ask(b"RCPT TO:<%s> notify=NEVER" % second)[0] == 250
    assert wire.ask(b"RCPT TO:<%s>" % third)[0] == 250
    assert wire.data(stuffed(MAIL))[0] == 250
    row = to(sink, first)[0]
    assert set(row.sender_parameters) == {b"BODY=8BITMIME", b"RET=hdrs", b"ENVID=QQ314159+2Bx"}
    assert [set(each) for each in row.recipient_parameters] == [set(orcpt.split()), {b"NOTIFY=NEVER"}, set()]


@pytest.mark.parametrize("parameters", [
    b"AUTH=<>", b"AUTH=anna@corp.example", b"XYZZY=1", b"XYZZY", b"MT-PRIORITY=3", b"SIZE=100 AUTH=<>", b"TRANSID=<x@y>",
], ids=bytes.decode)  # fmt: skip
def test_a_harmless_parameter_never_bounces_a_mail(product: Product, sink: Sink, parameters: bytes) -> None:
    """AUTH=<> and parameters nobody knows are taken and left out where the next hop does not offer them."""
    recipient = b"parameter.%d@partner.example" % random.randrange(10**9)
    with Wire(product.port) as wire:
        wire.greet()
        assert wire.ask(b"MAIL FROM:<%s> %s" % (ANNA, parameters))[0] == 250
        assert wire.ask(b"RCPT TO:<%s> XYZZY=2" % recipient)[0] == 250
        assert wire.data(stuffed(MAIL))[0] == 250
    row = to(sink, recipient)[0]
    assert set(row.sender_parameters) <= {b"SIZE=100"}
    assert row.recipient_parameters == ((),)


def test_addresses_beyond_ascii_need_smtputf8(product: Product, sink: Sink) -> None:
    """Without SMTPUTF8 an address beyond ASCII is 553 5.6.7; with it the octets reach the next hop."""
    recipient = "größe@partner.example".encode()
    with Wire(product.port) as wire:
        wire.greet()
        assert wire.ask(b"MAIL FROM:<%s>" % ANNA)[0] == 250
        code, text = wire.ask(b"RCPT TO:<%s>" % recipient)
        assert (code, text[:5]) == (553, "5.6.7")
        assert wire.ask(b"RSET")[0] == 250
        assert wire.ask(b"MAIL FROM:<%s> SMTPUTF8" % ANNA)[0] == 250
        assert wire.ask(b"RCPT TO:<%s>" % recipient)[0] == 250
        assert wire.data(stuffed(MAIL))[0] == 250
    assert b"SMTPUTF8" in to(sink, recipient)[0].sender_parameters


# -- sizes and counts ----------------------------------------------------------------------------


def test_a_mail_too_big_is_552_at_mail_and_after_data(product: Product, sink: Sink) -> None:
    """SIZE= beyond the limit is refused at MAIL, a mail that turns out too big after its end; both 552 5.3.4."""
    with Wire(product.port) as wire:
        wire.greet()
        code, text = wire.ask(b"MAIL FROM:<%s> SIZE=%d" % (ANNA, SIZE_LIMIT + 1))
        assert (code, text[:5]) == (552, "5.3.4")
        assert wire.ask(b"MAIL FROM:<%s> SIZE=99999999999999999999999" % ANNA)[0] // 100 in (2, 5)
        wire.ask(b"RSET")
        line = b"x" * 998 + b"\r\n"
        code, text = wire.mail(ANNA, b"big@partner.example", MAIL + line * (SIZE_LIMIT // 1000 + 1))
        assert (code, text[:5]) == (552, "5.3.4")
        assert wire.mail(ANNA, b"small@partner.example", MAIL)[0] == 250
    assert to(sink, b"big@partner.example") == []
    assert len(to(sink, b"small@partner.example")) == 1


def test_a_mail_of_exactly_the_limit_passes(wire: Wire, sink: Sink) -> None:
    """The limit counts the mail as it was before dot-stuffing, to the octet."""
    mail = MAIL + b".\r\n" * 1000
    mail += b"y" * (SIZE_LIMIT - len(mail) - 2) + b"\r\n"
    assert len(mail) == SIZE_LIMIT
    assert wire.mail(ANNA, b"exact@partner.example", mail)[0] == 250
    assert to(sink, b"exact@partner.example")[0].message.endswith(mail)
    assert wire.mail(ANNA, b"exact1@partner.example", mail + b"\r\n")[0] == 552


def test_recipients_over_the_limit_are_452_and_the_others_served(wire: Wire, sink: Sink) -> None:
    """The recipient after the last one allowed is 452 4.5.3: the sender splits, nobody bounces."""
    recipients = [b"many%02d@partner.example" % number for number in range(RECIPIENT_LIMIT + 3)]
    replies = wire.envelope(ANNA, *recipients)[1:]
    assert [code for code, _ in replies] == [250] * RECIPIENT_LIMIT + [452] * 3
    assert all(text.startswith("4.5.3") for code, text in replies if code == 452)
    assert wire.data(stuffed(MAIL))[0] == 250
    assert to(sink, recipients[0])[0].recipients == tuple(recipients[:RECIPIENT_LIMIT])


# -- pipelining ----------------------------------------------------------------------------------


def test_two_whole_mails_in_one_write_are_two_mails(product: Product, sink: Sink) -> None:
    """Commands, mail, commands, mail, QUIT in one segment: replies in order, each mail once (RFC 2920)."""
    one, two = b"pipe1@partner.example", b"pipe2@partner.example"
    with Wire(product.port) as wire:
        wire.greet()
        wire.send(b"".join(
            b"MAIL FROM:<%s>\r\nRCPT TO:<bad%%x@y.example>\r\nRCPT TO:<%s>\r\nDATA\r\n%s.\r\n" % (ANNA, each, stuffed(MAIL))
            for each in (one, two)
        ) + b"QUIT\r\n")  # fmt: skip
        codes = [wire.reply()[0] for _ in range(11)]
    assert codes == [250, 553, 250, 354, 250] * 2 + [221]
    assert (len(to(sink, one)), len(to(sink, two))) == (1, 1)


def test_commands_one_octet_at_a_time(product: Product, sink: Sink) -> None:
    """TCP may cut anywhere: a session sent octet by octet is the same session."""
    recipient = b"slow@partner.example"
    whole = b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n%s.\r\n" % (ANNA, recipient, stuffed(MAIL))
    with Wire(product.port) as wire:
        wire.greet()
        wire.send_parts((whole[at : at + 1] for at in range(len(whole))), pause=0.001)
        assert [wire.reply()[0] for _ in range(4)] == [250, 250, 354, 250]
    assert to(sink, recipient)[0].message.endswith(MAIL)
