# SPDX-License-Identifier: Apache-2.0
"""The drip counters: how much one sender has sent to one private mailbox in a day, a week, thirty days.

A mail is charged before it is sent, in one transaction with the count of all others, so that mails that come
at the same time see each other; what was not sent is given back. Never keeps an address, never exports one.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dlpmilter.model.facts import NO_DRIP, Drip
from dlpmilter.storage import drip_rows
from dlpmilter.storage.drip_rows import Pair, Taken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from dlpmilter.storage.keys import Keyring

PURPOSE = "drip"
WINDOWS = (timedelta(hours=24), timedelta(days=7), timedelta(days=30))
"""The longest is also how long anything is kept (domain section 2)."""
KEY_OCTETS = 16


@dataclass(frozen=True, slots=True)
class Charge:
    """One mail on its way to private mailboxes: who sends it, which mail it is, how big, what it holds."""

    sender: str
    """Canonical address."""
    recipients: tuple[str, ...]
    """Canonical addresses."""
    mail: bytes
    """The same for the same mail on a retry (`mail_key`)."""
    octets: int
    rows: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Build of a register (`RegisterHit.key`) -> numbers of its rows that stand in the mail."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """The same builds -> how many rows each has."""


@dataclass(frozen=True, slots=True)
class Charged:
    """What stood in the counters before this mail, and how to undo each recipient's charge."""

    before: Mapping[str, Drip]
    taken: Mapping[str, Taken]


class DripCounter:
    """The hashes of one installation; rows made under an older key are still found."""

    def __init__(self, keyring: Keyring) -> None:
        self._keys = keyring.derive_all(PURPOSE)

    def mail_key(self, sender: str, content: bytes) -> bytes:
        """One key for one mail of one sender; `content` names the mail (its digest)."""
        return _hash(self._keys[0], b"mail", sender.encode(), content)

    def read(
        self,
        conn: Connection,
        sender: str,
        recipients: Iterable[str],
        now: datetime,
        without: bytes = b"",
        *,
        rows: Mapping[str, Sequence[int]] | None = None,
        sizes: Mapping[str, int] | None = None,
    ) -> dict[str, Drip]:
        """What `sender` has sent to each of them before; the mail `without` does not count.

        `rows` are those of the mail at hand: `register_share` includes them, a retry counts them once.
        """
        hashes = {each: self._person(each) for each in recipients}
        privates = [key for keys in hashes.values() for key in keys]
        if not privates or not sender:
            return {}
        starts = _starts(now)
        senders = self._person(sender)
        totals = drip_rows.totals(conn, senders, privates, starts, without)
        records = drip_rows.records(conn, senders, privates, starts)
        found = {each: _joined(keys, totals, records) for each, keys in hashes.items()}
        for key, numbers in (rows or {}).items():
            size = (sizes or {}).get(key, 0)
            for each in found if size else ():
                percent = 100 * len(self._received(conn, each, key, now).union(numbers)) // size
                found[each] = replace(found[each], register_share=max(found[each].register_share, min(100, percent)))
        return {each: drip for each, drip in found.items() if drip != NO_DRIP}

    def charge(self, conn: Connection, charge: Charge, now: datetime) -> Charged:
        """Count the mail for each recipient and say what stood there before it. A retry counts once."""
        before = self.read(
            conn, charge.sender, charge.recipients, now, charge.mail, rows=charge.rows, sizes=charge.sizes
        )
        sender = self._person(charge.sender)[0]
        taken = {
            each: drip_rows.charge(
                conn, Pair(sender, self._person(each)[0]), mail=charge.mail, octets=charge.octets, rows=charge.rows,
                now=now,
            )
            for each in dict.fromkeys(charge.recipients)
        }  # fmt: skip
        return Charged(before, taken)

    def share(self, conn: Connection, recipient: str, register: str, size: int, now: datetime) -> float:
        """Which part of a register of `size` rows this mailbox has received in thirty days, from all senders."""
        return min(1.0, len(self._received(conn, recipient, register, now)) / size) if size > 0 else 0.0

    def _received(self, conn: Connection, recipient: str, register: str, now: datetime) -> frozenset[int]:
        return drip_rows.rows_sent(conn, self._person(recipient), register, _starts(now)[2])

    def _person(self, canonical: str) -> list[bytes]:
        """All hashes of an address, that of the current key first."""
        return [_hash(key, b"person", canonical.encode()) for key in self._keys]


def give_back(conn: Connection, taken: Iterable[Taken]) -> None:
    """Undo the charges of what was not sent."""
    for each in taken:
        drip_rows.give_back(conn, each)


def over(now: datetime) -> datetime:
    """What is older than this counts no more and has to go."""
    return now - WINDOWS[-1]


def _starts(now: datetime) -> tuple[datetime, datetime, datetime]:
    return now - WINDOWS[0], now - WINDOWS[1], now - WINDOWS[2]


def _joined(
    keys: Sequence[bytes], totals: Mapping[bytes, tuple[list[int], list[int]]], rows: Mapping[bytes, list[int]]
) -> Drip:
    messages, octets, records = [0, 0, 0], [0, 0, 0], [0, 0, 0]
    for key in keys:
        for place in range(3):
            counted = totals.get(key)
            messages[place] += counted[0][place] if counted else 0
            octets[place] += counted[1][place] if counted else 0
            records[place] += rows[key][place] if key in rows else 0
    return Drip((messages[0], messages[1], messages[2]), (octets[0], octets[1], octets[2]),
                (records[0], records[1], records[2]))  # fmt: skip


def _hash(key: bytes, what: bytes, *parts: bytes) -> bytes:
    """A keyed hash of 16 octets; every part with its length before it."""
    text = b"".join(len(each).to_bytes(4, "big") + each for each in (what, *parts))
    return hmac.new(key, text, hashlib.sha256).digest()[:KEY_OCTETS]
