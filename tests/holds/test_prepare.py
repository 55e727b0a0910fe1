# SPDX-License-Identifier: Apache-2.0
"""What a case knows of its mail before it is recorded: who wrote it, by every name the mail gives."""

from __future__ import annotations

import pytest

from dlpmilter.holds.actors import canonical
from dlpmilter.holds.prepare import authors_of
from dlpmilter.mime.head import read_head
from dlpmilter.model.limits import Limits


@pytest.mark.parametrize(
    "field",
    [
        b"anna.berger@corp.example",
        b"Anna Berger <anna.berger+x@corp.example>",
        b'"anna.berger"@corp.example',
        b'Anna <"anna.berger+x"@corp.example>',
        b"<@old.example:anna.berger@corp.example>",
        b"anna.berger@corp.example (Anna)",
        b"Team: Anna <anna.berger@corp.example>, carl@corp.example;",
        b"=?utf-8?q?Anna_=3Canna=2Eberger=40corp=2Eexample=3E?=",
    ],
)
@pytest.mark.parametrize("name", [b"From", b"Sender", b"Resent-From"])
def test_an_author_is_known_however_the_address_is_written(name: bytes, field: bytes) -> None:
    """Nobody decides on a mail that names him as its author, in quotes, with a tag or by a route."""
    head = read_head(name + b": " + field + b"\r\nSubject: x\r\n\r\n", Limits())
    assert "anna.berger@corp.example" in {canonical(each) for each in authors_of(head)}
