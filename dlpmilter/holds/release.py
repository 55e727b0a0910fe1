# SPDX-License-Identifier: Apache-2.0
"""Sending an approved mail: exact octets behind one trace field that carries a signed, single-use mark.

The mark lets the mail pass when it comes round again, and nothing else does. It is bound to the case,
to its released recipients and to the octets after the header block; each recipient may use it with
one message only. A hop that re-encodes the body breaks it: then the mail is judged anew.
Never edits what it sends.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING

from dlpmilter.audit.trail import Entry
from dlpmilter.holds import states
from dlpmilter.holds.states import Act
from dlpmilter.relay.outbox import Owed, owe
from dlpmilter.storage import mark_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.model.address import Mailbox
    from dlpmilter.spill import MessageBytes
    from dlpmilter.storage.case_rows import Case, Hold
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring

PURPOSE = "release-mark"
_MARK = re.compile(
    rb"\(dlpmilter-release v1 ([A-Za-z0-9][A-Za-z0-9_-]{0,63}) ([0-9a-f]{32}) ([0-9]{1,12}) ([0-9a-f]{64})\)"
)
_RECEIVED = re.compile(rb"(?im)^received[ \t]*:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)")
_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands in the comment; nothing of it is believed before `claim_mark`."""

    case_id: str
    nonce: str
    expires: int
    """Seconds since 1970, UTC."""
    mac: str


@dataclass(frozen=True, slots=True)
class MarkDigest:
    """What a mark is checked against: the octets after the header block, and the whole mail."""

    body: bytes
    whole: bytes


@dataclass(frozen=True, slots=True)
class Sending:
    """What a release needs besides the case."""

    secret: bytes
    hostname: str
    instance: str
    life: timedelta

    @classmethod
    def build(cls, keyring: Keyring, hostname: str, instance: str, retry_days: int) -> Sending:
        """From the keyring and the configuration; a mark lives a day longer than we try to deliver."""
        return cls(keyring.derive(PURPOSE), hostname, instance, timedelta(days=retry_days + 1))


def instance_of(keyring: Keyring) -> str:
    """How this installation knows its own trace fields: the same in all its processes, nothing secret."""
    return keyring.derive("instance").hex()[:12]


def queue(
    conn: Connection,
    sending: Sending,
    case: Case,
    holds: Sequence[Hold],
    body: bytes,
    fields: dict[str, Value],
    now: datetime,
) -> None:
    """Move approved holds to releasing and owe the mail; `body` is `MarkDigest.body` of it. Raises Conflict."""
    names = sorted({hold.recipient.mailbox.key for hold in holds})
    nonce = secrets.token_hex(16)
    expires_at = (now + sending.life).replace(microsecond=0)
    mark = sign(sending.secret, case.id, nonce, int(expires_at.timestamp()), body, names)
    states.move(conn, Act.release, holds, Entry("releasing", "release", case.policy_version, case.id, fields, now), now)
    mark_rows.add(conn, nonce=nonce, case_id=case.id, expires_at=expires_at, recipients=names)
    recipients = tuple(hold.recipient for hold in holds)
    prefix = trace(sending, case.id, mark, now)
    owe(conn, Owed("release", case.id, case.sender, recipients, case.body_id, prefix), now)


def sign(secret: bytes, case_id: str, nonce: str, expires: int, body: bytes, recipients: Iterable[str]) -> Mark:
    """The mark for these octets and recipients (HMAC-SHA256, every part with its length before it)."""
    parts = [case_id.encode(), nonce.encode(), str(expires).encode(), body]
    parts += [each.encode() for each in sorted(recipients)]
    said = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return Mark(case_id, nonce, expires, hmac.new(secret, said, hashlib.sha256).hexdigest())


def trace(sending: Sending, case_id: str, mark: Mark, now: datetime) -> bytes:
    """The one header field a released mail gets (RFC 5321 section 4.4)."""
    return (
        f"Received: by {sending.hostname} (dlpmilter {sending.instance})\r\n"
        f"\t(dlpmilter-release v1 {case_id} {mark.nonce}\r\n"
        f"\t {mark.expires} {mark.mac})\r\n"
        f"\tid {case_id}; {format_datetime(now.astimezone(UTC))}\r\n"
    ).encode("ascii")


def parse_mark(head: bytes) -> Mark | None:
    """The first mark in a Received field of this header block, None when there is none."""
    if b"dlpmilter-release" not in head:
        return None
    for field in _RECEIVED.finditer(head):
        match = _MARK.search(b" ".join(field[1].split()))
        if match:
            case_id, nonce, expires, mac = (part.decode("ascii") for part in match.groups())
            return Mark(case_id, nonce, int(expires), mac)
    return None


async def digest_of(message: MessageBytes) -> MarkDigest:
    """Read the whole mail once, in a thread."""
    return await asyncio.to_thread(_digest, message)


def _digest(message: MessageBytes) -> MarkDigest:
    with message.view() as octets:
        end = _END.search(octets)
        with memoryview(octets) as view:
            body = hashlib.sha256(view[end.end() if end else len(view) :]).digest()
            return MarkDigest(body, hashlib.sha256(view).digest())


async def claim_mark(
    database: Database, mark: Mark, recipients: Sequence[Mailbox], digest: MarkDigest, *, secret: bytes, now: datetime
) -> frozenset[bytes]:
    """The recipients (address octets) that may pass; empty when forged, copied, replayed or too old.

    A retry of identical octets passes again. Looks before it writes: a forged mark costs no write.
    """
    if not await database.read(partial(_genuine, mark=mark, body=digest.body, secret=secret, now=now)):
        return frozenset()

    def act(conn: Connection) -> frozenset[bytes]:
        released = set(_genuine(conn, mark=mark, body=digest.body, secret=secret, now=now))
        return frozenset(
            each.raw
            for each in recipients
            if each.key in released and mark_rows.claim(conn, mark.nonce, each.key, digest.whole)
        )

    return await database.write(act)


def _genuine(conn: Connection, *, mark: Mark, body: bytes, secret: bytes, now: datetime) -> list[str]:
    """The recipients of the mark when its signature fits them, these octets and the clock; else none."""
    if mark.expires <= now.timestamp():
        return []
    released = mark_rows.recipients_of(conn, mark.nonce, mark.case_id, now)
    wanted = sign(secret, mark.case_id, mark.nonce, mark.expires, body, released)
    return released if hmac.compare_digest(wanted.mac, mark.mac) else []
