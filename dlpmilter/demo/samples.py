# SPDX-License-Identifier: Apache-2.0
"""The sample mails beside this file, as a mail server would send them. Never says what becomes of them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

INTERNAL_DOMAIN = "company.example"
MAILS = Path(__file__).parent / "mails"
_MESSAGE_ID = re.compile(rb"(?im)^message-id:[ \t]*(<[^>\r\n]+>)")


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail with its envelope; `sender` is "" for a bounce."""

    slug: str
    title: str
    sender: str
    recipients: tuple[str, ...]
    message: bytes
    """With CRLF line ends."""

    @property
    def message_id(self) -> str:
        """The Message-ID with its angle brackets."""
        found = _MESSAGE_ID.search(self.message)
        return found[1].decode("ascii") if found else ""


def load_samples(folder: Path = MAILS) -> tuple[Sample, ...]:
    """All samples in the order of samples.toml."""
    table = tomllib.loads((folder / "samples.toml").read_text(encoding="utf-8"))
    return tuple(
        Sample(
            slug=row["file"].removesuffix(".eml").partition("-")[2],
            title=row["title"],
            sender=row["sender"],
            recipients=tuple(row["recipients"]),
            message=b"\r\n".join((folder / row["file"]).read_bytes().splitlines()) + b"\r\n",
        )
        for row in table["sample"]
    )
