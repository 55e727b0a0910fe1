# SPDX-License-Identifier: Apache-2.0
"""What passes is what came (design invariant 5): the received octets behind one Received field, nothing else.

Real mails of ../shared/corpora go to a sink on loopback; no test prints any of their content.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.inject import Client
from tests.peers.product import Product, wait_for_deliveries
from tests.peers.sink import Delivery, SinkProcess

CORPUS = Path(os.environ.get("DLPMILTER_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))
LANES = 8
NO_MAIL = frozenset({".md", ".key", ".pem", ".png", ".json", ".yml", ".xml", ".dns", ".rsa"})
_LINE_END = re.compile(rb"\r\n|\r|\n")
_TRACE = re.compile(rb"Received: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", re.IGNORECASE)
_HEAD = b"From: Anna <anna@corp.example>\r\nTo: einkauf@partner.example\r\nSubject: Re: Bytes\r\n"


def own_mails() -> dict[str, bytes]:
    """Our own small set: what relays are known to break."""
    text = _HEAD + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return {
        "plain": text + b"Guten Tag\r\n",
        "line-10-kb": text + b"x" * 10_240 + b"\r\nafter\r\n",
        "line-1-mb-without-end": text + b"y" * 1_048_576,
        "eight-bit": text + "Grüße, 日本語, \U0001f4e8\r\n".encode() + bytes(range(0x80, 0x100)) + b"\r\n",
        "control-octets": text + bytes(each for each in range(1, 0x20) if each not in b"\r\n") + b"\x7f\r\n",
        "dot-lines": text + b".\r\n..\r\n...\r\n.x\r\n. \r\n\r\n.\r\n",
        "dot-first": b".hidden: x\r\n" + text + b"x\r\n",
        "dot-at-the-end": text + b"x\r\n.",
        "no-final-line-end": text + b"last line without an end",
        "empty-body": _HEAD + b"\r\n",
        "header-only": _HEAD,
        "body-only": b"\r\nno header at all\r\n",
        "one-empty-line": b"\r\n",
        "trailing-blanks": text + b"blank \r\ntab\t\r\n   \r\n\t\r\n" + b"\r\n" * 20,
        "leading-empty-lines": text + b"\r\n\r\n\r\nx\r\n",
        "folded-oddly": b"Subject: a\r\n \r\n\tb\r\n   c\r\nX-Empty:\r\nX-Blank: \t \r\n" + text + b"x\r\n",
        "header-case-and-blanks": b"sUBJECT : odd\r\nX-A:no blank\r\nX-B:   three\r\n" + text + b"x\r\n",
        "eight-bit-header": "Subject: Grüße\r\n".encode("latin-1") + text + b"x\r\n",
        "long-header": b"X-Long: " + b"h" * 5000 + b"\r\n" + text + b"x\r\n",
        "not-a-header-line": b"this is no header field\r\n" + text + b"x\r\n",
        "mime-in-pieces": _HEAD
        + b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\none\r\n--a\r\n\r\ntwo\r\n",
        "signed-s-mime": _HEAD
        + b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=s\r\n\r\n--s\r\n'
        b"Content-Type: text/plain\r\n\r\nsigned text \r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\n"
        b"MIIB\r\n--s--\r\n",
        "one-megabyte": text + b"".join(b"%07d %s\r\n" % (number, b"z" * 68) for number in range(13_000)),
        "block-boundary": text + b"b" * (65_536 - len(text) - 3) + b"\r\n.\r\nafter the block\r\n",
        "spilled-at-a-dot": text + b"c" * (262_144 - len(text) - 2) + b"\r\n.dot after the spill\r\n",
    }


def normalised(raw: bytes) -> bytes:
    """The mail as SMTP can carry it: CRLF everywhere, also at the end; an mbox separator is no part of a mail."""
    if raw.startswith(b"From ") and b"\n" in raw:
        raw = raw.split(b"\n", 1)[1]
    mail = _LINE_END.sub(b"\r\n", raw)
    return mail if mail.endswith(b"\r\n") else mail + b"\r\n"


def corpus_mails() -> Iterator[tuple[str, bytes]]:
    """Every mail of corpora/mail-*: name without content, and normalised octets."""
    for file in sorted(CORPUS.glob("mail-*/data/**/*")):
        if file.is_file() and file.suffix.lower() not in NO_MAIL and file.stat().st_size:
            yield str(file.relative_to(CORPUS)), normalised(file.read_bytes())


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SinkProcess]:
    with SinkProcess(tmp_path_factory.mktemp("sink") / "journal") as server:
        yield server


@pytest.fixture(scope="module")
def product(sink: SinkProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("bytes"), next_hop=sink.port) as hop:
        yield hop


async def send_all(port: int, mails: list[bytes], tag: str) -> list[tuple[int, str]]:
    """Send each mail to a colleague of its own, on a few connections; replies in order.

    A colleague, because a mail from outside that leaves again under our sender is an auto-forward.
    """
    replies: list[tuple[int, str]] = [(0, "not sent")] * len(mails)
    waiting = iter(enumerate(mails))

    async def lane() -> None:
        client: Client | None = None
        for number, mail in waiting:
            if client is None:
                client = await Client(port).__aenter__()
            recipient = b"%s.%05d@corp.example" % (tag.encode(), number)
            _, end = await client.send(b"anna@corp.example", [recipient], mail, mail=b"BODY=8BITMIME")
            replies[number] = end.code, end.text
            if end.code >= 400:  # a refused mail may end the session
                await client.__aexit__()
                client = None
        if client is not None:
            await client.__aexit__()

    await asyncio.gather(*(lane() for _ in range(LANES)))
    return replies


def arrived(sink: SinkProcess, tag: str) -> dict[int, list[Delivery]]:
    """Deliveries by number of the mail."""
    found: dict[int, list[Delivery]] = {}
    start = tag.encode() + b"."
    for each in sink.deliveries():
        for path in each.recipients:
            if path.startswith(start):
                found.setdefault(int(path[len(start) : len(start) + 5]), []).append(each)
    return found


def difference(sent: bytes, delivery: Delivery) -> str:
    """Empty when the mail is the sent one behind one Received field; else where it differs, never what."""
    got = delivery.message
    if got.endswith(sent):
        front = got[: len(got) - len(sent)]
        return "" if _TRACE.fullmatch(front) else f"{len(front)} octets in front that are not one Received field"
    trace = _TRACE.match(got)
    rest = got[trace.end() :] if trace else got
    at = next(
        (i for i, (one, two) in enumerate(zip(rest, sent, strict=False)) if one != two), min(len(rest), len(sent))
    )
    return f"{len(rest)} octets instead of {len(sent)}, the first difference at {at}"


def test_our_own_odd_mails_arrive_octet_for_octet(product: Product, sink: SinkProcess) -> None:
    """Long lines, dots, 8-bit, missing line ends, missing headers: each arrives as sent behind one Received field."""
    names, mails = zip(*own_mails().items(), strict=True)
    sent = [mail if mail.endswith(b"\r\n") else mail + b"\r\n" for mail in mails]
    replies = asyncio.run(send_all(product.port, sent, "own"))
    assert {name: reply for name, reply in zip(names, replies, strict=True) if reply[0] != 250} == {}
    got = arrived(sink, "own")
    wrong = {name: difference(sent[number], got[number][0]) for number, name in enumerate(names)}
    assert {name: text for name, text in wrong.items() if text} == {}
    assert [len(got[number]) for number in range(len(names))] == [1] * len(names)


def test_an_empty_mail_arrives_empty(product: Product, sink: SinkProcess) -> None:
    """A mail of no octets at all is relayed as our Received field and nothing else."""
    assert asyncio.run(send_all(product.port, [b""], "nothing"))[0][0] == 250
    message = arrived(sink, "nothing")[0][0].message
    trace = _TRACE.match(message)
    assert trace is not None
    assert message[trace.end() :] in (b"", b"\r\n")


def test_every_relayed_mail_of_the_corpora_arrives_octet_for_octet(product: Product, sink: SinkProcess) -> None:
    """Thousands of real and malformed mails: relayed unchanged, or refused for NUL or a loop, or held; none lost."""
    named = list(corpus_mails())
    if not named:
        pytest.skip("the corpora are not beside the project (../shared/corpora)")
    replies = asyncio.run(send_all(product.port, [mail for _, mail in named], "corpus"))
    got = arrived(sink, "corpus")
    held = {each.recipient.encode() for each in product.held()}
    counts = {"relayed": 0, "held": 0, "NUL": 0, "loop": 0}
    wrong: list[str] = []
    for number, ((name, mail), (code, text)) in enumerate(zip(named, replies, strict=True)):
        copies = got.get(number, [])
        if b"\0" in mail:
            counts["NUL"] += 1
            wrong += [f"{name}: NUL answered {code} {text}"] * ((code, text[:5]) != (550, "5.5.2") or bool(copies))
        elif code == 554 and text.startswith("5.4.6"):
            counts["loop"] += 1
            few = len(re.findall(rb"(?im)^received:", mail)) < 50
            wrong += [f"{name}: called a loop, and it is none"] * (few or bool(copies))
        elif b"corpus.%05d@corp.example" % number in held:
            counts["held"] += 1
            wrong += [f"{name}: held and delivered"] * bool(copies)
        elif code != 250 or len(copies) != 1:
            wrong.append(f"{name}: answered {code} {text}, {len(copies)} copies arrived")
        else:
            counts["relayed"] += 1
            if reason := difference(mail, copies[0]):
                wrong.append(f"{name}: {reason}")
    print(f"corpora: {len(named)} mails, {counts}")
    assert wrong == []
    assert counts["relayed"] > 3000
    assert counts["held"] < len(named) / 100


def test_the_comparison_sees_a_single_octet(tmp_path: Path) -> None:
    """A blank lost at a line end, a changed case, a second trace field: the comparison reports each."""
    sent = b"Subject: x \r\n\r\nbody \r\n"
    trace = b"Received: from a\r\n\tby b; now\r\n"
    journal = tmp_path / "journal"

    def delivery(message: bytes) -> Delivery:
        journal.write_bytes(message)
        return Delivery(0, 1, b"", (), (), (), journal, 0, len(message))

    assert difference(sent, delivery(trace + sent)) == ""
    for broken in (sent, trace + sent.replace(b"x \r\n", b"x\r\n"), trace + sent[:-1], trace + sent + b"\r\n"):
        assert difference(sent, delivery(broken))
    assert difference(sent, delivery(trace + b"X-More: 1\r\n" + sent))
    assert difference(sent, delivery(trace + sent.replace(b"Subject", b"subject")))


def test_the_wire_mail_reaches_every_recipient_in_one_copy(product: Product, sink: SinkProcess) -> None:
    """Five recipients that relay are one transaction with the same octets at the next hop, not five."""
    mail = own_mails()["dot-lines"]
    recipients = [b"all.%05d@partner.example" % number for number in range(5)]

    async def send() -> int:
        async with Client(product.port) as client:
            return (await client.send(b"anna@corp.example", recipients, mail))[1].code

    assert asyncio.run(send()) == 250
    rows = wait_for_deliveries(lambda: [one for one in sink.deliveries() if recipients[0] in one.recipients], 1)
    assert [row.recipients for row in rows] == [tuple(recipients)]
    assert difference(mail, rows[0]) == ""
