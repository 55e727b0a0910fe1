# SPDX-License-Identifier: Apache-2.0
"""Everything any mail program could show of one mail: octets of parts, header texts, and where readings differ.

Lives only inside the sandbox: these carry mail text and are never logged, stored or sent to the gate.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Payload:
    """The decoded octets of one part as one reading of the mail gives them.

    `path` is the MIME path; `~kind` and a number are added for other readings and for blocks found
    inside (`1.2~base64.1`). `type` and `charset` are what the sender declared (either may be "").
    `origin` is "tree" for the first and usual reading, "tolerant" for what other programs make of the
    same structure, "brute" for encoded blocks nobody declared. `text` tells that the octets look like text.
    """

    path: str
    type: str
    names: tuple[str, ...]
    data: bytes
    charset: str = ""
    origin: str = "tree"
    text: bool = True


@dataclass(frozen=True, slots=True)
class HeaderText:
    """One reading of one header field of a part or a nested mail; `name` is lower case, "" for stray lines."""

    path: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Views:
    """The union of all readings of one mail."""

    payloads: tuple[Payload, ...] = ()
    headers: tuple[HeaderText, ...] = ()
    doubts: tuple[str, ...] = ()
    """Slugs of what mail programs read differently, those of the structure included."""
    uninspectable: tuple[str, ...] = ()
    """Slugs of what could not be read or was cut by a limit, those of the structure included."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Octets as text: the declared reading first, then every other one a program could choose."""

    text: str
    problems: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def readings(self) -> tuple[str, ...]:
        """All of them; a scanner looks at each."""
        return (self.text, *self.others)
