# SPDX-License-Identifier: Apache-2.0
"""What a reader of one document format is given and gives back, and what it may spend.

A reader gets octets and a budget; it answers with a `Reading` or raises `Stopped` with the slug of a finding.
It never opens a file by name, never recurses into members (walk.py does), never returns an empty text
silently: what it could not read is named in `status`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpmilter.model.content import Table


class Stopped(Exception):
    """Reading ends here; the text is the slug: encrypted, corrupt, too-big, too-many-members, too-deep ..."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside an archive or document. `name` is as the container spells it: to show, never to open."""

    name: str
    data: bytes
    status: str = "read"
    """"read", or why its octets are not here: encrypted, corrupt, too-big, unsupported."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reader saw. `text` is what a person sees on opening it, `hidden` the rest (see `Extract`)."""

    text: str = ""
    hidden: str = ""
    tables: tuple[Table, ...] = ()
    labels: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()
    status: str = "read"
    page: int = 0
    """A picture that may be a page of text (dimensions.py): 1 could be, 2 is more than any logo."""


@dataclass(slots=True)
class Budget:
    """What one mail may cost altogether; every reader spends from the same one."""

    octets: int
    """Octets that decompression may still produce."""
    text_chars: int
    """Characters of text that may still be kept."""
    members: int
    """Archive members and embedded documents that may still be opened."""
    depth: int
    """Levels of containers below here that may still be opened."""
    ratio: int = 100
    """How many times its packed size a member above one mebibyte may have."""
    member_octets: int = 48 * 1024 * 1024
    """Octets one member may have."""

    def spend_octets(self, count: int) -> None:
        """Count decompressed octets as they come, not as a header promises. Raises Stopped."""
        self.octets -= count
        if self.octets < 0:
            raise Stopped("too-big")

    def spend_text(self, count: int) -> None:
        """Count characters of text. Raises Stopped."""
        self.text_chars -= count
        if self.text_chars < 0:
            raise Stopped("too-much-text")

    def spend_member(self) -> None:
        """Count one member. Raises Stopped."""
        self.members -= 1
        if self.members < 0:
            raise Stopped("too-many-members")


Reader = Callable[[bytes, Budget], Reading]
"""Reads one document. Raises Stopped; anything else it raises is caught by the walk and named `corrupt`."""
