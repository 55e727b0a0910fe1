# SPDX-License-Identifier: Apache-2.0
"""`make bench`: speed of the shipped detectors beside `re`, and of patterns that were made to be slow."""

from __future__ import annotations

import random
import time
from functools import cache

import pytest

from dlpmilter.detect.patterns import why_refused
from dlpmilter.detect.scan import DetectorSet
from dlpmilter.model.content import Extract
from dlpmilter.model.detector import DetectorSpec
from dlpmilter.policy.patterns import refused_text
from tests.benchmarks import detectors as bench
from tests.detect.shipped import detectors

# Classics that make a backtracking engine explode, and some that are hard for automata.
EVIL = (
    r"(a+)+b", r"(a*)*b", r"(a|a)*b", r"(a|aa)+b", r"(.*a){12}b", r"(a?){20}a{10}b", r"(x+x+)+y", r"(\w+\s?)+:", r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(a|b|ab)*bc", r"((ab)*)+c", r"(.*)(.*)(.*)d", r"(?:a|b)*c.*d", r"[ab][abc]{10}d", r"\b[ab][abc ]{39}d", r"a.*a.*a.*b", r"(\d+)*x",
    r"([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))",
    r"(?:[a-z]*,)*;", r"(a+a+a+)+!", r"\ba(?:[^b]*b)*c", r"(?:ab|a)*z", r"(?:(?:a*b)*c)*d", r"a.{10}b", r"\b(?:a|b|c| ){40}d", r"a", r"[a-z]", r"\w+", r".", r"(?:a|b)",
)  # fmt: skip


@cache
def hostile(size: int) -> tuple[str, ...]:
    """Texts that make such patterns work: one letter, a few letters at random, words of them, numbers."""
    noise = random.Random(3).randbytes(size)
    letters, words, numbers = (
        bytes(ord(each[at % len(each)]) for at in range(256)) for each in ("abc", "abc  ", "0123456789 ")
    )
    return "a" * size, *(noise.translate(each).decode() for each in (letters, words, numbers))


@pytest.mark.bench
def test_the_default_set_is_fast() -> None:
    """The whole set runs at many times the speed of `re` with the same patterns; MB/s are printed."""
    rows = bench.speed()
    for name, row in rows.items():
        print(f"\n{name}: " + ", ".join(f"{key} {value:.1f}" for key, value in row.items()), end="")
    assert all(row["ratio"] > 50 for row in rows.values() if "ratio" in row)


@pytest.mark.bench
def test_evil_patterns_stay_linear() -> None:
    """Ten times the text costs at most about ten times as much, whatever the pattern; what is refused is refused."""
    for pattern in EVIL:
        refused = " ".join(refused_text(pattern)).strip() or why_refused(pattern)
        if refused:
            print(f"\nrefused: {pattern[:40]}: {refused}", end="")
            continue
        scan = DetectorSet((DetectorSpec("evil", "x", "x", ("personal",), (pattern,)),)).scan
        worst, ratio = 0.0, 0.0
        for text in hostile(10_000_000):
            start = time.process_time()
            scan([Extract("1", "t", text=text[:1_000_000])])
            small = time.process_time() - start
            start = time.process_time()
            scan([Extract("1", "t", text=text)])
            worst, ratio = (
                max(worst, time.process_time() - start),
                max(ratio, (time.process_time() - start) / max(small, 0.01)),
            )
        print(f"\n{worst:6.2f} s for 10 MB, {ratio:5.1f} x that of 1 MB: {pattern[:40]}", end="")
        assert ratio < 25, pattern


@pytest.mark.bench
def test_the_default_set_survives_hostile_texts() -> None:
    """2 MB of each hostile text cost the whole set about as much a byte as 200 KB do."""
    for text in [
        *hostile(2_000_000),
        "eyJa-" * 400_000,
        "a@" * 1_000_000,
        "4111 1111 1111 1111 " * 100_000,
        "Diagnose Frau Weber " * 100_000,
    ]:
        start = time.process_time()
        found = detectors().scan([Extract("1", "t", text=text[: len(text) // 10])])
        small = time.process_time() - start
        start = time.process_time()
        found = detectors().scan([Extract("1", "t", text=text)])
        big = time.process_time() - start
        print(
            f"\n{big:6.2f} s for {len(text) / 1e6:.1f} MB ({big / max(small, 0.01):.1f} x a tenth): {[each.detector for each in found]}",
            end="",
        )
        assert big / max(small, 0.01) < 25


@cache
def crafted(size: int) -> dict[str, str]:
    """Texts full of what looks like values: each start of a number is a candidate of many patterns."""
    noise = random.Random(1)

    def many(count: int, one: str, *ranges: int) -> str:
        return "".join(one.format(*(noise.randrange(each) for each in ranges)) for _ in range(size // count))

    return {
        "digits and gaps": "".join(noise.choices("0123456789 .-/", k=size)),
        "digits and blanks": hostile(size)[3],
        "groups": " ".join(str(noise.randrange(10 ** noise.randrange(2, 8))) for _ in range(size // 6)),
        "phones": many(16, "+49 {} ", 10**11),
        "accounts": many(24, "DE{:020d} ", 10**20),
        "addresses": many(18, "a{}@b{}.de ", 10**6, 10**4),
        "numbers by their words": many(33, "personnummer {:010d} bsn svnr ", 10**10),
        "open server=": many(21, "server=x {:011d} ", 10**10),
    }


@pytest.mark.bench
def test_crafted_texts_have_a_bound() -> None:
    """10 MB of any text cost at most five seconds of the reference machine; beyond the bound that is said."""
    for name, text in crafted(10_000_000).items():
        bench.reference_loop()
        start = time.process_time()
        bench.reference_loop()
        slow = max(1.0, (time.process_time() - start) / bench.REFERENCE_LOOP)
        for size in (2_000_000, 10_000_000):
            extracts = [Extract("1", "t", text=text[:size])]
            start = time.process_time()
            found = detectors().scan(extracts)
            took = time.process_time() - start
            counts = {each.detector: each.count for each in found}
            print(f"\n{took:6.2f} s for {size / 1e6:.0f} MB, machine {slow:.1f} x slower: {name}: {counts}", end="")
            assert took / slow < 5, name
