# SPDX-License-Identifier: Apache-2.0
"""Names for people that name nobody: the same within a quarter, others in the next. Never the name itself.

A keyed hash; the key of a quarter lies in the vault and goes with the quarter's last personal field.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

from dlpmilter.storage.vault import vault_of

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

_LETTERS = 8


def quarter(moment: datetime) -> str:
    """quarter-2026-4, the name of its key."""
    return f"quarter-{moment.year}-{(moment.month - 1) // 3 + 1}"


def begin_quarter(conn: Connection, now: datetime) -> None:
    """Make the key of this quarter, when there is none yet."""
    vault = vault_of(conn)
    if vault is not None:
        vault.sealer(conn, quarter(now), "open", now)


def pseudonym(conn: Connection, address: str, moment: datetime) -> str:
    """P-XXXXXXXX for an address in the quarter of that moment; "" for nobody, and where the key is gone."""
    vault = vault_of(conn)
    key = vault.secret(conn, quarter(moment)) if vault is not None and address else None
    if key is None:
        return ""
    digest = hmac.digest(key, address.lower().encode("utf-8", "surrogatepass"), "sha256")
    return f"P-{base64.b32encode(digest).decode()[:_LETTERS]}"
