# SPDX-License-Identifier: Apache-2.0
"""Every validator under the name a definition gives it. Never searches, never raises.

A validator gets the candidate as it stands in the plain form and answers with its normal form, by which
distinct values are counted, or "" when it is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dlpmilter.detect import identifiers, phones
from dlpmilter.detect.licence_plates import de_licence_plate
from dlpmilter.detect.secret_values import SECRET_VALIDATORS
from dlpmilter.detect.stdnum_values import STDNUM_LEAST, STDNUM_VALIDATORS

Validator = Callable[[str], str]


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
    "phone": phones.phone,
}
"""Validator name -> function; exactly the names of model/detector.py, and "" for none."""

LEAST_DIGITS: Final[dict[str, int]] = {
    **STDNUM_LEAST,
    "payment-card": 12, "de-social-insurance": 11, "de-health-insurance": 9, "uk-nino": 6, "birth-date": 3,
    "de-id-card": 1, "de-passport": 1, "de-licence-plate": 1,
}  # fmt: skip
"""Validator name -> digits that every right value has at least: where fewer stand, none is looked for."""


def warm() -> None:
    """Let the libraries read their tables now: inside the sandbox there is no disk."""
    phones.warm()
    for function in FUNCTIONS.values():
        function("DE89370400440532013000")
