# SPDX-License-Identifier: Apache-2.0
"""Which reader opens which type, and who tells the type: the one place where formats are plugged in. Never reads."""

from __future__ import annotations

from dlpmilter.content.formats import table
from dlpmilter.content.formats.others import warm as warm_libarchive
from dlpmilter.content.formats.sniff import sniff
from dlpmilter.content.formats.types import UNKNOWN

__all__ = ["READERS", "sniff", "warm"]

READERS = {kind: reader for kind, reader in table.READERS.items() if kind != UNKNOWN}
"""Media type -> its reader. What nobody knows is the walk's: it takes readable runs of every width."""


def warm() -> None:
    """Load whatever a reader would load at its first document: a confined process can load nothing."""
    warm_libarchive()
    table.warm()
