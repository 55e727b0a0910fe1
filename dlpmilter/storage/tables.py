# SPDX-License-Identifier: Apache-2.0
"""Every table of the product in one schema (SQLite now, PostgreSQL-ready types). Never queries.

Addresses are kept as the octets that arrived; times as microseconds since 1970, UTC. The migration
files are the truth for existing databases; a test compares both.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware datetime kept as whole microseconds since 1970, UTC: exact and sortable."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Refuse naive times: they would silently mean another zone."""
        if value is None:
            return None
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The same moment, aware, UTC."""
        return None if value is None else EPOCH + value * MICROSECOND


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

body_chunks = Table(
    "body_chunks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("body_id", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("body_id", "position"),
    Index("ix_body_chunks_age", "created_at", "body_id"),
)

body_keys = Table(
    "body_keys",
    metadata,
    Column("body_id", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("octets", BigInteger, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("deadline", Moment, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("body_id", Text),
    Column("language", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sender_raw", LargeBinary, nullable=False),
    Column("sender_parameters", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("owner_name", Text, nullable=False),
    Column("owner_source", Text, nullable=False),
    Column("mute", Text, nullable=False),
    Column("others", Integer, nullable=False),
    Column("login", Text, nullable=False),
    Column("authors", Text, nullable=False),
    Column("subject", Text),
    Column("message_id", Text),
    Column("justification_code", Text),
    Column("justification_text", Text),
    Column("reminders", Integer, nullable=False, server_default=text("0")),
    Column("purged_at", Moment),
    Column("statement", Text),
    Column("extended", Integer, nullable=False, server_default=text("0")),
    Column("asked", Text, nullable=False, server_default=text("''")),
    Column("asked_until", Moment),
    Index("ix_cases_asked_until", "asked_until"),
    Index("ix_cases_body", "body_id"),
    Index("ix_cases_owner", "owner", "created_at"),
)

holds = Table(
    "holds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", Text, ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("digest", LargeBinary),
    Column("recipient_raw", LargeBinary, nullable=False),
    Column("recipient_parameters", Text, nullable=False),
    Column("recipient_class", Text, nullable=False),
    Column("relation", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("approvals", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_at", Moment, nullable=False),
    Column("claimed_by", Text),
    Column("claimed_at", Moment),
    Column("refused_by", Text),
    Column("due", Moment, nullable=False, server_default=text("0")),
    UniqueConstraint("digest", "recipient_raw"),
    Index("ix_holds_case", "case_id"),
    Index("ix_holds_state", "state", "state_at"),
    Index("ix_holds_queue", "pool", "state", "due"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("hold_id", Integer, ForeignKey("holds.id", ondelete="CASCADE"), primary_key=True),
    Column("actor", Text, primary_key=True),
    Column("at", Moment, nullable=False),
)

message_keys = Table(
    "message_keys",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("recipient", LargeBinary, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("outcome", Text),
    Column("at", Moment, nullable=False),
    Index("ix_message_keys_at", "at"),
)

marks = Table(
    "marks",
    metadata,
    Column("nonce", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index("ix_marks_case", "case_id"),
)

mark_recipients = Table(
    "mark_recipients",
    metadata,
    Column("nonce", Text, ForeignKey("marks.nonce", ondelete="CASCADE"), primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("digest", LargeBinary),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("sender_raw", LargeBinary, nullable=False),
    Column("sender_parameters", Text, nullable=False),
    Column("body_id", Text),
    Column("prefix", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("lease", Text),
    Column("leased_until", Moment),
    Index("ix_outbox_due", "due_at"),
    Index("ix_outbox_case", "case_id"),
    Index("ix_outbox_body", "body_id"),
    sqlite_autoincrement=True,  # a number never comes back: a late worker must not settle a newer mail
)

outbox_recipients = Table(
    "outbox_recipients",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("outbox_id", Integer, ForeignKey("outbox.id", ondelete="CASCADE"), nullable=False),
    Column("recipient_raw", LargeBinary, nullable=False),
    Column("recipient_parameters", Text, nullable=False),
    Column("reply", Text),
    Index("ix_outbox_recipients_outbox", "outbox_id"),
    sqlite_autoincrement=True,
)

notices = Table(
    "notices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("case_id", "kind", "recipient"),
    Index("ix_notices_recipient", "recipient", "at"),
    Index("ix_notices_at", "at"),
)

evidence_keys = Table(
    "evidence_keys",
    metadata,
    Column("case_id", Text, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("person_at", Moment, nullable=False),
    Column("office_at", Moment),
    Column("office_by", Text, nullable=False, server_default=text("''")),
)

digests = Table(
    "digests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("recipient", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("recipient", "case_id"),
    Index("ix_digests_at", "at"),
)

trail = Table(
    "trail",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("day", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("leaves", LargeBinary, nullable=False),
    Column("fields_root", LargeBinary, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Index("ix_trail_day", "day"),
)

trail_values = Table(
    "trail_values",
    metadata,
    Column("seq", Integer, ForeignKey("trail.seq"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("layer", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("value", Text, nullable=False),
    Index("ix_trail_values_case", "value", sqlite_where=text("name = 'case'"), postgresql_where=text("name = 'case'")),
)

policy_versions = Table(
    "policy_versions",
    metadata,
    Column("version", Text, primary_key=True),
    Column("form", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
)
"""The canonical form of every policy that decided something; its SHA-256 is the version."""

meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
