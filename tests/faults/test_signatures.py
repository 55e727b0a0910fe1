# SPDX-License-Identifier: Apache-2.0
"""DKIM signatures of others survive us: relayed, and held, approved and released (design invariant 5)."""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.peers.inject import FORWARDED, Client, message
from tests.peers.product import Product, wait_for_deliveries
from tests.peers.sink import Delivery, SinkProcess

CORPUS = Path(os.environ.get("DLPMILTER_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))
Zone = dict[bytes, bytes]
KINDS = (b"simple/simple", b"simple/relaxed", b"relaxed/simple", b"relaxed/relaxed")


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SinkProcess]:
    with SinkProcess(tmp_path_factory.mktemp("sink") / "journal") as server:
        yield server


@pytest.fixture(scope="module")
def product(sink: SinkProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("signatures"), next_hop=sink.port) as hop:
        yield hop


@pytest.fixture(scope="module")
def key() -> tuple[bytes, Zone]:
    """A fresh RSA key in PEM, and the zone that publishes it."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem, {b"test._domainkey.corp.example.": b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)}


def _lookup(zone: Zone) -> Callable[..., bytes | None]:
    def look(name: bytes, timeout: int = 5) -> bytes | None:
        return zone.get(name.rstrip(b".") + b".")

    return look


def verdicts(mail: bytes, zone: Zone) -> list[bool]:
    """For each DKIM-Signature field whether it verifies; a signature nobody can read is False."""
    found = []
    try:
        verifier = dkim.DKIM(mail)
    except dkim.MessageFormatError:
        return []
    for number in range(len(re.findall(rb"(?im)^dkim-signature[ \t]*:", mail))):
        try:
            found.append(bool(verifier.verify(idx=number, dnsfunc=_lookup(zone))))
        except (dkim.DKIMException, dkim.DnsTimeoutError, ValueError, ImportError, AttributeError, KeyError):
            found.append(False)
    return found


def vectors() -> list[tuple[str, bytes, Zone]]:
    """Signed mails of the corpora with the keys that are written beside them."""
    found: list[tuple[str, bytes, Zone]] = []
    zone: Zone = {}
    for file in sorted(CORPUS.glob("mail-stalwart-auth/data/dkim/*.txt")):
        lines, mail = _crlf(file.read_bytes()).split(b"\r\n\r\n", 1)  # the keys, an empty line, the mail
        words = (line.partition(b" ") for line in lines.split(b"\r\n"))
        records = {name.rstrip(b".") + b".": value.strip() for name, _, value in words}
        zone.update(records)
        found.append((file.name, mail, records))
    exim = CORPUS / "mail-dkimpy" / "data" / "eximtest.dns"
    if exim.exists():
        zone[b"sed._domainkey.test.ex."] = exim.read_bytes().strip()
    for file in sorted(CORPUS.glob("mail-dkimpy/data/*")):
        raw = file.read_bytes()
        if re.search(rb"(?im)^dkim-signature:", raw):
            raw = raw.split(b"\n", 1)[1] if raw.startswith(b"From ") else raw
            found.append((file.name, _crlf(raw), zone))
    return found


def _crlf(raw: bytes) -> bytes:
    mail = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
    return mail if mail.endswith(b"\r\n") else mail + b"\r\n"


async def _send(port: int, sender: bytes, recipient: bytes, mail: bytes) -> tuple[int, str]:
    async with Client(port) as client:
        _, end = await client.send(sender, [recipient], mail)
        return end.code, end.text


def _delivery(sink: SinkProcess, recipient: bytes, seconds: float = 20) -> Delivery:
    rows = wait_for_deliveries(lambda: [one for one in sink.deliveries() if recipient in one.recipients], 1, seconds)
    assert len(rows) == 1
    delivery: Delivery = rows[0]
    return delivery


def test_vectors_verify_after_the_relay_as_before(product: Product, sink: SinkProcess) -> None:
    """Each DKIM vector of the corpora has the same verdicts, signature by signature, behind us as in front of us."""
    found = vectors()
    if not found:
        pytest.skip("the corpora are not beside the project (../shared/corpora)")
    good = 0
    for number, (name, mail, zone) in enumerate(found):
        before = verdicts(mail, zone)
        recipient = b"vector%d@corp.example" % number  # a colleague: no auto-forward to the outside
        code, _ = asyncio.run(_send(product.port, b"anna@corp.example", recipient, mail))
        assert code == 250, name
        assert verdicts(_delivery(sink, recipient).message, zone) == before, name
        good += any(before)
    assert good >= 3


@pytest.mark.parametrize("kind", KINDS, ids=[kind.decode().replace("/", "-") for kind in KINDS])
def test_a_mail_we_signed_ourselves_verifies_after_the_relay(
    product: Product, sink: SinkProcess, key: tuple[bytes, Zone], kind: bytes
) -> None:
    """Each canonicalisation, with an earlier Received field, odd blanks and dots, still verifies."""
    pem, zone = key
    recipient = b"signed.%s@partner.example" % kind.replace(b"/", b".")
    mail = _sign(_odd_mail(), pem, kind)
    assert verdicts(mail, zone) == [True]
    assert asyncio.run(_send(product.port, b"anna@corp.example", recipient, mail))[0] == 250
    assert verdicts(_delivery(sink, recipient).message, zone) == [True]


def _odd_mail() -> bytes:
    return (
        b"Received: from pc.corp.example by mail.corp.example; Sun, 22 Nov 2026 09:30:00 +0100\r\n"
        b"From: Anna Berger <anna@corp.example>\r\nTo:  einkauf@partner.example \r\nSubject: Re:  Angebot\r\n 4711\r\n"
        b"Date: Sun, 22 Nov 2026 09:30:00 +0100\r\n\r\nGuten Tag \r\n.\r\n..\r\n\tTab \r\n\r\n\r\n"
    )


def _sign(mail: bytes, pem: bytes, kind: bytes) -> bytes:
    head, body = (bytes(part) for part in kind.split(b"/"))
    covered = [b"from", b"to", b"subject", b"date"]
    field: bytes = dkim.sign(mail, b"test", b"corp.example", pem, canonicalize=(head, body), include_headers=covered)
    return field + mail


@pytest.mark.parametrize("kind", KINDS, ids=[kind.decode().replace("/", "-") for kind in KINDS])
def test_a_released_mail_verifies_as_before_the_hold(
    product: Product, sink: SinkProcess, key: tuple[bytes, Zone], kind: bytes
) -> None:
    """Held, justified, approved and released: the octets are those received, and the signature verifies."""
    pem, zone = key
    who = f"anna.{kind.decode().replace('/', '.')}"
    sender, own = f"{who}@corp.example".encode(), f"{who}@gmx.de".encode()
    plain = message(who, sender.decode(), [own.decode()], subject="WG: Angebot 4711", text=FORWARDED)
    mail = _sign(plain, pem, kind)
    code, text = asyncio.run(_send(product.port, sender, own, mail))
    assert (code, text[:5]) == (250, "2.0.0")
    case = next(each.case for each in product.held() if each.sender == sender.decode())
    assert not [one for one in sink.deliveries() if own in one.recipients]
    product.command("holds", "justify", case, "R1", "my own training certificate")
    product.command("holds", "approve", case, "--basis", "contract", "--checked")
    delivery = _delivery(sink, own, 30)
    assert delivery.sender == sender
    assert delivery.message.endswith(mail)
    trace = delivery.message[: -len(mail)]
    assert re.fullmatch(rb"(?:Received|X-DLP[A-Za-z-]*): [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", trace), trace
    assert verdicts(delivery.message, zone) == [True]
