# SPDX-License-Identifier: Apache-2.0
"""How Alembic runs inside our own transaction; the connection is handed in. Never opens a database."""

from __future__ import annotations

from alembic import context

from dlpmilter.storage import (  # noqa: F401 - their tables belong to the one schema
    dossier_rows,
    knowledge_tables,
    portal_tables,
    trail_tables,
)
from dlpmilter.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
