# SPDX-License-Identifier: Apache-2.0
"""A mail that is mapped and not loaded: what was looked at is given back, for it can be read again.

The pages of a mapping count as memory of the process from the first look on: 60 MB for a big mail, on top of
what is made of it. Never changes an octet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmap import mmap

_DONT_NEED = 4
"""MADV_DONTNEED, madvise(2); of a shared mapping of a file nothing is lost."""
_LARGE = 1024 * 1024


def copy_of(data: bytes | mmap, start: int, end: int) -> bytes:
    """A copy of some of them."""
    found = bytes(data[start:end])
    if len(found) > _LARGE:
        forget(data)
    return found


def forget(data: bytes | mmap) -> None:
    """Give back the memory that a mapping takes by now."""
    if not isinstance(data, bytes) and len(data) > _LARGE:
        data.madvise(_DONT_NEED)
