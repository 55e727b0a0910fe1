# SPDX-License-Identifier: Apache-2.0
"""Made-up identifiers with right and wrong check digits, written apart from the product's validators.

Each maker gets a random generator and answers with one number as people write it. `wrong` ones have the
right shape and break the rule the detector checks.
"""

from __future__ import annotations

import datetime as dt
import random
import string
from collections.abc import Callable

Maker = Callable[[random.Random], str]
DIGITS = string.digits
UPPER = string.ascii_uppercase


def digits(r: random.Random, count: int) -> str:
    return "".join(r.choice(DIGITS) for _ in range(count))


def letters(r: random.Random, count: int, of: str = UPPER) -> str:
    return "".join(r.choice(of) for _ in range(count))


def grouped(r: random.Random, text: str, *sizes: int, by: str = " ") -> str:
    """The text in groups of these sizes, or in one piece."""
    separator: str = r.choice([*by, "", ""])
    parts, at = [], 0
    for size in sizes:
        parts.append(text[at : at + size])
        at += size
    return separator.join([each for each in [*parts, text[at:]] if each])


def other_digit(r: random.Random, digit: str) -> str:
    return r.choice([each for each in DIGITS if each != digit])


def spoil_last(maker: Maker) -> Maker:
    """The number with another last digit."""

    def wrong(r: random.Random) -> str:
        text = maker(r)
        at = max(place for place, each in enumerate(text) if each.isdigit())
        return text[:at] + other_digit(r, text[at]) + text[at + 1 :]

    return wrong


def luhn(body: str) -> str:
    doubled = [int(each) * (2 if place % 2 == 0 else 1) for place, each in enumerate(reversed(body))]
    return str(-sum(each // 10 + each % 10 for each in doubled) % 10)


def day(r: random.Random, first: int = 1930, last: int = 2005) -> dt.date:
    return dt.date(r.randint(first, last), 1, 1) + dt.timedelta(days=r.randrange(365))


# --- bank -----------------------------------------------------------------------------------------------------------

IBAN_SHAPES = {
    "DE": "n18", "AT": "n16", "CH": "n5c12", "FR": "n10c11n2", "NL": "a4n10", "GB": "a4n14", "ES": "n20", "IT": "a1n10c12",
    "PL": "n24", "BE": "n12", "LU": "n3c13", "SE": "n20", "DK": "n14", "PT": "n21", "IE": "a4n14", "CZ": "n20", "FI": "n14",
}  # fmt: skip


def iban_digits(text: str) -> int:
    return int("".join(str(int(each, 36)) for each in text)) % 97


def iban_of(r: random.Random, country: str, shape: str) -> str:
    import re

    body = ""
    for kind, count in re.findall(r"([nac])(\d+)", shape):
        body += letters(r, int(count), {"n": DIGITS, "a": UPPER, "c": UPPER + DIGITS}[kind])
    return f"{country}{98 - iban_digits(body + country + '00'):02d}{body}"


def iban(r: random.Random) -> str:
    country = r.choice([*IBAN_SHAPES, "DE", "DE", "AT", "CH"])
    return grouped(r, iban_of(r, country, IBAN_SHAPES[country]), 4, 4, 4, 4, 4, 4, 4, by="  -.")


def iban_wrong(r: random.Random) -> str:
    text = iban_of(r, *r.choice(sorted(IBAN_SHAPES.items())))
    return (
        grouped(r, text[:2] + f"{(int(text[2:4]) + r.randint(1, 90)) % 95 + 2:02d}" + text[4:], 4, 4, 4, 4, 4, 4)
        if r.random() < 0.5
        else text[:-1] + (other_digit(r, text[-1]) if text[-1].isdigit() else "7" if text[-1] != "7" else "3")
    )


def card(r: random.Random) -> str:
    start, size = r.choice(
        [
            ("4", 16),
            ("51", 16),
            ("55", 16),
            ("2221", 16),
            ("37", 15),
            ("34", 15),
            ("6011", 16),
            ("36", 14),
            ("3530", 16),
            ("6226", 16),
            ("4", 16),
        ]
    )
    body = start + digits(r, size - 1 - len(start))
    text = body + luhn(body)
    return grouped(r, text, *((4, 6) if size == 15 else (4, 4, 4)), by=" -.")


# --- Germany --------------------------------------------------------------------------------------------------------


def de_tax_id(r: random.Random) -> str:
    kept = r.sample(DIGITS, 9)
    body = [*kept, r.choice(kept)]
    while True:
        r.shuffle(body)
        if body[0] != "0":
            break
    product = 10
    for each in body:
        total = (int(each) + product) % 10 or 10
        product = total * 2 % 11
    return grouped(r, "".join(body) + str((11 - product) % 10), 2, 3, 3, by="  /")


def de_social(r: random.Random) -> str:
    born = day(r)
    head = f"{r.choice([2, 9, 12, 15, 19, 25, 42, 53, 65]):02d}{born:%d%m%y}"
    letter = r.choice(UPPER)
    serial = f"{r.randrange(100):02d}"
    plain = head + f"{ord(letter) - 64:02d}" + serial
    total = 0
    for digit, factor in zip(plain, [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1], strict=True):
        total += sum(map(int, str(int(digit) * factor)))
    return grouped(r, f"{head}{letter}{serial}{total % 10}", 2, 6, 1)


def de_health(r: random.Random) -> str:
    letter, body = r.choice(UPPER), digits(r, 8)
    plain = f"{ord(letter) - 64:02d}{body}"
    total = sum(sum(map(int, str(int(each) * (1, 2)[place % 2]))) for place, each in enumerate(plain))
    return grouped(r, f"{letter}{body}{total % 10}", 1, 3, 3) if r.random() < 0.3 else f"{letter}{body}{total % 10}"


DOCUMENT = "CFGHJKLMNPRTVWXYZ0123456789"


def mrz_digit(text: str) -> str:
    total = 0
    for place, each in enumerate(text):
        total += (0 if each == "<" else int(each, 36)) * [7, 3, 1][place % 3]
    return str(total % 10)


def document(r: random.Random, first: str) -> str:
    while True:
        body = r.choice(first) + letters(r, 8, DOCUMENT)
        if any(each.isdigit() for each in body):
            return body


def de_id_card(r: random.Random) -> str:
    body = document(r, "LMNPRTVWXY")
    return r.choice([body, body + mrz_digit(body), body + mrz_digit(body) + "D"])


def de_id_card_wrong(r: random.Random) -> str:
    body = document(r, "LMNPRTVWXY")
    return r.choice([body + other_digit(r, mrz_digit(body)), body[:4] + r.choice("AEIOU") + body[5:], body[:7]])


def de_passport(r: random.Random) -> str:
    body = document(r, "CFGHJK")
    return r.choice([body, body + mrz_digit(body)])


def de_passport_wrong(r: random.Random) -> str:
    body = document(r, "CFGHJK")
    return r.choice([body + other_digit(r, mrz_digit(body)), body[:4] + r.choice("AEIOUS") + body[5:], body[:7]])


def mrz(r: random.Random) -> str:
    number, born, until = document(r, "CFGHJK"), f"{day(r):%y%m%d}", f"{day(r, 2026, 2034):%y%m%d}"
    if r.random() < 0.3:  # identity card, second line
        return f"{born}{mrz_digit(born)}{r.choice('MF<')}{until}{mrz_digit(until)}D<<<<<<<<<<<<<{r.randrange(10)}"
    return f"{number}{mrz_digit(number)}D<<{born}{mrz_digit(born)}{r.choice('MF<')}{until}{mrz_digit(until)}<<<<<<<<<<<<<<{r.randrange(10)}"


def mrz_wrong(r: random.Random) -> str:
    number, born, until = document(r, "CFGHJK"), f"{day(r):%y%m%d}", f"{day(r, 2026, 2034):%y%m%d}"
    return f"{number}{mrz_digit(number)}D<<{born}{other_digit(r, mrz_digit(born))}{r.choice('MF<')}{until}{mrz_digit(until)}<<<<<<<<<<<<<<{r.randrange(10)}"


def plate(r: random.Random) -> str:
    place = r.choice(
        "B M HH K S F D DO E L HB DD H N DU BO W BI BN MS KA MA A WI GE MG BS C KI AC HAL MD FR KR LB ROW NOM CLP GÖ MÜ TÜ LÖ FÜ".split()
    )
    pair = r.choice(
        [each for each in (letters(r, 1), letters(r, 2)) if each not in {"HJ", "KZ", "NS", "SA", "SS"}] or ["AB"]
    )
    return r.choice(["{}-{} {}", "{} {} {}", "{}-{}{}"]).format(
        place, pair, r.randint(1, 9999 if len(place) < 3 else 999)
    ) + r.choice(["", "", "", "E", "H"])


def plate_wrong(r: random.Random) -> str:
    return f"{r.choice('QX QQ XYZ QW JJ YY WX XQ'.split())}-{letters(r, 2)} {r.randint(1, 999)}"


# --- neighbours -----------------------------------------------------------------------------------------------------


def at_social(r: random.Random) -> str:
    while True:
        head, born = f"{r.randint(100, 999)}", f"{day(r):%d%m%y}"
        check = sum(int(a) * b for a, b in zip(head + born, [3, 7, 9, 5, 8, 4, 2, 1, 6], strict=True)) % 11
        if check < 10:
            return grouped(r, f"{head}{check}{born}", 4, by="  /")


def ch_ahv(r: random.Random) -> str:
    body = "756" + digits(r, 9)
    check = -sum(int(each) * (3 if place % 2 else 1) for place, each in enumerate(body)) % 10
    return grouped(r, body + str(check), 3, 4, 4, by="..")


def fr_nir(r: random.Random) -> str:
    born = day(r)
    body = f"{r.choice('12')}{born:%y%m}{r.randint(1, 95):02d}{r.randint(1, 990):03d}{r.randint(1, 999):03d}"
    return grouped(r, f"{body}{97 - int(body) % 97:02d}", 1, 2, 2, 2, 3, 3)


ODD = dict(
    zip(
        DIGITS + UPPER,
        [
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            2,
            4,
            18,
            20,
            11,
            3,
            6,
            8,
            12,
            14,
            16,
            10,
            22,
            25,
            24,
            23,
        ],
        strict=True,
    )
)


def it_fiscal(r: random.Random) -> str:
    consonants = "BCDFGLMNPRSTVZ"
    born = day(r)
    body = (
        letters(r, 6, consonants)
        + f"{born:%y}"
        + "ABCDEHLMPRST"[born.month - 1]
        + f"{born.day + r.choice([0, 40]):02d}"
        + r.choice(["H501", "F205", "L219", "D612", "A944"])
    )
    total = sum(
        ODD[each] if place % 2 == 0 else (int(each) if each.isdigit() else ord(each) - 65)
        for place, each in enumerate(body)
    )
    text = body + UPPER[total % 26]
    return r.choice([text, text.lower(), text])


def it_fiscal_wrong(r: random.Random) -> str:
    text = it_fiscal(r).upper()
    return text[:-1] + r.choice([each for each in UPPER if each != text[-1]])


def es_nif(r: random.Random) -> str:
    number = r.randint(10_000_000, 99_999_999)
    if r.random() < 0.3:
        first = r.choice("XYZ")
        body = f"{r.randint(1_000_000, 9_999_999)}"
        return r.choice(["{}{}{}", "{}-{}-{}"]).format(
            first, body, "TRWAGMYFPDXBNJZSQVHLCKE"[int(f"{'XYZ'.index(first)}{body}") % 23]
        )
    return r.choice(["{}{}", "{}-{}", "{} {}"]).format(number, "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23])


def es_nif_wrong(r: random.Random) -> str:
    number = r.randint(10_000_000, 99_999_999)
    right = "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23]
    return f"{number}{r.choice([each for each in 'TRWAGMYFPDXBNJZSQVHLCKE' if each != right])}"


def nl_bsn(r: random.Random) -> str:
    while True:
        body = str(r.randint(1, 9)) + digits(r, 7)
        check = sum(int(each) * (9 - place) for place, each in enumerate(body)) % 11
        if check < 10:
            return grouped(r, f"{body}{check}", 3, 3, by=" .")


def pl_pesel(r: random.Random) -> str:
    born = day(r)
    body = f"{born:%y}{born.month + (20 if born.year >= 2000 else 0):02d}{born:%d}{digits(r, 4)}"
    return body + str(-sum(int(a) * b for a, b in zip(body, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3], strict=True)) % 10)


def uk_nino(r: random.Random) -> str:
    while True:
        start = letters(r, 1, "ABCEGHJKLMNOPRSTWXYZ") + letters(r, 1, "ABCEGHJKLMNPRSTWXYZ")
        if start not in {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"}:
            return grouped(r, f"{start}{digits(r, 6)}{r.choice('ABCD')}", 2, 2, 2, 2, by="  -")


def uk_nino_wrong(r: random.Random) -> str:
    return f"{r.choice(['BG', 'GB', 'NK', 'KN', 'TN', 'NT', 'ZZ', 'DA', 'QQ', 'AO', 'VU'])} {digits(r, 2)} {digits(r, 2)} {digits(r, 2)} {r.choice('ABCD')}"


def uk_nhs(r: random.Random) -> str:
    while True:
        body = str(r.randint(4, 7)) + digits(r, 8)
        check = 11 - sum(int(each) * (10 - place) for place, each in enumerate(body)) % 11
        if check != 10:
            return grouped(r, f"{body}{check % 11}", 3, 3, by=" -")


def us_ssn(r: random.Random) -> str:
    area = r.choice([each for each in range(1, 900) if each != 666])
    return grouped(r, f"{area:03d}{r.randint(1, 99):02d}{r.randint(1, 9999):04d}", 3, 2, by="--- ")


def us_ssn_wrong(r: random.Random) -> str:
    return r.choice(
        [
            f"{r.choice([0, 666, 900, 950, 999]):03d}-{r.randint(1, 99):02d}-{r.randint(1, 9999):04d}",
            f"{r.randint(1, 665):03d}-00-{r.randint(1, 9999):04d}",
            f"{r.randint(1, 665):03d}-{r.randint(1, 99):02d}-0000",
        ]
    )


def be_number(r: random.Random) -> str:
    born = day(r)
    body = f"{born:%y%m%d}{r.randint(1, 997):03d}"
    check = 97 - int(("2" if born.year >= 2000 else "") + body) % 97
    text = f"{body}{check:02d}"
    return r.choice(
        [text, f"{text[:2]}.{text[2:4]}.{text[4:6]}-{text[6:9]}.{text[9:]}", f"{text[:6]}-{text[6:9]}-{text[9:]}"]
    )


def dk_cpr(r: random.Random) -> str:
    while True:
        body = f"{day(r, 1937, 1999):%d%m%y}{r.randint(0, 3)}{digits(r, 2)}"
        check = -sum(int(a) * b for a, b in zip(body, [4, 3, 2, 7, 6, 5, 4, 3, 2], strict=True)) % 11
        if check < 10:
            return grouped(r, f"{body}{check}", 6, by="--")


def dk_cpr_wrong(r: random.Random) -> str:
    return r.choice(
        [
            f"{r.randint(32, 39)}{r.randint(1, 12):02d}{digits(r, 2)}-{digits(r, 4)}",
            f"{r.randint(1, 28):02d}{r.randint(13, 19)}{digits(r, 2)}-{digits(r, 4)}",
        ]
    )


def se_number(r: random.Random) -> str:
    body = f"{day(r, 1940, 1999):%y%m%d}{digits(r, 3)}"
    text = body + luhn(body)
    return r.choice([f"{text[:6]}-{text[6:]}", f"19{text[:6]}-{text[6:]}", f"19{text}"])


def no_number(r: random.Random) -> str:
    while True:
        body = f"{day(r, 1940, 1999):%d%m%y}{r.randint(0, 499):03d}"
        first = -sum(int(a) * b for a, b in zip(body, [3, 7, 6, 1, 8, 9, 4, 5, 2], strict=True)) % 11
        second = (
            -sum(int(a) * b for a, b in zip(body + str(first % 10), [5, 4, 3, 2, 7, 6, 5, 4, 3, 2], strict=True)) % 11
        )
        if first < 10 and second < 10:
            return grouped(r, f"{body}{first}{second}", 6)


def fi_hetu(r: random.Random) -> str:
    born = day(r, 1930, 2005)
    serial = r.randint(2, 899)
    sign = "-" if born.year < 2000 else "A"
    return f"{born:%d%m%y}{sign}{serial:03d}{'0123456789ABCDEFHJKLMNPRSTUVWXY'[int(f'{born:%d%m%y}{serial:03d}') % 31]}"


def fi_hetu_wrong(r: random.Random) -> str:
    text = fi_hetu(r)
    return text[:-1] + r.choice([each for each in "0123456789ABCDEFHJKLMNPRSTUVWXY" if each != text[-1]])


def cz_number(r: random.Random) -> str:
    while True:
        born = day(r, 1955, 1999)
        body = f"{born:%y}{born.month + r.choice([0, 50]):02d}{born:%d}{digits(r, 3)}"
        if int(body) % 11 < 10:
            return grouped(r, f"{body}{int(body) % 11}", 6, by="///")


def ie_pps(r: random.Random) -> str:
    body = digits(r, 7)
    second = r.choice(["", "", "A", "W"])
    total = sum(int(each) * (8 - place) for place, each in enumerate(body)) + {"": 0, "A": 9, "W": 0}[second]
    return f"{body}{'WABCDEFGHIJKLMNOPQRSTUV'[total % 23]}{second}"


def ie_pps_wrong(r: random.Random) -> str:
    body = digits(r, 7)
    total = sum(int(each) * (8 - place) for place, each in enumerate(body))
    right = "WABCDEFGHIJKLMNOPQRSTUV"[total % 23]
    return body + r.choice([each for each in "ABCDEFGHIJKLMNOPQRSTUV" if each != right])


def pt_nif(r: random.Random) -> str:
    body = r.choice("125") + digits(r, 7)
    check = 11 - sum(int(each) * (9 - place) for place, each in enumerate(body)) % 11
    return grouped(r, f"{body}{check if check < 10 else 0}", 3, 3)


def ro_cnp(r: random.Random) -> str:
    born = day(r, 1940, 1999)
    body = f"{r.choice('12')}{born:%y%m%d}{r.randint(1, 46):02d}{r.randint(1, 999):03d}"
    check = sum(int(a) * int(b) for a, b in zip(body, "279146358279", strict=True)) % 11
    return body + str(1 if check == 10 else check)


def de_tax_number(r: random.Random) -> str:
    return r.choice([f"{digits(r, 2)}/{digits(r, 3)}/{digits(r, 5)}", f"{digits(r, 3)}/{digits(r, 3)}/{digits(r, 5)}"])
