# SPDX-License-Identifier: Apache-2.0
"""The few statements that run for every entry of the trail, without the layers in between. Never builds SQL from data.

Building and compiling a statement costs more than running it; these are constant texts with `?` for each value.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, CursorResult


def run(conn: Connection, sql: str, *values: Any) -> CursorResult[Any]:
    """Run one statement."""
    return conn.exec_driver_sql(_styled(sql, conn.dialect.paramstyle), values)


def rows(conn: Connection, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a query finds, as plain tuples."""
    return cast("list[tuple[Any, ...]]", run(conn, sql, *values).cursor.fetchall())


def run_many(conn: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run one statement for each row."""
    if rows:
        conn.exec_driver_sql(_styled(sql, conn.dialect.paramstyle), list(rows))


@cache
def _styled(sql: str, paramstyle: str) -> str:
    return sql if paramstyle == "qmark" else sql.replace("?", "%s")
