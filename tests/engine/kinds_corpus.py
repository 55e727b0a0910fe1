# SPDX-License-Identifier: Apache-2.0
"""The mails of tests/corpus/kinds: reads them, wraps them, and says which half each belongs to."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "corpus" / "kinds"


@dataclass(frozen=True, slots=True)
class GoldenMail:
    """One mail of our own words, with what a person says about it."""

    slug: str
    format: str
    lang: str
    kind: str
    earlier_mail: bool
    raw: bytes

    @property
    def held_out(self) -> bool:
        """Half of the mails, told by a hash of the slug: nobody looked at them while the rules were written."""
        return bool(hashlib.sha256(self.slug.encode()).digest()[0] & 1)


def formats() -> dict[str, str]:
    """Name of a program's format -> what it writes."""
    return {name: str(text) for name, text in tomllib.loads((FOLDER / "formats.toml").read_text("utf-8")).items()}


def mails() -> list[GoldenMail]:
    """Every mail, in file order."""
    found = []
    for file in sorted(FOLDER.glob("*.toml")):
        for row in tomllib.loads(file.read_text("utf-8")).get("mail", ()):
            lines = [
                "From: Anna Berger <anna.berger@corp.example>",
                f"To: {row.get('to', 'Karl Huber <karl.huber@web.de>')}",
                f"Subject: {row['subject']}",
                *row.get("head", "").split("\n"),
                "MIME-Version: 1.0",
                f"Content-Type: text/{row.get('type', 'plain')}; charset=utf-8",
            ]
            text = "\r\n".join(line for line in lines if line) + "\r\n\r\n" + row["body"].replace("\n", "\r\n") + "\r\n"
            earlier = row.get("earlier_mail", True)
            found.append(GoldenMail(row["slug"], row["format"], row["lang"], row["kind"], earlier, text.encode()))
    return found
