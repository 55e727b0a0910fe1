# SPDX-License-Identifier: Apache-2.0
"""Reply and forward prefixes of subjects, by language. Reads the outermost one; never looks at a body."""

from __future__ import annotations

import re

# Outlook's localised prefixes; the abbreviations other programs and house rules use beside them
FORWARD = frozenset(
    # de en fr it es pt nl
    "wg wtr wtrlt weitergeleitet weitergel weiterl fw fwd fwrd fword forward forwarded tr transf transfert i inoltra rv reenv "
    "reenviado enc encam encaminhada doorst ds doorgest "
    # da no sv fi is, pl cs sk hu ro
    "vs vb vl fs videresend videresendt pd podaj předáno přeposláno přep preposlané tov továbbítás továbbít redir redirecționat "
    # tr ru uk bg el hr sl et lv lt
    "i̇lt ilt iletilmiş i̇let ilet пересл пер пересылка пересилка прп пд препр препратено πρθ prosl proslijeđeno proslj posr "
    "posredovano prnj prel edasi edast pārs pārsūtīts pers persiųsta "
    # id zh ja ko he ar
    "trs ynl 转发 轉寄 转寄 轉發 転送 전달 הועבר".split()
)
REPLY = frozenset(
    # de en fr it es pt nl
    "aw antw antwort re res resp rép rep r rif "
    # da no sv is, pl cs sk hu ro, tr ru uk bg el, hr sl et lv lt, zh ja ko he ar
    "sv svar ref odp odg vá válasz ynt yan cevap отв ответ на відп отг отговор απ σχετ απάντηση odgovor vast vastus atb ats "
    "回复 回覆 答复 答覆 返信 회신 답장 bls השב תגובה رد".split()
)
_PHRASES = {"إعادة توجيه": "forward", "إعادة-توجيه": "forward"}
"""Prefixes of more than one word."""
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
        start = subject[position : position + 40].partition(":")[0].strip().lower()
        if start in _PHRASES:
            return _PHRASES[start], start
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
