# SPDX-License-Identifier: Apache-2.0
"""0009: sealed personal fields of the trail, its tree and its checkpoints. Never changed once released.

Fields written before lie open; the office seals them at its next start, up to the entry noted here.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Four tables, and a note of what is still to be sealed."""
    op.create_table(
        "vault_keys",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("outcome_at", sa.BigInteger(), nullable=False),
        sa.Column("kept_for", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("kept_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("scope", name="pk_vault_keys"),
    )
    op.create_index("ix_vault_keys_outcome", "vault_keys", ["outcome", "outcome_at"])
    op.create_table(
        "trail_subjects",
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "seq", "position", name="pk_trail_subjects"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_trail_subjects_seq", "trail_subjects", ["seq"])
    op.create_table(
        "trail_nodes",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name="pk_trail_nodes"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_checkpoints"),
    )
    op.execute(
        "INSERT INTO meta (name, value) "
        "SELECT 'trail-unsealed-until', CAST(seq AS TEXT) FROM trail ORDER BY seq DESC LIMIT 1"
    )
