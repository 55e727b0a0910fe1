# SPDX-License-Identifier: Apache-2.0
"""Tables of the portal: local accounts, who is signed in, sign-in links, keys of programs. Never queries.

Secrets stand here as hashes (passwords argon2, tokens SHA-256) or sealed (TOTP), and none of it is exported.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table, Text, text

from dlpmilter.storage.tables import Moment, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("address", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("pools", Text, nullable=False),
    Column("password", Text),
    Column("totp", LargeBinary),
    Column("totp_step", Integer, nullable=False, server_default=text("0")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("locked_until", Moment),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("used_at", Moment),
)
"""People who sign in with a password; without one they have not set up their account yet."""

sessions = Table(
    "sessions",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("address", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("pools", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Index("ix_sessions_address", "address"),
    Index("ix_sessions_created_at", "created_at"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
    Index("ix_tickets_address", "address", "created_at"),
    Index("ix_tickets_expires_at", "expires_at"),
)
"""Links that are good once: setting up an account, signing in by mail; and keys of programs, good until they end."""
