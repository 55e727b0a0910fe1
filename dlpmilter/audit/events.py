# SPDX-License-Identifier: Apache-2.0
"""Entries of the trail as events for a SIEM: JSON lines, RFC 5424 or CEF. Never a person, unless the caller gives one.

Only facts (layer F) are handed in by default; personal fields only where the configuration says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpmilter.audit.trail import Value

_LOCAL4, _NOTICE, _WARNING = 20, 5, 4
_NOTED = frozenset({"rejected", "release-failed", "content-opened", "rollback-accepted", "trail-key-changed"})
_FIELD = re.compile(r"[^A-Za-z0-9_.-]")
VENDOR, PRODUCT = "dlpmilter", "trail"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry; `time` is when it was sent out, not when it happened, unless personal fields are allowed."""

    seq: int
    day: str
    event: str
    action: str
    policy_version: str
    fields: Mapping[str, Value]
    host: str
    version: str
    time: str

    def json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "seq": self.seq, "time": self.time, "day": self.day, "host": self.host, "event": self.event,
                "action": self.action, "policy_version": self.policy_version, "fields": dict(self.fields),
            },
            ensure_ascii=True, separators=(",", ":"),
        )  # fmt: skip

    def rfc5424(self) -> str:
        """A syslog message (RFC 5424) with the JSON as its text; the facility is local4."""
        severity = _WARNING if self.event in _NOTED else _NOTICE
        host = re.sub(r"[^!-~]", "", self.host)[:255] or "-"
        name = re.sub(r"[^!-~]", "", self.event)[:32] or "-"
        return f"<{_LOCAL4 * 8 + severity}>1 {self.time} {host} dlpmilter - {name} - {self.json()}"

    def cef(self) -> str:
        """ArcSight's Common Event Format; what is no scalar is written as JSON."""
        severity = 6 if self.event in _NOTED else 3
        head = [VENDOR, PRODUCT, self.version, self.event, self.event.replace("-", " "), str(severity)]
        parts = {"externalId": str(self.seq), "act": self.action, "dvchost": self.host, "rt": self.time}
        more = {f"dlp.{_FIELD.sub('', name)}": _scalar(value) for name, value in self.fields.items()}
        shown = " ".join(f"{name}={_extension(value)}" for name, value in {**parts, **more}.items())
        return "CEF:0|" + "|".join(each.replace("\\", "\\\\").replace("|", "\\|") for each in head) + f"|{shown}"


def _scalar(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str)


def _extension(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")
    return "".join(each if each.isprintable() else " " for each in escaped)
