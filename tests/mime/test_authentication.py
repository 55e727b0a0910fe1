# SPDX-License-Identifier: Apache-2.0
"""Authentication-Results: only our own verifier's topmost field counts, whatever stands in the mail."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlpmilter.mime.authentication import NO_RESULT, dmarc_of
from dlpmilter.mime.head import read_head
from dlpmilter.model.limits import Limits

US = "mx.corp.example"


def found(*values: str, name: str = US) -> tuple[str, str]:
    """What is read from these fields, the topmost first."""
    raw = "".join(f"Authentication-Results: {each}\r\n" for each in values) + "From: a@b.example\r\n\r\n"
    return dmarc_of(read_head(raw.encode(), Limits()), name)


@pytest.mark.parametrize(
    ("value", "result", "domain"),
    [
        ("mx.corp.example; dmarc=pass (p=none dis=none) header.from=gmx.de", "pass", "gmx.de"),
        ("MX.Corp.Example 1; DMARC=Pass HEADER.FROM=GMX.de.", "pass", "gmx.de"),
        ('"mx.corp.example"; dmarc = fail policy.dmarc=reject header.from="gmx.de"', "fail", "gmx.de"),
        ("mx.corp.example (our verifier);\r\n\tspf=pass smtp.mailfrom=x@y.example;\r\n dmarc/1=pass", "pass", ""),
        ("mx.corp.example; dkim=pass header.d=gmx.de header.b=abc; dmarc=none header.from=gmx.de", "none", "gmx.de"),
        ("mx.corp.example; dmarc=bestguesspass action=none header.from=gmx.de", "bestguesspass", "gmx.de"),
        (
            'mx.corp.example; dmarc=temperror reason="a; b=c; header.from=evil.example" header.from=gmx.de',
            "temperror",
            "gmx.de",
        ),
        ("mx.corp.example; none", "", ""),
        ("mx.corp.example", "", ""),
    ],
)
def test_our_verifier_s_field_is_read(value: str, result: str, domain: str) -> None:
    """The forms that RFC 8601 allows and real verifiers write."""
    assert found(value) == (result, domain)


@pytest.mark.parametrize(
    "value",
    [
        "mx.evil.example; dmarc=pass header.from=gmx.de",
        "mx.corp.example.evil.example; dmarc=pass",
        "x mx.corp.example; dmarc=pass",
        "spf=pass (sender IP is 192.0.2.7) smtp.mailfrom=gmx.de;dmarc=pass action=none header.from=gmx.de;compauth=pass",
        "; dmarc=pass",
        "(mx.corp.example) ; dmarc=pass",
        "dmarc=pass; mx.corp.example; dmarc=pass",
        'mx.corp.example; x="; dmarc=pass',
        "mx.corp.example (; dmarc=pass",
        "mx.corp.example; xdmarc=pass",
        "mx.corp.example; dmarc=passed-by-me",
        "mx.corp.example; spf=pass dmarc=pass",
    ],
)
def test_what_is_not_our_verifier_s_pass_is_none(value: str) -> None:
    """Another name, Exchange's form without one, and results hidden in quotes or comments are no pass."""
    assert found(value)[0] != "pass"


def test_only_the_topmost_field_of_our_name_counts() -> None:
    """A pass below, which the sender may have written, changes nothing; fields of others above neither."""
    assert found(f"{US}; dmarc=fail", f"{US}; dmarc=pass")[0] == "fail"
    assert found(f"{US}; spf=pass", f"{US}; dmarc=pass") == NO_RESULT
    assert found("other.example; dmarc=fail", "spf=pass; dmarc=fail", f"{US}; dmarc=pass")[0] == "pass"


def test_of_several_results_the_worst_counts() -> None:
    """One pass beside a failure is a failure, beside anything else no pass."""
    assert found(f"{US}; dmarc=pass header.from=a.example; dmarc=fail header.from=b.example")[0] == "fail"
    assert found(f"{US}; dmarc=pass; dmarc=none")[0] == "none"


def test_without_a_name_nothing_counts() -> None:
    """An unset authserv-id trusts nobody, not even a field without a name."""
    assert found("; dmarc=pass", "dmarc=pass", name="") == NO_RESULT


@given(st.lists(st.text(alphabet='mx.corp.example;= "\\()dmarc pass/1\x00ü', max_size=200), max_size=5))
@example(["(" * 5000, '"' * 5000, "mx.corp.example;" + " dmarc=pass ;" * 900])
def test_garbage_never_raises_and_others_never_pass(values: list[str]) -> None:
    """Whatever stands in the fields, the answer is a result; without our name there is none."""
    result = dmarc_of(read_head("".join(f"Authentication-Results: {v}\r\n" for v in values).encode(), Limits()), US)
    assert isinstance(result.result, str)
    assert dmarc_of(read_head(b"", Limits()), US) == NO_RESULT
    renamed = [each.replace("mx.", "my.") for each in values]
    head = read_head("".join(f"Authentication-Results: {v}\r\n" for v in renamed).encode(), Limits())
    assert dmarc_of(head, US) == NO_RESULT


def test_reading_grows_with_the_field_and_no_faster() -> None:
    """Twice the octets cost about twice the time, also where quotes and comments never close."""
    for sign in ('"', "(", '"\\', "; dmarc=", "(\\)"):

        def cost(octets: int, sign: str = sign) -> float:
            value = f"{US}; " + sign * (octets // len(sign))
            head = read_head(f"Authentication-Results: {value}\r\n\r\n".encode(), Limits())
            best = float("inf")
            for _ in range(7):
                start = time.process_time()
                dmarc_of(head, US)
                best = min(best, time.process_time() - start)
            return best

        assert cost(16_000) < 40 * cost(2_000), sign
