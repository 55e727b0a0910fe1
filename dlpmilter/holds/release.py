# SPDX-License-Identifier: Apache-2.0
"""Sending an approved mail: exact octets behind one trace field that carries a signed, single-use mark.

The mark lets the mail pass when it comes round again, and nothing else does. It is bound to the case,
the envelope sender, the released recipients, the body, and the header fields that say what the mail
is (`BOUND`); other hops may add trace fields and a little more, no second mail in the header. Each
recipient may use it with one message only. A hop that re-encodes the mail or rewrites its sender
breaks it: then the mail is judged anew. Never edits what it sends.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.audit.trail import Entry
from dlpmilter.holds import states
from dlpmilter.holds.states import Act
from dlpmilter.mime.head import read_head
from dlpmilter.model.address import NULL_SENDER, parse_address
from dlpmilter.model.limits import Limits
from dlpmilter.model.transaction import EnvelopePath
from dlpmilter.relay.outbox import Owed, owe
from dlpmilter.storage import mark_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.model.address import Mailbox
    from dlpmilter.model.message import Head
    from dlpmilter.spill import MessageBytes
    from dlpmilter.storage.case_rows import Case, Hold
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring

PURPOSE = "release-mark"
BOUND = (
    "from", "subject", "message-id", "mime-version", "content-type", "content-transfer-encoding", "content-disposition",
)  # fmt: skip
MORE_OCTETS = 8 * 1024
MORE_FIELDS = 30
MORE_TRACE = 32 * 1024
"""What the header block may have gained on the way: other fields, and trace fields of mail servers."""
_TRACE = frozenset(
    {"received", "x-received", "return-path", "delivered-to", "x-original-to", "authentication-results",
     "received-spf", "dkim-signature", "arc-seal", "arc-message-signature", "arc-authentication-results"}
)  # fmt: skip
_TRACE_PREFIXES = ("x-ms-", "x-microsoft-", "x-forefront-")
_BOUNDS = Limits()
_MARK = re.compile(
    rb"\(dlpmilter-release v2 ([A-Za-z0-9][A-Za-z0-9_-]{0,63}) ([0-9a-f]{32}) ([0-9]{1,12}) "
    rb"([0-9]{1,9}) ([0-9]{1,6}) ([0-9]{1,9}) ([0-9a-f]{64}) ([0-9a-f]{64})\)"
)
_RECEIVED = re.compile(rb"(?im)^received[ \t]*:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)")


@dataclass(frozen=True, slots=True)
class Growth:
    """The size of a header block: octets and number of its fields without trace fields, and octets of these."""

    octets: int
    fields: int
    trace: int

    def within(self, original: Growth) -> bool:
        """Whether `original` may have become this on its way through other mail servers."""
        return (
            self.octets <= original.octets + MORE_OCTETS
            and self.fields <= original.fields + MORE_FIELDS
            and self.trace <= original.trace + MORE_TRACE
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands in the comment; nothing of it is believed before `claim_mark`."""

    case_id: str
    nonce: str
    expires: int
    """Seconds since 1970, UTC."""
    head: Growth
    content: str
    """`content_of` the released mail, as hex."""
    mac: str


@dataclass(frozen=True, slots=True)
class MarkDigest:
    """What a mark is checked against: bound header fields and body, the header's size, and the whole mail."""

    content: bytes
    whole: bytes
    head: Growth
    readable: bool = True
    """False when the header block is over our limits: such a mail is never believed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A mail that carries a mark: who sends it to whom, and what it is."""

    transaction_id: str
    sender: bytes
    recipients: tuple[Mailbox, ...]
    digest: MarkDigest


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
    digest: MarkDigest,
    fields: dict[str, Value],
    now: datetime,
) -> None:
    """Move approved holds to releasing and owe the mail; `digest` is that of the stored octets. Raises Conflict."""
    names = sorted({hold.recipient.mailbox.key for hold in holds})
    nonce = secrets.token_hex(16)
    expires_at = (now + sending.life).replace(microsecond=0)
    content = content_of(digest, case.sender.mailbox.raw)
    unsigned = Mark(case.id, nonce, int(expires_at.timestamp()), digest.head, content, "")
    mark = replace(unsigned, mac=seal(sending.secret, unsigned, names))
    states.move(conn, Act.release, holds, Entry("releasing", "release", case.policy_version, case.id, fields, now), now)
    mark_rows.add(conn, nonce=nonce, case_id=case.id, expires_at=expires_at, recipients=names)
    recipients = tuple(hold.recipient for hold in holds)
    prefix = trace_field(sending, case.id, mark, now)
    owe(conn, Owed("release", case.id, case.sender, recipients, case.body_id, prefix), now)


def content_of(digest: MarkDigest, sender: bytes) -> str:
    """What a mark is bound to beside its recipients: envelope sender, bound fields and body, as hex."""
    return hashlib.sha256(_parts([sender, digest.content])).hexdigest()


def seal(secret: bytes, mark: Mark, recipients: Iterable[str]) -> str:
    """HMAC-SHA256 over everything the mark says and who may use it."""
    numbers = (mark.expires, mark.head.octets, mark.head.fields, mark.head.trace)
    said = [mark.case_id, mark.nonce, *map(str, numbers), mark.content, *sorted(recipients)]
    return hmac.new(secret, _parts([each.encode() for each in said]), hashlib.sha256).hexdigest()


def _parts(parts: Iterable[bytes]) -> bytes:
    """Every part with its length before it."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def trace_field(sending: Sending, case_id: str, mark: Mark, now: datetime) -> bytes:
    """The one header field a released mail gets (RFC 5321 section 4.4)."""
    return (
        f"Received: by {sending.hostname} (dlpmilter {sending.instance})\r\n"
        f"\t(dlpmilter-release v2 {case_id} {mark.nonce}\r\n"
        f"\t {mark.expires} {mark.head.octets} {mark.head.fields} {mark.head.trace}\r\n"
        f"\t {mark.content}\r\n\t {mark.mac})\r\n"
        f"\tid {case_id}; {format_datetime(now.astimezone(UTC))}\r\n"
    ).encode("ascii")


def give_back(conn: Connection, sending: Sending, case: Case, now: datetime) -> None:
    """Owe the mail to the mailbox of the person who sent it, and to nobody else; null sender, so nothing bounces."""
    trace = (
        f"Received: by {sending.hostname} (dlpmilter {sending.instance})\r\n"
        f"\tid {case.id}; {format_datetime(now.astimezone(UTC))}\r\n"
    ).encode("ascii")
    owner = EnvelopePath(parse_address(case.owner))
    owe(conn, Owed("returned", case.id, EnvelopePath(NULL_SENDER), (owner,), case.body_id, trace), now)


def parse_mark(head: bytes) -> Mark | None:
    """The first mark in a Received field of this header block, None when there is none."""
    if b"dlpmilter-release" not in head:
        return None
    for field in _RECEIVED.finditer(head):
        match = _MARK.search(b" ".join(field[1].split()))
        if match:
            case_id, nonce, expires, octets, fields, traced, content, mac = (
                part.decode("ascii") for part in match.groups()
            )
            return Mark(case_id, nonce, int(expires), Growth(int(octets), int(fields), int(traced)), content, mac)
    return None


async def digest_of(message: MessageBytes) -> MarkDigest:
    """Read the whole mail once, in a thread."""
    return await asyncio.to_thread(_digest, message)


def _digest(message: MessageBytes) -> MarkDigest:
    with message.view() as octets, memoryview(octets) as view:
        head = read_head(bytes(view[: _BOUNDS.header_octets + 4]), _BOUNDS)
        body = hashlib.sha256(view[head.size :]).digest()
        parts = [body]
        for name in BOUND:
            values = head.all(name)
            parts += [name.encode(), str(len(values)).encode(), *values]
        content = hashlib.sha256(_parts(parts)).digest()
        return MarkDigest(content, hashlib.sha256(view).digest(), _growth(head), not head.problems)


def _growth(head: Head) -> Growth:
    traced = [span for span in head.spans if span[0] in _TRACE or span[0].startswith(_TRACE_PREFIXES)]
    octets = sum(end - start for _, start, _, end in traced)
    return Growth(head.size - octets, len(head.spans) - len(traced), octets)


async def claim_mark(
    database: Database, mark: Mark, claim: Claim, *, secret: bytes, policy_version: str, now: datetime
) -> frozenset[bytes]:
    """The recipients (address octets) that may pass; empty when forged, copied, replayed or too old.

    A retry of identical octets passes again. Looks before it writes: a forged mark costs no write.
    Every use of a mark of ours, believed or not, is an entry of the trail.
    """
    if await database.read(partial(_released, mark=mark, secret=secret)) is None:
        return frozenset()

    def act(conn: Connection) -> frozenset[bytes]:
        released = _released(conn, mark=mark, secret=secret)
        if released is None:
            return frozenset()
        why = _doubt(mark, claim, released[0], now)
        passed = frozenset[bytes]()
        if not why:
            known = {each.raw: each.key for each in claim.recipients if each.key in released[1]}
            why = "" if known else "other-recipients"
            whole = claim.digest.whole
            passed = frozenset(raw for raw, key in known.items() if mark_rows.claim(conn, mark.nonce, key, whole))
            why = why or ("" if passed else "used-before")
        fields: dict[str, Value] = {
            "transaction": claim.transaction_id, "believed": bool(passed), "why": why, "count": len(passed),
        }  # fmt: skip
        action = "relay" if passed else "none"
        trail.append(conn, Entry("release-mark", action, policy_version, mark.case_id, fields, now))
        return passed

    return await database.write(act)


def _released(conn: Connection, *, mark: Mark, secret: bytes) -> tuple[datetime, list[str]] | None:
    """End and recipients of the mark when its seal is ours, else None."""
    found = mark_rows.find(conn, mark.nonce, mark.case_id)
    if found is None or not hmac.compare_digest(seal(secret, mark, found[1]), mark.mac):
        return None
    return found


def _doubt(mark: Mark, claim: Claim, expires_at: datetime, now: datetime) -> str:
    """Why a mark of ours is not believed on this mail, "" when it may be."""
    if expires_at <= now or mark.expires <= now.timestamp():
        return "expired"
    if not claim.digest.readable:
        return "header-over-limits"
    if not hmac.compare_digest(content_of(claim.digest, claim.sender), mark.content):
        return "other-content"
    return "" if claim.digest.head.within(mark.head) else "header-grew"
