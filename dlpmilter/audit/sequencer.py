# SPDX-License-Identifier: Apache-2.0
"""Growing the tree, signing checkpoints, changing the key. Never writes outside its database.

Order is given by the turn to write: an entry's number is its place in the tree. What is not signed yet after
a crash is signed at the next start, so a failure here leaves no gap, only a later checkpoint.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dlpmilter.audit import trail, tree
from dlpmilter.audit.notes import (
    Checkpoint,
    Key,
    change_text,
    checkpoint_text,
    parse_key,
    signature_line,
)
from dlpmilter.audit.record import KEY_CHANGED, ROLLED_BACK
from dlpmilter.audit.trail import Entry
from dlpmilter.storage import checkpoint_rows, trail_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.audit.trail import Value
    from dlpmilter.storage.signing import SigningKey

ORIGIN = "trail-origin"
KEY = "trail-key"
KEY_ENTRIES = "trail-key-entries"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: the name of this trail, the current key and earlier ones that are still there."""

    origin: str
    keys: tuple[SigningKey, ...]

    @property
    def key(self) -> Key:
        """The public half of the key that signs now."""
        return Key(self.origin, self.keys[0].public)

    def note(self, size: int, root: bytes, at: datetime) -> str:
        """A signed checkpoint."""
        when = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = checkpoint_text(self.origin, size, root, when)
        return f"{text}\n{signature_line(self.origin, self.key.id, self.keys[0].sign(text.encode()))}"

    def earlier(self, public: bytes) -> SigningKey | None:
        """The private key of a public one, when it is still there."""
        return next((each for each in self.keys[1:] if each.public == public), None)


def origin_of(conn: Connection, hostname: str) -> str:
    """The name of this trail: that of the host that began it, for ever."""
    return trail_rows.noted(conn, ORIGIN) or f"{hostname}/dlpmilter"


def adopt_key(conn: Connection, signer: Signer, now: datetime) -> bool:
    """Note which key signs from now on, with an entry signed by the old one and the new one; whether it was new.

    Without the old key the entry says so by its missing signature: who trusts the old key must be handed the new one.
    """
    before, current = trail_rows.noted(conn, KEY) or "", signer.key.text
    if before == current:
        return False
    message = change_text(before, current).encode()
    old = signer.earlier(parse_key(before).public) if before else None
    fields: dict[str, Value] = {
        "key-old": before,
        "key-new": current,
        "signature-new": base64.b64encode(signer.keys[0].sign(message)).decode(),
        "signature-old": base64.b64encode(old.sign(message)).decode() if old is not None else "",
    }
    seq = trail.append(conn, Entry(KEY_CHANGED, "none", "", "", fields, now))
    trail_rows.note(conn, KEY_ENTRIES, " ".join(map(str, [*key_changes(conn), seq])))
    trail_rows.note(conn, ORIGIN, signer.origin)
    trail_rows.note(conn, KEY, current)
    return True


def key_changes(conn: Connection) -> list[int]:
    """The entries that say which key signs from there on."""
    return [int(each) for each in (trail_rows.noted(conn, KEY_ENTRIES) or "").split()]


def due(conn: Connection) -> bool:
    """Whether there is something that no checkpoint covers yet."""
    newest = checkpoint_rows.newest(conn)
    return trail_rows.last(conn) > (newest[0] if newest else 0)


def sign(conn: Connection, signer: Signer, now: datetime) -> str | None:
    """Sign the tree as it is and keep the checkpoint; None when nothing was added since the last one."""
    while tree.integrate(conn):
        pass
    if not due(conn):
        return None
    size = trail_rows.last(conn)
    note = signer.note(size, tree.root(conn, size), now)
    checkpoint_rows.add(conn, size, now, note)
    return note


def thin(conn: Connection, now: datetime) -> int:
    """Of checkpoints older than a day keep the last of each day: how many went."""
    return checkpoint_rows.thin(conn, now - _DAY, int(_DAY / timedelta(microseconds=1)))


def rolled_back(conn: Connection, witness: Checkpoint | None) -> str | None:
    """Why this database is not the one of that checkpoint, None when it is."""
    if witness is None:
        return None
    size = trail_rows.last(conn)
    if size < witness.size:
        return f"it has {size} entries, and {witness.size} were signed at {witness.time}"
    if tree.root(conn, witness.size) != witness.root:
        return f"its first {witness.size} entries are not those that were signed at {witness.time}"
    return None


def accept_rollback(
    conn: Connection, signer: Signer, witness: Checkpoint, actor: dict[str, Value], now: datetime
) -> str:
    """Say in the trail that entries were lost, and sign it: from here on this database counts. Returns the note."""
    fields: dict[str, Value] = {"lost-until": witness.size, "checkpoint": witness.note, **actor}
    trail.append(conn, Entry(ROLLED_BACK, "none", "", "", fields, now))
    note = sign(conn, signer, now)
    if note is None:
        raise ValueError("nothing was signed: the entry just written is covered already")
    return note
