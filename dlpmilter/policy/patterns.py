# SPDX-License-Identifier: Apache-2.0
"""What a pattern of a detector file must not hold, by its text alone. Never compiles it: room detect does.

A pattern runs in time that grows with the text and not faster, whatever the text is. That rules out
look-around and back-references (RE2 has neither) and long counted repeats (they make thousands of states).
"""

from __future__ import annotations

import re
from typing import Final

MAX_LENGTH: Final = 1500
MAX_REPEAT: Final = 40
"""The largest upper bound of a counted repeat, nested ones multiplied by hand of the author."""
LOOSE_REPEAT: Final = 10
"""The same in a pattern that may begin at any letter."""

_GROUPS: Final = (
    ("(?=", "look-ahead"), ("(?!", "look-ahead"), ("(?<=", "look-behind"), ("(?<!", "look-behind"),
    ("(?P=", "a back-reference"), ("(?>", "an atomic group"), ("(?(", "a condition"), ("(?#", "a comment"),
)  # fmt: skip
_INSTEAD: Final = {
    "look-ahead": "Write \\b for the edge of a word, or leave the check to a validator or a context word.",
    "look-behind": "Write \\b for the edge of a word, or leave the check to a validator or a context word.",
    "a back-reference": "Write out what may stand there, for example [ -]?.",
}
_COUNTED: Final = re.compile(r"\{(\d+)(,?)(\d*)\}")
_FIXED_START: Final = re.compile(r"(?:\\b|\^|\\[^A-Za-z0-9]|(?:\\?[A-Za-z0-9_:/<#@=\"'-]){2})")
_OPENING: Final = re.compile(r"\((?:\?[a-zA-Z]*:|\?[a-zA-Z]+\)|\?P?<\w+>)?")


def refused_text(pattern: str) -> tuple[str, str]:
    """What is wrong and what would be right, both "" when nothing is wrong with the text."""
    if len(pattern) > MAX_LENGTH:
        return f"has {len(pattern)} characters.", f"The longest allowed is {MAX_LENGTH}; write several patterns."
    place, fixed = 0, True
    # Whether what comes next is the beginning of the pattern or of one of its alternatives.
    beginning, groups, atom = True, list[bool](), ""
    while place < len(pattern):
        here = pattern[place]
        if beginning and here not in "(|":
            fixed, beginning = bool(_FIXED_START.match(pattern, place)), False
        if here == "[":
            end = _class_end(pattern, place)
            if umlaut := next((each for each in pattern[place:end] if each in "äöüÄÖÜß"), ""):
                return f"has {umlaut} in brackets.", _UMLAUT
            atom, place = pattern[place:end], end
            continue
        found = _outside(pattern, place, fixed=fixed, wide=_WIDE.match(atom) is not None)
        if found[0]:
            return found
        if here == "(":
            opening = _OPENING.match(pattern, place)
            text = opening[0] if opening else "("
            place += len(text)
            if not text.endswith(")"):
                groups.append(beginning)
            continue
        if here == ")" and groups:
            groups.pop()
        elif here == "|":
            beginning = all(groups)
        width = 2 if here == "\\" else 1
        atom, place = pattern[place : place + width], place + width
    return "", ""


_WIDE: Final = re.compile(r"\.$|\\[sWDS]$|\[\^|\[.*(?: |\\[sWDS])", re.DOTALL)
"""What matches a blank as well: repeated, a pattern may begin again at each word inside it."""
_UMLAUT: Final = (
    "Detectors read a text with ae, oe, ue and ss for umlauts and sharp s; write the letters side by side, "
    "for example (?:ä|a)."
)


def _class_end(pattern: str, place: int) -> int:
    """The index behind the bracket expression that begins at `place`."""
    place += 1 + pattern.startswith("^", place + 1)
    place += pattern.startswith("]", place)  # a bracket that stands first is itself
    while place < len(pattern) and pattern[place] != "]":
        place += 2 if pattern[place] == "\\" else 1
    return place + 1


def _outside(pattern: str, place: int, *, fixed: bool, wide: bool) -> tuple[str, str]:
    name = _foreign(pattern, place)
    if name:
        end = f"{name}, which RE2 does not have."
        return f"uses {end}", _INSTEAD.get(name, "Leave it out.")
    counted = _COUNTED.match(pattern, place) if pattern[place] == "{" else None
    if counted is None:
        return "", ""
    upper = int(counted[3] or counted[1])
    if upper > MAX_REPEAT:
        return f"repeats {upper} times.", f"The largest bound is {MAX_REPEAT}; write {{{counted[1]},}} for no bound."
    if upper > LOOSE_REPEAT and wide:
        return (
            f"repeats {upper} times what may be a blank.",
            f"Repeat at most {LOOSE_REPEAT} times, write {{{counted[1]},}} for no bound, or leave the blank out.",
        )
    if upper > LOOSE_REPEAT and not fixed:
        return (
            f"repeats {upper} times and may begin at any letter.",
            f"Begin it with \\b or with two fixed letters, or repeat at most {LOOSE_REPEAT} times.",
        )
    return "", ""


def _foreign(pattern: str, place: int) -> str:
    """The name of a construct that other engines have and RE2 has not."""
    if pattern[place] == "\\":
        following = pattern[place + 1 : place + 2]
        if following.isdigit() and following != "0":
            return "a back-reference"
        return "a back-reference" if following in {"k", "g"} else ""
    if pattern[place] == "(":
        return next((name for text, name in _GROUPS if pattern.startswith(text, place)), "")
    if pattern[place] in "*+?}" and pattern[place + 1 : place + 2] == "+":
        return "a possessive repeat"
    return ""
