# SPDX-License-Identifier: Apache-2.0
"""Whether a candidate identifier is what it looks like, and its one spelling. Never searches; patterns do that.

A validator gets the candidate as it stands in the plain form and answers with its normal form, by which
distinct values are counted, or "" when it is none. It never raises.
"""

from __future__ import annotations

import re
from typing import Final

from dlpmilter.detect.check_digits import luhn as luhn_of
from dlpmilter.detect.stdnum_values import iban_structure

_SEPARATORS: Final = str.maketrans("", "", " \t\r\n.-/")
_CARD: Final = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"3(?:0[0-5]|095|6|[89])"), (14, 16)),
    (re.compile(r"6011|64[4-9]|65|622"), (16, 19)),
    (re.compile(r"35(?:2[89]|[3-8])"), (16, 17, 18, 19)),
    (re.compile(r"62|81"), (16, 17, 18, 19)),
    (re.compile(r"220[0-4]"), (16, 17, 18, 19)),
    (re.compile(r"5018|5020|5038|5[6-8]|6304|67"), (12, 13, 14, 15, 16, 17, 18, 19)),
)


def compact(text: str) -> str:
    """Without blanks, dots, hyphens and slashes, upper case."""
    return text.translate(_SEPARATORS).upper()


def iban(text: str) -> str:
    """ISO 13616: country's structure, and mod 97 of the rearranged digits is 1."""
    value = compact(text)
    structure = iban_structure(value[:2])
    if structure is None or not structure.fullmatch(value[4:]) or value[2:4] in {"00", "01", "99"}:
        return ""
    digits = "".join(each if each.isdigit() else str(ord(each) - 55) for each in value[4:] + value[:4])
    return value if digits.isdigit() and int(digits) % 97 == 1 else ""


def luhn_digits(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B, check digit last."""
    return digits.isascii() and luhn_of(digits.encode())


def payment_card(text: str) -> str:
    """Issuer range, its lengths, Luhn; no row of one digit."""
    value = compact(text)
    if not value.isdigit() or len(set(value)) < 2 or not luhn_digits(value):
        return ""
    return value if any(start.match(value) and len(value) in lengths for start, lengths in _CARD) else ""


def luhn(text: str) -> str:
    """Any digits with a Luhn check digit."""
    value = compact(text)
    return value if value.isdigit() and len(set(value)) > 1 and luhn_digits(value) else ""


def de_social_insurance(text: str) -> str:
    """Versicherungsnummer: area, birth date, letter, serial, check digit (VKVV section 2 and 4)."""
    value = compact(text)
    if not re.fullmatch(r"\d{8}[A-Z]\d{3}", value):
        return ""
    day, month = int(value[2:4]), int(value[4:6])
    # A supplement of 30 or 60 to the day, or day or month 00, marks special cases.
    if int(value[:2]) not in _INSURERS or day > 91 or month > 12:
        return ""
    digits = value[:8] + f"{ord(value[8]) - 64:02d}" + value[9:11]
    total = sum(
        sum(divmod(int(digit) * weight, 10))
        for digit, weight in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)
    )
    return value if total % 10 == int(value[11]) else ""


_INSURERS: Final = {2, 3, 4, *range(8, 22), *range(23, 30), 38, 39, 40, *range(42, 50), *range(48, 54), *range(55, 60),
                    *range(61, 70), *range(72, 80), 80, 81, 82, 89}  # fmt: skip


def de_health_insurance(text: str) -> str:
    """Krankenversichertennummer: letter, eight digits, check digit (SGB V section 290, modulus 10)."""
    value = compact(text)
    if not re.fullmatch(r"[A-Z]\d{9}", value):
        return ""
    digits = f"{ord(value[0]) - 64:02d}" + value[1:9]
    total = sum(sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(digits))
    return value if total % 10 == int(value[9]) else ""


def _mrz_check(text: str) -> int:
    """ICAO Doc 9303 part 3, 4.9: weights 7, 3, 1, letters from 10, filler 0."""
    values = (0 if each == "<" else int(each, 36) for each in text)
    return sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values)) % 10


_DE_DOCUMENT: Final = "CFGHJKLMNPRTVWXYZ0123456789"


def _de_document(value: str, first: str) -> str:
    if len(value) not in {9, 10} or value[0] not in first or any(each not in _DE_DOCUMENT for each in value[:9]):
        return ""
    if not any(each.isdigit() for each in value):
        return ""
    if len(value) == 10 and (not value[9].isdigit() or _mrz_check(value[:9]) != int(value[9])):
        return ""
    return value[:9]


def de_id_card(text: str) -> str:
    """Serial number of a Personalausweis: nine of 27 characters, check digit and D where they stand beside it."""
    value = compact(text)
    old = re.fullmatch(r"(\d{9})(\d)D?", value)
    if old:
        return old[1] if _mrz_check(old[1]) == int(old[2]) else ""
    return _de_document(value.removesuffix("D") if len(value) == 11 else value, "LMNPRTVWXYZ")


def de_passport(text: str) -> str:
    """Number of a German passport: the same alphabet, first letter of the issuing office's range."""
    value = compact(text)
    return _de_document(value.removesuffix("D") if len(value) == 11 else value, "CFGHJK")


def mrz(text: str) -> str:
    """Machine-readable zone: the second line of a passport (TD3) or identity card (TD1, TD2) by its check digits."""
    line = re.sub(r"\s", "", text).upper()
    found = re.search(r"([A-Z0-9<]{9})([0-9<])([A-Z<]{3})(\d{6})(\d)([MFX<])(\d{6})(\d)", line)
    if found:
        good = _mrz_check(found[1]) == int(found[2].replace("<", "0"))
        good = good and _mrz_check(found[4]) == int(found[5]) and _mrz_check(found[7]) == int(found[8])
        return found[1].rstrip("<") + found[4] if good else ""
    found = re.search(r"(\d{6})(\d)([MFX<])(\d{6})(\d)[A-Z<]{3}", line)
    good = found is not None and _mrz_check(found[1]) == int(found[2]) and _mrz_check(found[4]) == int(found[5])
    return found[1] + found[4] if found and good else ""


def uk_nino(text: str) -> str:
    """National Insurance number: prefixes that are not given out are none (NIM39110)."""
    value = compact(text)
    if not re.fullmatch(r"[ABCEGHJ-PRSTW-Z][ABCEGHJ-NPRSTW-Z]\d{6}[A-D]?", value):
        return ""
    return "" if value[:2] in {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"} else value


def birth_date(text: str) -> str:
    """A day that exists, from 1900 on, in ISO form; two-digit years count as 19xx above 25."""
    numbers = [int(each) for each in re.findall(r"\d+", text)]
    word = re.search(r"[A-Za-z]{3,}", text)
    if word and len(numbers) == 2:
        month = _MONTHS.get(word[0].lower()[:3], 0)
        day, year = numbers
    elif len(numbers) == 3 and numbers[0] > 31:
        year, month, day = numbers
    elif len(numbers) == 3:
        day, month, year = numbers
        if month > 12 >= day:
            day, month = month, day
    else:
        return ""
    if year < 100:
        year += 2000 if year <= 25 else 1900
    if not (
        1900 <= year <= 2099
        and 1 <= month <= 12
        and 1 <= day <= (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
    ):
        return ""
    return f"{year:04d}-{month:02d}-{day:02d}"


_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        "jan|feb|mar mae mrz|apr|may mai|jun|jul|aug|sep|oct okt|nov|dec dez".split("|"), start=1
    )
    for name in names.split()
}  # fmt: skip


def email_address(text: str) -> str:
    """RFC 5321 in the forms people write: dots apart, a top-level domain of letters, no file name."""
    local, _, domain = text.rpartition("@")
    labels = domain.split(".")
    if not local or len(local) > 64 or len(domain) > 253 or local[0] == "." or local[-1] == "." or ".." in local:
        return ""
    if len(labels) < 2 or any(not each or len(each) > 63 or each[0] == "-" or each[-1] == "-" for each in labels):
        return ""
    return f"{local}@{domain}".lower() if labels[-1].isalpha() or labels[-1].startswith("xn--") else ""
