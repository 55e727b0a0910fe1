# SPDX-License-Identifier: Apache-2.0
"""Phone numbers of any numbering plan, in E.164. Never asks whether one is in use.

Digits between the usual gaps are read here, with the patterns of the library (phonenumbers, metadata of
libphonenumber), whose own way through them takes four times as long or more. Letters, extensions and whatever else
it reads are left to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

_HOME_REGIONS: Final = ("DE", "AT", "CH")
"""Numbers without a country code are tried as these."""
_GAPS: Final = str.maketrans("", "", " ./()-")
_SIMPLE: Final = re.compile(r"[( ]*(\+?)[( ]*([0-9][0-9 ./()-]*)")
_NO_GEOGRAPHY: Final = "001"
_LONGEST: Final = 17
"""Digits of the longest national number the library takes."""
_KINDS: Final = "fixed_line mobile premium_rate toll_free shared_cost voip personal_number pager uan voicemail".split()
_WARM: Final = ("+49 89 636 48018", "0043 1 5321234", "044 668 18 00", "+1 212 555 2368", "+44 20 7946 0000")


class _Shape(NamedTuple):
    """Digits of one kind of number: how many there may be (none: any), and what they look like."""

    lengths: frozenset[int]
    pattern: re.Pattern[str]

    def fits(self, digits: str) -> bool:
        return (not self.lengths or len(digits) in self.lengths) and self.pattern.fullmatch(digits) is not None


class _Plan(NamedTuple):
    """The numbering plan of one region, compiled."""

    code: int
    general: _Shape | None
    kinds: tuple[_Shape, ...]
    leading: re.Pattern[str] | None
    prefix: re.Pattern[str] | None
    transforms: bool
    lengths: frozenset[int]
    longest: int

    def valid(self, digits: str) -> bool:
        """Whether this is a national number of any kind here."""
        return self.general is not None and self.general.fits(digits) and any(each.fits(digits) for each in self.kinds)

    def stripped(self, digits: str) -> str | None:
        """The national number without its trunk prefix; None: only the library can say."""
        found = self.prefix.match(digits) if self.prefix is not None else None
        if found is None:
            return digits
        if self.transforms and found.groups()[-1] is not None:
            return None
        rest = digits[found.end() :]
        if self.general is not None:
            shape = self.general.pattern
            if shape.fullmatch(digits) and not shape.fullmatch(rest):
                return digits
        return rest if len(rest) in self.lengths or len(rest) > self.longest else digits


def phone(text: str) -> str:
    """A number some numbering plan knows, in E.164; national spellings count as German, Austrian or Swiss."""
    simple = _SIMPLE.fullmatch(text)
    if simple is None or len(text) > 200:
        return _by_library(text)
    digits = simple[2].translate(_GAPS)
    if len(digits) < 3:
        return ""
    if simple[1]:
        return _international(text, digits)
    if text.startswith("00"):
        return _international(text, digits[2:])
    if not digits.startswith("0") or digits.startswith("00"):
        return _by_library(text)
    for region in _HOME_REGIONS:
        plan = _plan(region, 0)
        national = plan.stripped(digits) if plan is not None else None
        if plan is None or national is None:
            return _by_library(text)
        if 2 <= len(national) <= _LONGEST and _valid(plan.code, national):
            return f"+{plan.code}{national}"
    return ""


def _international(text: str, digits: str) -> str:
    if len(digits) < 3:
        return ""
    for size in (1, 2, 3):
        code = int(digits[:size])
        if digits[0] != "0" and code in COUNTRY_CODE_TO_REGION_CODE:
            plan = _plan(COUNTRY_CODE_TO_REGION_CODE[code][0], code)
            national = plan.stripped(digits[size:]) if plan is not None and len(digits) - size >= 2 else ""
            if national is None:
                return _by_library(text)
            good = 2 <= len(national) <= _LONGEST and _valid(code, national)
            return f"+{code}{national}" if good else ""
    return ""


def _valid(code: int, national: str) -> bool:
    """Whether the region the number belongs to, the first that claims it, has such numbers."""
    regions: Sequence[str] = COUNTRY_CODE_TO_REGION_CODE[code]
    for region in regions:
        plan = _plan(region, code)
        if plan is None:
            continue
        if len(regions) == 1 or plan.leading is None:
            if plan.valid(national):
                return True
        elif plan.leading.match(national):
            return plan.valid(national)
    return False


@cache
def _plan(region: str, code: int) -> _Plan | None:
    found: Any = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    if found is None:
        return None
    shapes = [_shape(getattr(found, kind)) for kind in _KINDS]
    lengths = tuple(found.general_desc.possible_length)
    local = frozenset(found.general_desc.possible_length_local_only)
    transforms = bool(found.national_prefix_transform_rule)
    return _Plan(
        int(found.country_code),
        _shape(found.general_desc),
        tuple(each for each in shapes if each is not None),
        re.compile(found.leading_digits) if found.leading_digits is not None else None,
        re.compile(found.national_prefix_for_parsing) if found.national_prefix_for_parsing else None,
        transforms,
        frozenset(lengths) - local,
        max(lengths),
    )


def _shape(found: Any) -> _Shape | None:
    if found is None or not found.national_number_pattern:
        return None
    return _Shape(frozenset(found.possible_length), re.compile(found.national_number_pattern))


def _by_library(text: str) -> str:
    """What the library alone says."""
    regions = (None,) if text.lstrip("( ").startswith("+") else ("ZZ",) if text.startswith("00") else _HOME_REGIONS
    for region in regions:
        try:
            number = phonenumbers.parse(f"+{text[2:]}" if region == "ZZ" else text, None if region == "ZZ" else region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return ""


def warm() -> None:
    """Read the tables of all regions, and compile those that most mail asks for."""
    PhoneMetadata.load_all()
    for each in _WARM:
        phone(each)
        _by_library(each)
