# SPDX-License-Identifier: Apache-2.0
"""Reply and forward prefixes of subjects, by language. Reads the outermost one; never looks at a body."""

from __future__ import annotations

import re

FORWARD = frozenset(
    # German, English, French, Italian, Spanish, Dutch
    "wg wtr wtrlt weitergeleitet weitergel fw fwd fwrd forward forwarded tr transf fi i rv reenv reenviado doorst ds doorgest "
    # Nordic, Baltic, Slavic, others: cheap to know, measured in a later issue
    "vb vl pd podaj enc vs videresend videresendt redir tov továbbítás i̇lt ilt iletilmiş пересл пер 転送 转发 轉寄 ynl prel prnj".split()
)
REPLY = frozenset(
    "aw antw antwort re res resp rép rep r rif sv ref odp ynt atb vá отв ответ на 回复 回覆 答复 返信 bls απ".split()
)
_BRACKET = re.compile(r"\s*[\[({<][^\[\](){}<>]{0,80}[\])}>]\s*")
_PREFIX = re.compile(
    r"\s*([^\W\d_]{1,14}\u0307?[^\W\d_]{0,13})\.?\s*(?:[\[(^]\s*\d{1,3}\s*[\])]?|\d{1,3})?\s*[:\uff1a]"
)
_MOST = 20


def outermost(subject: str) -> tuple[str, str]:
    """Reading of the first reply or forward prefix: ("forward" | "reply" | "", the prefix found).

    Tags in brackets before it (`[EXTERN]`, `(ext)`) and other words with a colon are stepped over only
    when they are brackets: `Angebot: Re: x` is a fresh mail.
    """
    position = 0
    for _ in range(_MOST):
        bracket = _BRACKET.match(subject, position)
        if bracket is None or bracket.end() == position:
            break
        position = bracket.end()
    match = _PREFIX.match(subject, position)
    if match is None:
        return ("forward", "fwd") if _wrapped_forward(subject) else ("", "")
    word = match[1].lower()
    if word in FORWARD:
        return "forward", word
    if word in REPLY:
        return "reply", word
    return "", ""


def _wrapped_forward(subject: str) -> bool:
    """`[Fwd: subject]`, as Mozilla programs wrote it, and `subject (fwd)`, as Pine did."""
    text = subject.strip().lower()
    return text.startswith(("[fwd:", "[fw:", "[wg:")) or text.endswith("(fwd)")
