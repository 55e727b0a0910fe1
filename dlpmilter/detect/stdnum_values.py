# SPDX-License-Identifier: Apache-2.0
"""Identifiers whose rules python-stdnum knows. Never trusts it with an exception: any error means "none"."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from stdnum import numdb

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


@lru_cache(maxsize=1024)
def iban_structure(country: str) -> re.Pattern[str] | None:
    """The account part of a country's IBAN (SWIFT registry, as python-stdnum carries it)."""
    found = numdb.get("iban").info(country)
    part = found[0][1].get("bban", "") if found else ""
    parts = re.findall(r"(\d+)!([nac])", part)
    return re.compile("".join(f"{_KINDS[kind]}{{{count}}}" for count, kind in parts)) if parts else None


_SLASHED: Final = str.maketrans("", "", " \t\r\n./-")
# Some modules fill up with zeros, and one in eleven short numbers would then be right.
_SHORTEST: Final = {"nl.bsn": 8, "at.vnr": 10}


def _validator(module: str) -> Callable[[str], str]:
    number: Any = import_module(f"stdnum.{module}")
    noise = _SLASHED if module == "at.vnr" else _NOISE
    shortest = _SHORTEST.get(module, 0)

    def validate(text: str) -> str:
        value = text.translate(noise)
        if sum(map(str.isdigit, value)) < shortest:
            return ""
        try:
            normal = str(number.validate(value))
        except Exception:  # noqa: BLE001  # the library's checks are many; none may cost a mail
            return ""
        digits = re.sub(r"\D", "", normal)
        return "" if len(set(digits)) < 2 else normal.upper()

    return validate


STDNUM_VALIDATORS: Final = {name: _validator(module) for name, module in _MODULES.items()}
"""Validator name -> function; each module is imported here, before the process is confined."""
