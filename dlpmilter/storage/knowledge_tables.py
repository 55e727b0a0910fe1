# SPDX-License-Identifier: Apache-2.0
"""Tables of what the product knows besides cases: inbound mail, customers, private mailboxes, consents, drip.

Addresses stand here as keyed hashes only, each row has an end, and none of it is exported. Never queries.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, text

from dlpmilter.storage.tables import Moment, metadata

inbound_mails = Table(
    "inbound_mails",
    metadata,
    Column("id_key", LargeBinary, primary_key=True),
    Column("from_key", LargeBinary, primary_key=True),
    Column("at", Moment, nullable=False),
    Index("ix_inbound_mails_at", "at"),
)
"""Who sent which Message-ID: 90 days."""

correspondents = Table(
    "correspondents",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("before_at", Moment),
    Column("last_at", Moment, nullable=False),
    Index("ix_correspondents_last_at", "last_at"),
)
"""Who wrote to the company with a verified sender, to whomever: 180 days after the last mail.

The times of the last two mails are all it takes to say "at least two in 180 days"; nothing else is kept.
"""

customer_registers = Table(
    "customer_registers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("at", Moment, nullable=False),
)
"""One import; `live` from the moment it is complete, so that a register is replaced in one small step.

An import without a name is gone: its rows are deleted little by little, then it is.
"""

customers = Table(
    "customers",
    metadata,
    Column("register", Integer, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    sqlite_with_rowid=False,
)
"""Keyed hashes of customers' addresses, import by import and in order, so that a million of them go in quickly."""

private_mailboxes = Table(
    "private_mailboxes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", LargeBinary, nullable=False),
    Column("person", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("source", Text, nullable=False),
    Column("confirmed_at", Moment),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("key", "person"),
    Index("ix_private_mailboxes_person", "person"),
)

consents = Table(
    "consents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("signed_by", Text),
    Column("signed_at", Moment),
    Column("closed_by", Text),
    Column("closed_at", Moment),
    Column("uses", Integer, nullable=False, server_default=text("0")),
    Column("last_used_at", Moment),
    Index("ix_consents_state", "state", "ends_at"),
)
"""Agreements and exemptions."""

drip_charges = Table(
    "drip_charges",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sender_key", LargeBinary, nullable=False),
    Column("private_key", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
    Column("octets", BigInteger, nullable=False),
    Column("mail", LargeBinary, nullable=False),
    UniqueConstraint("mail", "private_key"),
    Index("ix_drip_charges_pair", "private_key", "sender_key", "at"),
    Index("ix_drip_charges_at", "at"),
)
"""Mails that one sender sent to one private mailbox: 30 days."""

drip_rows = Table(
    "drip_rows",
    metadata,
    Column("private_key", LargeBinary, primary_key=True),
    Column("sender_key", LargeBinary, primary_key=True),
    Column("register", Text, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Index("ix_drip_rows_at", "at"),
)
"""Rows of registered data that a private mailbox has received: 30 days after the last time."""
