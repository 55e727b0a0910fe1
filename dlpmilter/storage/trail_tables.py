# SPDX-License-Identifier: Apache-2.0
"""Tables beside the trail: keys of its sealed fields, whom they name, its tree and checkpoints. Never queries."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, text

from dlpmilter.storage.tables import Moment, metadata

vault_keys = Table(
    "vault_keys",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("outcome_at", Moment, nullable=False),
    Column("kept_for", Text, nullable=False, server_default=text("''")),
    Column("kept_until", Moment),
    Index("ix_vault_keys_outcome", "outcome", "outcome_at"),
)
"""One key a case (or a day, for entries of no case) under which its personal fields are sealed.

`outcome` says how long they are kept; `kept_for` names who ordered a legal hold, until when it must be looked at again.
"""

trail_subjects = Table(
    "trail_subjects",
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Index("ix_trail_subjects_seq", "seq"),
    sqlite_with_rowid=False,
)
"""Which sealed field names which address, as a keyed hash: how a person's own entries are found again."""

trail_nodes = Table(
    "trail_nodes",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""Hashes over 256, 65,536 ... entries (RFC 6962 section 2.1), so that a root or a proof reads few rows."""

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("note", Text, nullable=False),
)
"""Signed checkpoints: the number of entries, and the note as it goes out."""
