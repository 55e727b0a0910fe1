# SPDX-License-Identifier: Apache-2.0
"""What the pure engine must be told because it may not look: clock, owners, directory names. Never looks itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """One snapshot for one mail."""

    now: datetime
    """Aware, UTC."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Sender address without a person (scanner, application) -> address of the person who answers."""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Internal address -> names of the person, where a directory is known."""
