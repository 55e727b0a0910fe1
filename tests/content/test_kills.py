# SPDX-License-Identifier: Apache-2.0
"""Processes of the sandbox are killed with -9 while mails are examined: no mail is lost, none is called clean."""

from __future__ import annotations

import asyncio

import pytest

from tests.content import kills


def _fine(account: kills.Account, least: int) -> None:
    print(account.line())
    assert account.wrong == []
    assert account.kills == least
    assert account.read > 0
    assert account.slugs["inspection-crashed"] > 0
    assert account.mails == account.read + sum(account.slugs.values())


def test_forty_kills_lose_no_mail() -> None:
    """Each mail has an answer: what it holds, or that it could not be read."""
    _fine(asyncio.run(kills.run(40, 4711)), 40)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_five_hundred_kills_lose_no_mail() -> None:
    """The long form of the same."""
    _fine(asyncio.run(kills.run(500, 20_261)), 500)
