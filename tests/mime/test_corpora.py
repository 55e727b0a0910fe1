# SPDX-License-Identifier: Apache-2.0
"""Every mail of the shared corpora is read without an exception, in linear time. Nothing is printed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dlpmilter.mime.head import read_head
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.limits import Limits

CORPORA = Path(os.environ.get("DLPMILTER_CORPORA") or Path(__file__).parents[2] / ".." / "shared" / "corpora")
LIMITS = Limits()
SETS = [
    "spamassassin",
    "mime4j",
    "enmime",
    "james",
    "rspamd",
    "cpython",
    "mox",
    "webklex",
    "spamscope",
    "dkimpy",
    "stalwart-auth",
]


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the shared corpora are not beside the project")
@pytest.mark.parametrize("name", SETS)
def test_every_mail_is_read(name: str) -> None:
    """No exception, every offset inside the mail, and on average far below a millisecond a kilobyte."""
    files = [path for path in sorted((CORPORA / f"mail-{name}" / "data").rglob("*")) if path.is_file()]
    assert files
    octets, seconds = 0, 0.0
    for path in files:
        raw = path.read_bytes()
        octets += len(raw)
        start = time.process_time()
        head = read_head(raw[: LIMITS.header_octets + 1], LIMITS)
        found = read_structure(raw, LIMITS)
        seconds += time.process_time() - start
        assert head.size <= len(raw)
        assert not any(slug.startswith("unreadable") for slug in found.uninspectable), path.name
        assert all(part.header_start <= part.body_start <= len(raw) for part in found.parts), path.name
    assert seconds / (octets / 1024) < 0.002, f"{seconds / len(files) * 1e6:.0f} us a mail"
