# SPDX-License-Identifier: Apache-2.0
"""0008: the two keys with which sealed evidence is opened. Never changed once released."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row a case whose sender asked to open it."""
    op.create_table(
        "evidence_keys",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("person_at", sa.BigInteger(), nullable=False),
        sa.Column("office_at", sa.BigInteger(), nullable=True),
        sa.Column("office_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name="pk_evidence_keys"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_evidence_keys_case_id", ondelete="CASCADE"),
    )
