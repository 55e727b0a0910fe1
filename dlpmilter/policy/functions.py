# SPDX-License-Identifier: Apache-2.0
"""The functions a condition may call, each prepared once at load. Never more than linear in the text."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass

from dlpmilter.policy.domains import is_domain, normalise_domain
from dlpmilter.policy.terms import ConditionError

TextTest = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Function:
    """One function: how it is written, whether its second value is a list, what it becomes."""

    usage: str
    doc: str
    prepare: Callable[[object], TextTest]
    takes_list: bool = False


def check_text(text: str, *, domain: bool) -> None:
    """Text facts are lower case and domains punycode: a literal that is not can never match."""
    if domain and text and normalise_domain(text) != text:
        raise ConditionError(f"the domain {text!r} is not in its normal form.", f"Write {normalise_domain(text)!r}.")
    if text != text.lower():
        raise ConditionError(f"{text!r} has capital letters; text facts are lower case.", f"Write {text.lower()!r}.")


def _text(argument: object, usage: str) -> str:
    if not isinstance(argument, str) or not argument:
        raise ConditionError("the second value must be a text in quotes and not empty.", f"Write {usage}.")
    check_text(argument, domain=False)
    return argument


def _glob(argument: object) -> TextTest:
    pattern = _text(argument, _GLOB)
    # fnmatch.translate makes each `*` non-backtracking, so the match is linear; `[` has no special meaning here.
    matcher = re.compile(fnmatch.translate(pattern.replace("[", "[[]"))).match
    return lambda text: matcher(text) is not None


def _startswith(argument: object) -> TextTest:
    start = _text(argument, "startswith(recipient.local, 'support')")
    return lambda text: text.startswith(start)


def _endswith(argument: object) -> TextTest:
    end = _text(argument, "endswith(recipient.domain, '.example')")
    return lambda text: text.endswith(end)


def _in_domain(argument: object) -> TextTest:
    names = argument if isinstance(argument, tuple) else ()
    domains = []
    for name in names:
        if not isinstance(name, str) or not is_domain(normalise_domain(name)):
            raise ConditionError(
                f"{name!r} is not a domain.", f"Write {_IN_DOMAIN}; a domain covers its subdomains by itself."
            )
        domains.append(normalise_domain(name))
    exact, below = frozenset(domains), tuple(f".{name}" for name in domains)
    return lambda text: text in exact or text.endswith(below)


_GLOB = "glob(recipient.local, 'support-*')"
_IN_DOMAIN = "in_domain(recipient.domain, ['example.com', 'example.org'])"

FUNCTIONS: dict[str, Function] = {
    "glob": Function(_GLOB, "Whether the whole text fits the pattern: `*` any characters, `?` one character.", _glob),
    "in_domain": Function(
        _IN_DOMAIN, "Whether the domain is one of the list or lies below one of them.", _in_domain, takes_list=True
    ),
    "startswith": Function(
        "startswith(recipient.local, 'support')", "Whether the text begins with the other.", _startswith
    ),
    "endswith": Function("endswith(recipient.domain, '.example')", "Whether the text ends with the other.", _endswith),
}
