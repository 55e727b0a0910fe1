# SPDX-License-Identifier: Apache-2.0
"""0006: what a sender asked for by mail, and when it happens unless it is undone. Never changed once released."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two columns, empty for every case there is."""
    op.add_column("cases", sa.Column("asked", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("cases", sa.Column("asked_until", sa.BigInteger(), nullable=True))
    op.create_index("ix_cases_asked_until", "cases", ["asked_until"])
