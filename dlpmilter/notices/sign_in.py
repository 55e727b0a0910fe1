# SPDX-License-Identifier: Apache-2.0
"""The mail with a link to sign in. Never says anything about a case; whoever did not ask for it can ignore it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dlpmilter.notices.compose import bilingual, own_head, part_of, render
from dlpmilter.notices.page import alternative

if TYPE_CHECKING:
    from datetime import datetime

    from dlpmilter.notices.facts import Language, Letterhead

KIND = "sign-in"
_SUBJECT = {"de": "Ihr Link zur Anmeldung", "en": "Your link to sign in"}


def compose_sign_in(
    link: str, to: str, languages: Sequence[Language], *, minutes: int, letterhead: Letterhead, now: datetime
) -> bytes:
    """One complete mail, ASCII with CRLF; `link` is good once and for so many minutes."""
    texts = [render("sign-in.txt", {"link": link, "minutes": minutes}, each) for each in languages]
    subject = " / ".join(_SUBJECT[each] for each in languages)
    head = own_head(
        letterhead, now=now, to=to, name="", subject=subject, case_id=f"S-{secrets.token_hex(8)}", kind=KIND,
        auto_submitted="auto-generated", answers="", part=part_of(now, [to]),
    )  # fmt: skip
    return (head + alternative(bilingual(texts, languages), subject, texts, languages)).encode("ascii")
