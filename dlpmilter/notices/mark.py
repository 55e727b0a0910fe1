# SPDX-License-Identifier: Apache-2.0
"""The signed mark on our own mails: cuts the loop "notice is forwarded, held, notified" (hop.md 1.10).

It earns a mail nothing but that no further notice is written; it never opens a way past the judge.
"""

from __future__ import annotations

import hashlib
import hmac
import re

HEADER = "X-Dlpmilter-Notice"
VERSION = "v1"
_VALUE = re.compile(rb"v1 ([A-Za-z0-9][A-Za-z0-9_-]{0,63}) ([a-z][a-z-]{0,31}) ([0-9a-f]{64})")


def notice_mark(case_id: str, kind: str, key: bytes) -> str:
    """The header value `v1 <case> <kind> <hmac>`."""
    return f"{VERSION} {case_id} {kind} {_seal(case_id.encode(), kind.encode(), key)}"


def is_own_notice(head_value: bytes | str | None, key: bytes) -> bool:
    """Whether this value of the mark header was written by us; folding white space does not matter."""
    if head_value is None:
        return False
    raw = head_value.encode("utf-8", "replace") if isinstance(head_value, str) else bytes(head_value)
    if len(raw) > 512:
        return False
    match = _VALUE.fullmatch(b" ".join(raw.split()))
    return match is not None and hmac.compare_digest(_seal(match[1], match[2], key).encode(), match[3])


def _seal(case_id: bytes, kind: bytes, key: bytes) -> str:
    return hmac.new(key, b"dlpmilter notice v1\0" + case_id + b"\0" + kind, hashlib.sha256).hexdigest()
