# SPDX-License-Identifier: Apache-2.0
"""0002: inbound mail, customers, private mailboxes, consents, drip. Never changed once released."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of what the product knows."""
    op.create_table(
        "consents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=True),
        sa.Column("signed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("uses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index("ix_consents_state", "consents", ["state", "ends_at"], unique=False)
    op.create_table(
        "correspondents",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("before_at", sa.BigInteger(), nullable=True),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_correspondents")),
    )
    op.create_index("ix_correspondents_last_at", "correspondents", ["last_at"], unique=False)
    op.create_table(
        "customer_registers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_registers")),
    )
    op.create_table(
        "customers",
        sa.Column("register", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("register", "key", name=op.f("pk_customers")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "drip_charges",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sender_key", sa.LargeBinary(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("octets", sa.BigInteger(), nullable=False),
        sa.Column("mail", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drip_charges")),
        sa.UniqueConstraint("mail", "private_key", name=op.f("uq_drip_charges_mail_private_key")),
    )
    op.create_index("ix_drip_charges_at", "drip_charges", ["at"], unique=False)
    op.create_index("ix_drip_charges_pair", "drip_charges", ["private_key", "sender_key", "at"], unique=False)
    op.create_table(
        "drip_rows",
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("sender_key", sa.LargeBinary(), nullable=False),
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("private_key", "sender_key", "register", "row", name=op.f("pk_drip_rows")),
    )
    op.create_index("ix_drip_rows_at", "drip_rows", ["at"], unique=False)
    op.create_table(
        "inbound_mails",
        sa.Column("id_key", sa.LargeBinary(), nullable=False),
        sa.Column("from_key", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id_key", "from_key", name=op.f("pk_inbound_mails")),
    )
    op.create_index("ix_inbound_mails_at", "inbound_mails", ["at"], unique=False)
    op.create_table(
        "private_mailboxes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_private_mailboxes")),
        sa.UniqueConstraint("key", "person", name=op.f("uq_private_mailboxes_key_person")),
    )
    op.create_index("ix_private_mailboxes_person", "private_mailboxes", ["person"], unique=False)
