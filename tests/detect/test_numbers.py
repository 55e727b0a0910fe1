# SPDX-License-Identifier: Apache-2.0
"""The short ways to a number's validity say what the libraries say: numbering plans, check digits, Luhn."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib import import_module

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpmilter.detect.check_digits import LETTERED, TESTS, digits_of, luhn, possible
from dlpmilter.detect.phones import phone
from dlpmilter.detect.stdnum_values import _MODULES, _SHORTEST, _validator
from dlpmilter.detect.validators import FUNCTIONS
from tests.detect.reference import slow_phone

CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
GAPS = (" ", "-", ".", "/", " (", ") ")


def _plan_numbers(noise: random.Random, count: int) -> Iterator[str]:
    """Numbers of every plan, right and a digit off, as people write them."""
    for _ in range(count):
        code = noise.choice(CODES)
        region = noise.choice(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code])
        kind = noise.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 27))
        example = phonenumbers.example_number_for_non_geo_entity(code)
        if region != "001":
            example = phonenumbers.example_number_for_type(region, kind)
        digits = phonenumbers.national_significant_number(example) if example else str(noise.randrange(10**9))
        if noise.random() < 0.4:
            place = noise.randrange(len(digits) + 1)
            digits = digits[:place] + noise.choice("0123456789") + digits[place + 1 :]
        if noise.random() < 0.2:
            digits = digits[: noise.randrange(len(digits) + 1)] + str(noise.randrange(10**5))
        spelt = "".join(each + (noise.choice(GAPS) if noise.random() < 0.3 else "") for each in digits)
        yield noise.choice(("+", "00", "(+", "+(")) + str(code) + noise.choice(("", " ", "(0)", "0", "-")) + spelt
        if region in {"DE", "AT", "CH", "IT", "US", "GB"}:
            yield noise.choice(("0", "(0", "0 0", "00", "1")) + spelt


def test_phones_of_every_plan_equal_the_library() -> None:
    """Right and wrong numbers of all countries, with the gaps and prefixes people write, are what the library says."""
    right = 0
    for text in _plan_numbers(random.Random(17), 6000):
        answer = slow_phone(text)
        right += bool(answer)
        assert phone(text) == answer, text
    assert right > 1000


@settings(max_examples=500, deadline=None)
@given(st.text("+0123456789 ./()-", max_size=24) | st.text("+0123456789 ./()-xX#;,\u0661\uff0b", max_size=24))
def test_any_digits_are_the_phones_of_the_library(text: str) -> None:
    """Whatever stands between digits, and where the plus stands, the answer is that of the library."""
    assert phone(text) == slow_phone(text)


def _candidates(module: str, noise: random.Random, count: int) -> Iterator[str]:
    """Numbers of about the right form, some of them right."""
    least = _SHORTEST[module]
    for _ in range(count):
        digits = "".join(noise.choices("0123456789", k=noise.choice((least, least, least + 1, least + 2, 15))))
        day, month, year = noise.randrange(1, 32), noise.randrange(1, 13), noise.randrange(100)
        if module == "ch.ssn":
            digits = "756" + digits[3:]
        elif module in {"cz.rc", "se.personnummer", "be.nn"}:
            digits = f"{year:02d}{month:02d}{day:02d}{digits[6:]}"
        elif module in {"no.fodselsnummer", "dk.cpr"}:
            digits = f"{day:02d}{month:02d}{year:02d}{digits[6:]}"
        elif module == "ro.cnp":
            digits = f"1{year:02d}{month:02d}{day:02d}{noise.randrange(1, 40):02d}{digits[9:]}"
        elif module == "fi.hetu":
            sign = noise.choice("0123456789ABCDEFHJKLMNPRSTUVWXY")
            digits = f"{day:02d}{month:02d}{year:02d}{noise.choice('-+A')}{noise.randrange(1000):03d}{sign}"
        elif module == "es.nif":
            digits = noise.choice("XYZKLMABHT01234567") + digits[:7] + noise.choice("TRWAGMYFPDXBNJZSQVHLCKE0123")
        place = noise.randrange(len(digits))
        yield digits if noise.random() < 0.6 else digits[:place] + noise.choice(" -./:") + digits[place:]


@pytest.mark.parametrize("module", sorted(TESTS.keys() | LETTERED.keys()))
def test_what_the_library_takes_is_possible(module: str) -> None:
    """No right number is refused by its digits: random ones, of which thousands are right, and the made-up vectors."""
    library, noise, right = import_module(f"stdnum.{module}"), random.Random(module), 0
    for text in _candidates(module, noise, 12_000):
        if len(digits_of(text)) >= _SHORTEST[module] and library.is_valid(text):
            right += 1
            assert possible(module, _SHORTEST[module], text), text
    assert right >= 3, right


def test_check_digits_refuse_most() -> None:
    """Of random digits most are refused without the library, or the short way would be none."""
    noise = random.Random(4)
    for module in TESTS.keys() - {"dk.cpr", "fr.nir"}:
        texts = ["".join(noise.choices("0123456789", k=_SHORTEST[module])) for _ in range(500)]
        if module != "cz.rc":
            assert sum(possible(module, _SHORTEST[module], text) for text in texts) < 90, module


SLOW = {
    name: _validator(module, lambda _, least, value: len(digits_of(value)) >= least)
    for name, module in _MODULES.items()
}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(_MODULES)), st.text("0123456789ABXYZ -./+", max_size=20))
def test_validators_equal_the_library(name: str, text: str) -> None:
    """A validator with a short way before it says what the same one says without it."""
    assert FUNCTIONS[name](text) == SLOW[name](text)


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789", min_size=1, max_size=24))
def test_luhn_is_the_sum_of_the_standard(text: str) -> None:
    """Every second digit from the right doubled, its digits added."""
    total = sum(sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(reversed(text)))
    assert luhn(text.encode()) is (total % 10 == 0)
