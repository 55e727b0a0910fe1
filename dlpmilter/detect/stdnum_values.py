# SPDX-License-Identifier: Apache-2.0
"""Identifiers whose rules python-stdnum knows. Never trusts it with an exception: any error means "none"."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from stdnum import numdb

from dlpmilter.detect.check_digits import possible

_KINDS: Final = {"n": r"\d", "a": "[A-Z]", "c": "[A-Z0-9]"}
_NOISE: Final = str.maketrans("", "", " \t\r\n")
_MODULES: Final = {
    "de-tax-id": "de.idnr",
    "de-tax-number": "de.stnr",
    "at-social-insurance": "at.vnr",
    "ch-ahv": "ch.ssn",
    "fr-nir": "fr.nir",
    "it-fiscal-code": "it.codicefiscale",
    "es-nif": "es.nif",
    "nl-bsn": "nl.bsn",
    "pl-pesel": "pl.pesel",
    "uk-nhs": "gb.nhs",
    "us-ssn": "us.ssn",
    "be-national-number": "be.nn",
    "dk-cpr": "dk.cpr",
    "se-personnummer": "se.personnummer",
    "no-fodselsnummer": "no.fodselsnummer",
    "fi-hetu": "fi.hetu",
    "cz-rodne-cislo": "cz.rc",
    "ie-pps": "ie.pps",
    "pt-nif": "pt.nif",
    "ro-cnp": "ro.cnp",
}


# Territories that some banks write with a code of their own; the structure is that of the country.
_TERRITORIES: Final = {"AX": "FI", "GG": "GB", "IM": "GB", "JE": "GB"} | dict.fromkeys(
    "BL GF GP MF MQ NC PF PM RE TF WF YT".split(), "FR"
)
# Countries outside the registry whose banks use the scheme: length of the account part.
_UNREGISTERED: Final = {
    "AO": 21, "BF": 24, "BJ": 24, "CF": 23, "CG": 23, "CI": 24, "CM": 23, "CV": 21, "DZ": 22, "GA": 23, "GQ": 23,
    "GW": 21, "IR": 22, "KM": 23, "MA": 24, "MG": 23, "ML": 24, "MZ": 21, "NE": 24, "SN": 24, "TD": 23, "TG": 24,
}  # fmt: skip


@lru_cache(maxsize=1024)
def iban_structure(country: str) -> re.Pattern[str] | None:
    """The account part of a country's IBAN (SWIFT registry, as python-stdnum carries it)."""
    if country in _UNREGISTERED:
        return re.compile(rf"[A-Z0-9]{{{_UNREGISTERED[country]}}}")
    found = numdb.get("iban").info(_TERRITORIES.get(country, country))
    part = found[0][1].get("bban", "") if found else ""
    parts = re.findall(r"(\d+)!([nac])", part)
    return re.compile("".join(f"{_KINDS[kind]}{{{count}}}" for count, kind in parts)) if parts else None


_SLASHED: Final = str.maketrans("", "", " \t\r\n./-")
# Digits of the shortest right number. nl.bsn and at.vnr fill up with zeros, and one in eleven short numbers would then
# be right; the others say no themselves, at twenty times the time of a count, to every shorter reading of groups.
_SHORTEST: Final = {
    "nl.bsn": 8, "at.vnr": 10, "de.idnr": 11, "de.stnr": 10, "ch.ssn": 13, "fr.nir": 14, "es.nif": 7, "pl.pesel": 11,
    "gb.nhs": 10, "us.ssn": 9, "be.nn": 11, "dk.cpr": 10, "se.personnummer": 10, "no.fodselsnummer": 11, "fi.hetu": 9,
    "cz.rc": 9, "ie.pps": 7, "pt.nif": 9, "ro.cnp": 13,
}  # fmt: skip


def _without_coordination(value: str) -> str:
    """A Swedish coordination number has 60 added to the day; the check digit is computed with it, so it moves too."""
    digits = re.sub(r"\D", "", value)[-10:]
    if len(digits) != 10 or not 61 <= int(digits[4:6]) <= 91:
        return value
    doubled = [int(each) * (2 if place % 2 == 0 else 1) for place, each in enumerate(digits)]
    if sum(each // 10 + each % 10 for each in doubled) % 10:
        return ""
    day = f"{int(digits[4:6]) - 60:02d}"
    body = digits[:4] + day + digits[6:9]
    doubled = [int(each) * (2 if place % 2 == 0 else 1) for place, each in enumerate(body)]
    return f"{body[:6]}-{body[6:]}{-sum(each // 10 + each % 10 for each in doubled) % 10}"


def _old_birth_number(value: str) -> str:
    """Czech numbers of nine digits were given out until 1953 and never end in 000."""
    digits = re.sub(r"\D", "", value)
    return "" if len(digits) == 9 and (int(digits[:2]) > 53 or digits.endswith("000")) else value


_ADJUSTED: Final[dict[str, Callable[[str], str]]] = {
    "se.personnummer": _without_coordination,
    "cz.rc": _old_birth_number,
}


def _validator(module: str, ask: Callable[[str, int, str], bool] = possible) -> Callable[[str], str]:
    number: Any = import_module(f"stdnum.{module}")
    noise = _SLASHED if module == "at.vnr" else _NOISE
    shortest = _SHORTEST.get(module, 0)

    def validate(text: str) -> str:
        value = text.translate(noise)
        if value.isascii():
            if not ask(module, shortest, value):
                return ""
        elif sum(map(str.isdigit, value)) < shortest:
            return ""
        if module in _ADJUSTED:
            value = _ADJUSTED[module](value)
        try:
            normal = str(number.validate(value))
        except Exception:  # noqa: BLE001  # the library's checks are many; none may cost a mail
            return ""
        digits = re.sub(r"\D", "", normal)
        return "" if len(set(digits)) < 2 else normal.upper()

    return validate


STDNUM_VALIDATORS: Final = {name: _validator(module) for name, module in _MODULES.items()}
"""Validator name -> function; each module is imported here, before the process is confined."""
STDNUM_LEAST: Final = {name: _SHORTEST[module] for name, module in _MODULES.items() if module in _SHORTEST}
"""Validator name -> digits of its shortest number."""
