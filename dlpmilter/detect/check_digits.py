# SPDX-License-Identifier: Apache-2.0
"""Whether a national number can be right, by its digits alone. Never says that it is: the library has the last word.

Most of what looks like such a number is none, and the library takes thirty microseconds to say so. A test here is a
condition that every right number meets, on the ASCII digits of the candidate.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import mul
from typing import Final

Digits = bytes
"""ASCII digits and nothing else."""
Test = Callable[[Digits], bool]

_NO_DIGITS: Final = bytes(octet for octet in range(256) if not 48 <= octet <= 57)
_ZERO: Final = 48
_DOUBLED: Final = bytes(sum(divmod(2 * (octet - _ZERO), 10)) if 48 <= octet <= 57 else 0 for octet in range(256))
_ONCE: Final = bytes(octet - _ZERO if 48 <= octet <= 57 else 0 for octet in range(256))
_HETU: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_DNI: Final = "TRWAGMYFPDXBNJZSQVHLCKE"


def digits_of(text: str) -> Digits:
    """The digits of an ASCII text, in order."""
    return text.encode("ascii").translate(None, _NO_DIGITS)


def luhn(digits: Digits) -> bool:
    """ISO/IEC 7812-1 annex B, check digit last."""
    return (sum(digits[::-2].translate(_ONCE)) + sum(digits[-2::-2].translate(_DOUBLED))) % 10 == 0


def _sum(*weights: int) -> Callable[[Digits], int]:
    """The weighted sum of as many digits as there are weights."""
    offset = _ZERO * sum(weights)

    def weighted(digits: Digits) -> int:
        total: int = sum(map(mul, weights, digits))
        return total - offset

    return weighted


def _weighted(modulus: int, *weights: int) -> Test:
    """As many digits as weights, and a sum that the modulus divides."""
    total, size = _sum(*weights), len(weights)
    return lambda digits: len(digits) == size and total(digits) % modulus == 0


_BSN = {8: _sum(8, 7, 6, 5, 4, 3, 2, -1), 9: _sum(9, 8, 7, 6, 5, 4, 3, 2, -1)}
_FIRST: Final = _sum(3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_SECOND: Final = _weighted(11, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_NIF: Final = _sum(9, 8, 7, 6, 5, 4, 3, 2, 1)
_CNP: Final = _sum(2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9, -1)
_EAN: Final = _weighted(10, *(1, 3) * 6, 1)


def _de_idnr(digits: Digits) -> bool:
    """One digit of the first ten comes two or three times, the others once: eight or nine different ones."""
    if len(digits) != 11 or not 8 <= len(set(digits[:10])) <= 9:
        return False
    check = 5
    for each in digits:
        check = ((check or 10) * 2 % 11 + each - _ZERO) % 10
    return check == 1


def _bsn(digits: Digits) -> bool:
    total = _BSN.get(len(digits))
    return total is not None and total(digits) % 11 == 0


def _pt_nif(digits: Digits) -> bool:
    """Check digit 0 stands for 10 as well."""
    return len(digits) == 9 and _NIF(digits) % 11 in ((0, 1) if digits[8] == _ZERO else (0,))


def _ro_cnp(digits: Digits) -> bool:
    """Check digit 1 stands for 10 as well."""
    return len(digits) == 13 and _CNP(digits) % 11 in ((0, 9) if digits[12] == _ZERO + 1 else (0,))


def _be_nn(digits: Digits) -> bool:
    """Mod 97, with a 2 before the number for those born from 2000 on."""
    if len(digits) != 11:
        return False
    check, base = 97 - int(digits[9:]), int(digits[:9])
    return check in (base % 97, (base + 2_000_000_000) % 97)


def _cz_rc(digits: Digits) -> bool:
    return len(digits) == 9 or (len(digits) == 10 and int(digits[:9]) % 11 % 10 == digits[9] - _ZERO)


TESTS: Final[dict[str, Test]] = {
    "de.idnr": _de_idnr,
    "at.vnr": _weighted(11, 3, 7, 9, -1, 5, 8, 4, 2, 1, 6),
    "ch.ssn": lambda digits: digits.startswith(b"756") and _EAN(digits),
    "fr.nir": lambda digits: len(digits) == 14 or (
        len(digits) == 15 and 97 - int(digits[:13]) % 97 == int(digits[13:])
    ),
    "nl.bsn": _bsn,
    "pl.pesel": _weighted(10, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1),
    "gb.nhs": _weighted(11, *range(10, 0, -1)),
    "be.nn": _be_nn,
    "dk.cpr": lambda digits: len(digits) == 10 and digits[:2] <= b"31" and b"01" <= digits[2:4] <= b"12",
    "se.personnummer": lambda digits: len(digits) >= 10 and luhn(digits[-10:]),
    "no.fodselsnummer": lambda digits: _SECOND(digits) and _FIRST(digits) % 11 == 0,
    "cz.rc": _cz_rc,
    "pt.nif": _pt_nif,
    "ro.cnp": _ro_cnp,
}  # fmt: skip
"""Module of python-stdnum -> the test of the digits of its numbers."""


def es_nif(text: str) -> bool:
    """Nine signs; eight digits, or X, Y, Z, K, L, M and seven, have their letter behind them."""
    value = text.translate(_LOOSE).upper()
    if value.startswith("ES"):
        return True
    if len(value) != 9 or not value[1:8].isdigit():
        return False
    place = "XYZKLM0123456789".find(value[0])
    if place < 0:
        return True
    first = "012"[place] if place < 3 else "" if place < 6 else value[0]
    return _DNI[int(first + value[1:8]) % 23] == value[8]


def fi_hetu(text: str) -> bool:
    """Day, month, year, century, three digits, and the sign of their remainder."""
    value = text.strip().upper()
    if len(value) != 11 or not (value[:6] + value[7:10]).isdigit():
        return False
    return _HETU[int(value[:6] + value[7:10]) % 31] == value[10]


_LOOSE: Final = str.maketrans("", "", " -")
LETTERED: Final[dict[str, Callable[[str], bool]]] = {"es.nif": es_nif, "fi.hetu": fi_hetu}
"""The same for numbers with letters in them, on the text without line ends."""


def possible(module: str, shortest: int, text: str) -> bool:
    """Whether an ASCII candidate may be right: enough digits, and what else is known of such numbers."""
    digits = digits_of(text)
    if len(digits) < shortest:
        return False
    test = TESTS.get(module)
    if test is not None:
        return test(digits)
    lettered = LETTERED.get(module)
    return lettered is None or lettered(text)
