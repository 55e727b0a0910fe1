# SPDX-License-Identifier: Apache-2.0
"""Rows of policies that decided something, so that a decision can be made again. Never reads a policy folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from dlpmilter.storage.tables import policy_versions

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection


def keep(conn: Connection, version: str, form: Callable[[], bytes], now: datetime) -> None:
    """Keep a policy the first time it decides; `form` is asked for only then."""
    known = conn.scalar(select(policy_versions.c.version).where(policy_versions.c.version == version))
    if known is None:
        conn.execute(insert(policy_versions), {"version": version, "form": form(), "at": now})


def form_of(conn: Connection, version: str) -> bytes | None:
    """The canonical form of a policy version, None when none was kept."""
    return conn.scalar(select(policy_versions.c.form).where(policy_versions.c.version == version))


def versions(conn: Connection) -> list[str]:
    """Every policy that decided something, in the order in which they came."""
    return list(conn.scalars(select(policy_versions.c.version).order_by(policy_versions.c.at)))
