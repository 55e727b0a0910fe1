# SPDX-License-Identifier: Apache-2.0
"""0004: what the sender states, more time, who has taken or refused a case. Never changed once released."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what stands there already keeps its meaning."""
    op.add_column("cases", sa.Column("statement", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("extended", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("holds", sa.Column("claimed_by", sa.Text(), nullable=True))
    op.add_column("holds", sa.Column("claimed_at", sa.BigInteger(), nullable=True))
    op.add_column("holds", sa.Column("refused_by", sa.Text(), nullable=True))
