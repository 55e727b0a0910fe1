# SPDX-License-Identifier: Apache-2.0
"""The language of a page: what the person chose, else what the browser asks for. Never guesses from an address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from starlette.requests import Request

Language = Literal["de", "en"]
COOKIE = "language"
Say = Callable[[str, str], str]
"""say("deutsch", "English"): both stand side by side in the templates, so that none is forgotten."""


def language_of(request: Request, configured: Sequence[Language]) -> Language:
    """`?lang=` first, then the cookie, then the browser's list, then the company's first language."""
    for chosen in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if chosen in {"de", "en"}:
            return chosen  # type: ignore[return-value]  # tested in the line above
    return _asked(request.headers.get("accept-language", "")) or (configured[0] if configured else "en")


def _asked(header: str) -> Language | None:
    wishes: list[tuple[float, int, Language]] = []
    for place, each in enumerate(header[:500].split(",")[:20]):
        name, _, rest = each.strip().partition(";")
        try:
            weight = float(rest.partition("q=")[2] or 1)
        except ValueError:
            continue
        short = name.strip().lower()[:2]
        if weight > 0 and short in {"de", "en"}:
            wishes.append((-weight, place, short))  # type: ignore[arg-type]  # tested in the line above
    return min(wishes)[2] if wishes else None


def sayer(language: Language) -> Say:
    """Picks one of two texts."""
    return (lambda de, _: de) if language == "de" else (lambda _, en: en)


def moment(at: datetime | None, language: Language) -> str:
    """A time as people write it, with its zone; "" for none."""
    if at is None:
        return ""
    local = at.astimezone()
    pattern = "%d.%m.%Y, %H:%M Uhr (%Z)" if language == "de" else "%d %B %Y, %H:%M (%Z)"
    return local.strftime(pattern)
