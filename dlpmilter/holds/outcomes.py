# SPDX-License-Identifier: Apache-2.0
"""What the next hop said, as a record that fits the database and the emergency journal alike.

Never overwrites a known delivery with something less; applying a record twice is prevented by its id.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dlpmilter.audit import trail
from dlpmilter.audit.trail import Entry
from dlpmilter.storage import message_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.model.reply import Reply
    from dlpmilter.model.transaction import EnvelopePath

RELAYED = "relayed"
OWED = "owed"
_TEXT = 300


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """One try of one mail. `rows` are (key as hex, state, reply code, reply text)."""

    id: str
    case_id: str
    policy_version: str
    transaction_id: str
    digest: str
    at: str
    rows: tuple[tuple[str, str, int, str], ...]

    @classmethod
    def build(
        cls,
        case_id: str,
        policy_version: str,
        transaction_id: str,
        digest: bytes | None,
        keys: Mapping[bytes, bytes],
        outcomes: Mapping[EnvelopePath, Reply | None],
    ) -> OutcomeRecord:
        """From the replies of the next hop."""
        rows = tuple(
            (keys.get(path.mailbox.raw, b"").hex(), _state(reply), reply.code if reply else 0, _short(reply))
            for path, reply in outcomes.items()
        )
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        return cls(
            secrets.token_hex(8), case_id, policy_version, transaction_id, digest.hex() if digest else "", now, rows
        )

    @classmethod
    def read(cls, line: str) -> OutcomeRecord:
        """What `line` wrote. Raises ValueError when it is not one."""
        try:
            data = json.loads(line)
            rows = tuple((str(row[0]), str(row[1]), int(row[2]), str(row[3])) for row in data.pop("rows"))
            return cls(rows=rows, **{name: str(value) for name, value in data.items()})
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"not an outcome record: {error}") from None

    def line(self) -> str:
        """One line of JSON."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(values, ensure_ascii=True, separators=(",", ":"))

    def apply(self, conn: Connection) -> None:
        """Note the outcomes and append the entry, inside the caller's transaction."""
        if self.digest:
            found = {bytes.fromhex(key): state for key, state, _, _ in self.rows if key}
            message_rows.set_outcomes(conn, bytes.fromhex(self.digest), found)
        fields: dict[str, trail.Value] = {"transaction": self.transaction_id, "attempt": self.id}
        for number, (_, state, code, text) in enumerate(self.rows):
            fields |= {f"recipient.{number}.state": state, f"recipient.{number}.code": code}
            if text:
                fields[f"recipient.{number}.reply"] = text
        all_relayed = bool(self.rows) and all(state == RELAYED for _, state, _, _ in self.rows)
        trail.append(
            conn,
            Entry(
                "relayed" if all_relayed else "outcome", "relay", self.policy_version, self.case_id, fields,
                datetime.fromisoformat(self.at),
            ),
        )  # fmt: skip

    def apply_once(self, conn: Connection) -> None:
        """Like `apply`, but only the first time for this record."""
        if message_rows.claim_once(conn, self.claim):
            self.apply(conn)

    @property
    def claim(self) -> str:
        """The name under which the database remembers that this record was applied."""
        return f"journal.{self.id}"


def _state(reply: Reply | None) -> str:
    if reply is None:
        return "unknown"
    if reply.ok:
        return RELAYED
    return "refused" if reply.permanent else "deferred"


def _short(reply: Reply | None) -> str:
    return reply.text[:_TEXT] if reply else ""
