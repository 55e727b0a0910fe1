# SPDX-License-Identifier: Apache-2.0
"""Mails to the DPO about deadlines, and to a person whose name was looked at. Never a name of anybody else in them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Literal

from dlpmilter.notices.compose import bilingual, own_head, part_of, render
from dlpmilter.notices.page import alternative

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from dlpmilter.notices.facts import Language, Letterhead

Kind = Literal["officer-breach", "officer-request", "unmasked"]
_SUBJECTS: dict[Kind, dict[str, str]] = {
    "officer-breach": {"de": "Bitte ansehen: {id}", "en": "Please look: {id}"},
    "officer-request": {"de": "Anfrage zu Daten: {id}", "en": "Request about data: {id}"},
    "unmasked": {"de": "Ihr Name wurde zu Vorgang {case} angesehen", "en": "Your name was looked at in case {case}"},
}


def compose_officer(
    kind: Kind, filling: Mapping[str, str], to: str, languages: Sequence[Language], *, letterhead: Letterhead,
    now: datetime,
) -> bytes:  # fmt: skip
    """One complete mail, ASCII with CRLF."""
    texts = [render(f"{kind}.txt", dict(filling), each) for each in languages]
    subject = " / ".join(_SUBJECTS[kind][each].format(**filling) for each in languages)
    head = own_head(
        letterhead, now=now, to=to, name="", subject=subject, case_id=f"O-{secrets.token_hex(8)}", kind=kind,
        auto_submitted="auto-generated", answers="", part=part_of(now, [to]),
    )  # fmt: skip
    return (head + alternative(bilingual(texts, languages), subject, texts, languages)).encode("ascii")
