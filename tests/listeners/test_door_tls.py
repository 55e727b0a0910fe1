# SPDX-License-Identifier: Apache-2.0
"""STARTTLS and XFORWARD from outside: nothing said in plain text survives the handshake, nobody claims to be another."""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.peers.processes import wait_for
from tests.peers.product import Product
from tests.peers.sink import Sink
from tests.peers.wire import Gone, Wire

if TYPE_CHECKING:
    from tests.peers.sink import Delivery

ANNA = b"anna@corp.example"
MAIL = b"From: <anna@corp.example>\r\nSubject: Re: door\r\n\r\nhello\r\n"


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate for localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = directory / "cert.pem", directory / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    with Sink(tmp_path_factory.mktemp("sink") / "journal") as server:
        yield server


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def product(sink: Sink, tls: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    settings = {
        "allowed_clients": '["127.0.0.1/32", "127.0.0.3/32"]',
        "xforward_clients": '["127.0.0.1/32"]',
        "workers": "1",
    }
    tables = f'[tls]\ncertificate = "{tls[0]}"\nkey = "{tls[1]}"\n'
    with Product(tmp_path_factory.mktemp("tls-door"), next_hop=sink.port, settings=settings, tables=tables) as hop:
        yield hop


@pytest.fixture
def context(tls: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(tls[0]))


def to(sink: Sink, recipient: bytes) -> list[Delivery]:
    """What arrived for one recipient."""
    return [each for each in sink.deliveries() if recipient in each.recipients]


def test_a_mail_over_starttls(product: Product, sink: Sink, context: ssl.SSLContext) -> None:
    """After the handshake the session starts anew, does not offer STARTTLS again, and relays a mail."""
    with Wire(product.port) as wire:
        wire.greet()
        wire.start_tls(context)
        assert wire.ask(b"MAIL FROM:<%s>" % ANNA)[0] == 503
        code, text = wire.ask(b"EHLO client.corp.example")
        assert code == 250
        assert "STARTTLS" not in text
        assert wire.ask(b"STARTTLS")[0] // 100 == 5
        assert wire.mail(ANNA, b"tls@partner.example", MAIL)[0] == 250
        assert wire.ask(b"QUIT")[0] == 221
    assert len(to(sink, b"tls@partner.example")) == 1


def test_plain_text_injected_behind_starttls_is_never_run(
    product: Product, sink: Sink, context: ssl.SSLContext
) -> None:
    """Commands in the same segment as STARTTLS are dropped, or the session is: no injected mail (CVE-2011-0411)."""
    evil = (
        b"EHLO evil\r\nMAIL FROM:<evil@corp.example>\r\nRCPT TO:<injected@partner.example>\r\nDATA\r\n"
        b"Subject: injected\r\n\r\nx\r\n.\r\n"
    )
    with Wire(product.port, seconds=5) as wire:
        wire.greet()
        try:
            wire.start_tls(context, injected=evil)
            code, text = wire.ask(b"RCPT TO:<probe@partner.example>")
            assert code == 503, text
            assert wire.ask(b"EHLO client.corp.example")[0] == 250
        except (Gone, OSError):
            pass  # ending the session is the strictest answer
    time.sleep(0.2)
    assert to(sink, b"injected@partner.example") == []


def test_a_broken_handshake_harms_nobody_else(product: Product) -> None:
    """Garbage instead of a TLS handshake ends that connection; the next one is served."""
    with Wire(product.port, seconds=5) as wire:
        wire.greet()
        assert wire.ask(b"STARTTLS")[0] == 220
        wire.send(b"this is no handshake\r\n" * 20)
        with contextlib.suppress(OSError):
            while wire.socket.recv(4096):
                pass  # an alert may come; what counts is that the end comes
    with Wire(product.port) as wire:
        wire.greet()
        assert wire.mail(ANNA, b"aftertls@partner.example", MAIL)[0] == 250


def test_a_broken_handshake_gives_its_place_back(product: Product) -> None:
    """A connection that failed in the handshake is counted out: it may not use up the places of a client."""

    def open_now() -> float:
        return product.metrics().get("dlpmilter_connections", 0.0)

    before = open_now()
    for _ in range(5):
        with Wire(product.port, seconds=5) as wire:
            wire.greet()
            wire.ask(b"STARTTLS")
            wire.send(b"this is no handshake\r\n" * 20)
    wait_for(lambda: open_now() <= before, 5, "the connections with broken handshakes to be counted out")


def test_xforward_is_for_listed_peers_only(product: Product) -> None:
    """A listed peer is offered XFORWARD and may use it; any other is not offered it and gets 550."""
    with Wire(product.port) as wire:
        assert "XFORWARD" in wire.greet()
        assert wire.ask(b"XFORWARD NAME=pc.corp.example ADDR=192.0.2.7 PROTO=ESMTP HELO=pc")[0] == 250
        assert wire.ask(b"XFORWARD LOGIN=anna")[0] == 250
        assert wire.ask(b"XFORWARD NONSENSE=x")[0] == 501
    with Wire(product.port, source="127.0.0.3") as wire:
        assert "XFORWARD" not in wire.greet()
        assert wire.ask(b"XFORWARD ADDR=192.0.2.7")[0] == 550
        assert wire.ask(b"MAIL FROM:<%s>" % ANNA)[0] == 250


def test_xforward_cannot_open_the_door(product: Product) -> None:
    """What a listed peer says about its client never changes who may relay."""
    with Wire(product.port, source="127.0.0.2") as wire:
        wire.greet()
        wire.ask(b"XFORWARD ADDR=127.0.0.1 NAME=localhost")
        assert wire.ask(b"MAIL FROM:<%s>" % ANNA)[0] == 550
