# SPDX-License-Identifier: Apache-2.0
"""Bringing the tables up to date with Alembic, in one transaction. Never migrates down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from dlpmilter.storage.errors import StorageFailure

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0010"
"""The newest revision in migrations/versions; a test compares it with the files."""

_SCRIPTS = Path(__file__).with_name("migrations")


def migrate(conn: Connection) -> None:
    """Upgrade to HEAD under the write lock; does nothing when the file is there already.

    A file of a newer version raises StorageFailure: an older program must not write into it.
    """
    with conn.begin():
        current = _revision(conn)
        if current == HEAD:
            return
        if current is not None and current > HEAD:
            raise StorageFailure(
                f"the database has schema {current}, this version knows {HEAD}: start the newer version of dlpmilter"
            )
        _upgrade(conn)


def _revision(conn: Connection) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    found = conn.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def _upgrade(conn: Connection) -> None:
    from alembic import command  # 0.2 s that only a migration needs to pay
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, "head")
