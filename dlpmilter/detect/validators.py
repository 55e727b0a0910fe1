# SPDX-License-Identifier: Apache-2.0
"""Every validator under the name a definition gives it. Never searches, never raises.

A validator gets the candidate as it stands in the plain form and answers with its normal form, by which
distinct values are counted, or "" when it is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import phonenumbers

from dlpmilter.detect import identifiers
from dlpmilter.detect.licence_plates import de_licence_plate
from dlpmilter.detect.secret_values import SECRET_VALIDATORS
from dlpmilter.detect.stdnum_values import STDNUM_VALIDATORS

Validator = Callable[[str], str]

_HOME_REGIONS: Final = ("DE", "AT", "CH")
"""Numbers without a country code are tried as these."""
_GAPS: Final = str.maketrans("", "", " ./()-")
_SHAPES: Final[dict[str, re.Pattern[str]]] = {}


def phone(text: str) -> str:
    """A number some numbering plan knows, in E.164; national spellings count as German, Austrian or Swiss."""
    regions = (None,) if text.lstrip("( ").startswith("+") else ("ZZ",) if text.startswith("00") else _HOME_REGIONS
    for region in regions:
        if region in _HOME_REGIONS and not _may_be_national(text, region):
            continue
        try:
            number = phonenumbers.parse(f"+{text[2:]}" if region == "ZZ" else text, None if region == "ZZ" else region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return ""


def _may_be_national(text: str, region: str) -> bool:
    """Whether the digits, with or without the 0 before them, have the shape of a number there at all.

    The library asks this as well, after much that takes ten times as long; letters it reads as keys.
    """
    digits = text.translate(_GAPS)
    if not (digits.isascii() and digits.isdigit() and digits.startswith("0")) or digits.startswith("00"):
        return True  # `0/049...` is an international number to it
    shape = _SHAPES.get(region) or _SHAPES.setdefault(region, _shape(region))
    return bool(shape.fullmatch(digits) or shape.fullmatch(digits[1:]))


def _shape(region: str) -> re.Pattern[str]:
    found = phonenumbers.PhoneMetadata.metadata_for_region(region)
    pattern = found and found.general_desc and found.general_desc.national_number_pattern
    return re.compile(pattern or r"\d+")


def plain_value(text: str) -> str:
    """What counts as the same value where a definition names no validator: case and gaps do not matter."""
    return " ".join(text.lower().split())


FUNCTIONS: Final[dict[str, Validator]] = {
    **STDNUM_VALIDATORS,
    **SECRET_VALIDATORS,
    "": plain_value,
    "iban": identifiers.iban,
    "payment-card": identifiers.payment_card,
    "luhn": identifiers.luhn,
    "de-social-insurance": identifiers.de_social_insurance,
    "de-id-card": identifiers.de_id_card,
    "de-passport": identifiers.de_passport,
    "de-health-insurance": identifiers.de_health_insurance,
    "de-licence-plate": de_licence_plate,
    "mrz": identifiers.mrz,
    "uk-nino": identifiers.uk_nino,
    "birth-date": identifiers.birth_date,
    "email-address": identifiers.email_address,
    "phone": phone,
}
"""Validator name -> function; exactly the names of model/detector.py, and "" for none."""
WARM_PHONES: Final = ("+49 89 636 48018", "0043 1 5321234", "044 668 18 00")


def warm() -> None:
    """Let the libraries read their tables now: inside the sandbox there is no disk."""
    for each in WARM_PHONES:
        phone(each)
    for function in FUNCTIONS.values():
        function("DE89370400440532013000")
    phonenumbers.PhoneMetadata.load_all()
