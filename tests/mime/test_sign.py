# SPDX-License-Identifier: Apache-2.0
"""Our own mails are signed: a verifier that knows the public key agrees, and no change goes unseen."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from dlpmilter.config import ConfigError
from dlpmilter.mime.sign import Signer
from dlpmilter.notices.compose import compose
from dlpmilter.notices.mark import HEADER
from dlpmilter.storage.keys import signing_key
from tests.notices.samples import LATER, LETTERHEAD, NOW, facts

RSA = rsa.generate_private_key(65537, 2048)
EDWARDS = Ed25519PrivateKey.generate()


def key_file(folder: Path, key: Any, mode: int = 0o600) -> str:
    """A private key as openssl writes it."""
    path = folder / "dkim.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(mode)
    return str(path)


def record(key: Any) -> bytes:
    """The TXT record of its public half (RFC 6376 3.6.1, RFC 8463 4.2)."""
    if isinstance(key, Ed25519PrivateKey):
        raw = key.public_key().public_bytes_raw()
        return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(raw)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def verifies(mail: bytes, key: Any) -> bool:
    """What a receiver says who finds this key in the DNS."""
    asked: list[bytes] = []

    def answer(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return record(key)

    fine = bool(dkim.verify(mail, dnsfunc=answer))
    assert asked in ([], [b"dlp2026._domainkey.firma.example."])
    return fine


def signed(folder: Path, key: Any) -> bytes:
    """A hold notice in both languages, signed."""
    mail = compose("hold", facts(deadline=LATER), ("de", "en"), letterhead=LETTERHEAD, now=NOW)
    return Signer("firma.example", "dlp2026", *signing_key(key_file(folder, key))).signed(mail)


@pytest.mark.parametrize("key", [RSA, EDWARDS], ids=["rsa", "ed25519"])
def test_a_notice_is_signed_and_no_change_goes_unseen(tmp_path: Path, key: Any) -> None:
    """Text, page, subject, recipient, a second From: each change breaks it; another key does not fit."""
    mail = signed(tmp_path, key)
    assert verifies(mail, key)
    assert mail.startswith(b"DKIM-Signature: ") and b"\r\n\r\n" in mail
    assert mail.isascii() and mail.count(b"\n") == mail.count(b"\r\n")
    for old, new in (
        (b"Guten Tag", b"Guten Abend"), (b"<h2>English", b"<h2>Englisch"), (b"Subject: ", b"Subject: x"),
        (b"To: anna", b"To: otto"), (b"\r\nFrom: ", b"\r\nFrom: <chef@firma.example>\r\nFrom: "),
    ):  # fmt: skip
        assert old in mail
        assert not verifies(mail.replace(old, new, 1), key), old
    other = Ed25519PrivateKey.generate() if key is EDWARDS else rsa.generate_private_key(65537, 2048)
    assert not verifies(mail, other)


def test_what_people_rely_on_is_signed(tmp_path: Path) -> None:
    """Sender, recipient, subject, date, number, and that a program wrote it."""
    head = signed(tmp_path, RSA).partition(b"\r\n\r\n")[0]
    found = re.search(rb"(?s)\bh=([^;]+);", head)
    assert found is not None
    names = b"".join(found[1].split()).lower().decode().split(":")
    assert {"from", "to", "subject", "date", "message-id", "mime-version", "content-type"} <= set(names)
    assert names.count("from") == 2
    assert HEADER.encode() in head


@pytest.mark.parametrize(
    ("make", "mode", "words"),
    [
        (lambda: rsa.generate_private_key(65537, 1024), 0o600, "2048 bits or more"),
        (lambda: ec.generate_private_key(ec.SECP256R1()), 0o600, "neither an RSA key"),
        (lambda: RSA, 0o644, "chmod 600"),
    ],
)
def test_a_key_that_receivers_refuse_is_refused_here(tmp_path: Path, make: Any, mode: int, words: str) -> None:
    """Too small, another kind, readable for everybody: a sentence each, with what to do."""
    with pytest.raises(ConfigError, match=words):
        signing_key(key_file(tmp_path, make(), mode))


def test_no_key_and_no_file_are_told_apart_and_nothing_is_printed(tmp_path: Path) -> None:
    """A missing file, and one that holds something else; the key never stands in a message or a repr."""
    with pytest.raises(ConfigError, match=r"dkim\.key_file.*cannot be read.*holds the private key"):
        signing_key(str(tmp_path / "none.pem"))
    path = tmp_path / "dkim.pem"
    path.write_text("secret words")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="not a private key in PEM") as found:
        signing_key(str(path))
    assert "secret words" not in str(found.value)
    signer = Signer("firma.example", "dlp2026", *signing_key(key_file(tmp_path, EDWARDS)))
    assert signer.key.decode() not in repr(signer)
