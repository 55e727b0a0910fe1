# SPDX-License-Identifier: Apache-2.0
"""The address that a notice can be answered to: which case, for whom. Never says who, never acts, needs no store.

`mail-answer+CASE.SEAL@example.com`: the seal is bound to case and person, in small letters because mail servers may
change their size. Whoever knows it still has to be that person (pipeline/answers.py).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

PURPOSE = "answer-address"
"""What the key is derived for (Keyring.derive)."""
_SEAL_OCTETS = 15
_DETAIL = re.compile(r"([a-z0-9-]{1,24})\.([a-z2-7]{24})")


class Answered(NamedTuple):
    """What a recipient says before anybody has checked it."""

    case_id: str
    seal: str


def sign(key: bytes, case_id: str, person: str, mailbox: str) -> str:
    """The address for one person and one case; `mailbox` is the plain one."""
    local, _, domain = mailbox.rpartition("@")
    return f"{local}+{case_id.lower()}.{_seal(key, case_id, person)}@{domain}"


def read(recipient: str, mailbox: str) -> Answered | None:
    """The parts of a recipient; None when it is no such address."""
    local, _, domain = recipient.rpartition("@")
    mine, _, my_domain = mailbox.rpartition("@")
    name, sign, detail = local.lower().partition("+")
    match = _DETAIL.fullmatch(detail)
    if not sign or match is None or name != mine.lower() or domain.lower() != my_domain.lower():
        return None
    return Answered(match[1].upper(), match[2])


def genuine(answered: Answered, keys: Sequence[bytes], person: str) -> bool:
    """Whether one of our keys, older ones too, sealed it for this person."""
    return any(hmac.compare_digest(_seal(key, answered.case_id, person), answered.seal) for key in keys)


def _seal(key: bytes, case_id: str, person: str) -> str:
    said = f"{case_id.upper()}\0{person.casefold()}".encode("utf-8", "surrogatepass")
    digest = hmac.new(key, said, hashlib.sha256).digest()[:_SEAL_OCTETS]
    return base64.b32encode(digest).decode().lower()
