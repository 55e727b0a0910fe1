# SPDX-License-Identifier: Apache-2.0
"""The mail that carries a checkpoint of the trail to somebody outside. Never says anything about a case or a person."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from dlpmilter.notices import headers
from dlpmilter.notices.compose import own_head, part_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dlpmilter.notices.facts import Language, Letterhead

KIND = "checkpoint"
_SUBJECT = {"de": "Prüfpunkt des Protokolls", "en": "Checkpoint of the trail"}
_TEXT = {
    "de": "Bitte bewahren Sie diese E-Mail auf. Mit ihr lässt sich später zeigen, dass bis hierher nichts\n"
    "geändert wurde: dlpmilter audit verify --checkpoint DIESE-MAIL.eml\n",
    "en": "Please keep this e-mail. With it anybody can show later that nothing up to here was changed:\n"
    "dlpmilter audit verify --checkpoint THIS-MAIL.eml\n",
}


def compose_checkpoint(
    note: str, to: str, languages: Sequence[Language], *, letterhead: Letterhead, now: datetime
) -> bytes:
    """One complete mail, ASCII with CRLF; the note stands in it line by line, as it was signed."""
    subject = " / ".join(_SUBJECT[each] for each in languages)
    head = own_head(
        letterhead, now=now, to=to, name="", subject=subject, case_id=f"K-{secrets.token_hex(8)}", kind=KIND,
        auto_submitted="auto-generated", answers="", part=part_of(now, [to]),
    )  # fmt: skip
    text = "\n".join(_TEXT[each] for each in languages) + f"\n{note}"
    mime = (
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    return (head + mime + headers.quoted_printable(text)).encode("ascii")
