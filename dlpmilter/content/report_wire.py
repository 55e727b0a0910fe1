# SPDX-License-Identifier: Apache-2.0
"""A content report as JSON between child and gate. The child has read hostile octets: its answer is checked
field by field and never unpickled, and no field of it has room for a text of the mail.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from dlpmilter.content.wire import _flag, _list, _number, _text, _texts
from dlpmilter.model.content import ContentReport, FingerprintHit, RegisterHit
from dlpmilter.model.verdict import Finding, PartSummary


def pack_report(report: ContentReport) -> bytes:
    """The report as one JSON object; lone surrogates from broken names are escaped."""
    return json.dumps(asdict(report), ensure_ascii=True, separators=(",", ":")).encode("ascii")


def unpack_report(answer: bytes | bytearray) -> ContentReport:
    """Read an answer of a child. Raises ValueError when it is not one."""
    try:
        data = json.loads(answer)
        return ContentReport(
            parts=tuple(_part(each) for each in _list(data["parts"])),
            findings=tuple(_finding(each) for each in _list(data["findings"])),
            uninspectable=_texts(data["uninspectable"]),
            doubts=_texts(data["doubts"]),
            registers=tuple(_register(each) for each in _list(data["registers"])),
            fingerprints=tuple(_fingerprint(each) for each in _list(data["fingerprints"])),
            table_rows=_number(data["table_rows"]),
            attachments=_number(data["attachments"]),
            documents=_number(data["documents"]),
            text_chars=_number(data["text_chars"]),
            image_only=_flag(data["image_only"]),
        )
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"the child's answer is not a report: {type(error).__name__}") from error


def _part(data: dict[str, Any]) -> PartSummary:
    return PartSummary(
        path=_text(data["path"]),
        type=_text(data["type"]),
        name=_text(data["name"]),
        text_chars=_number(data["text_chars"]),
        status=_text(data["status"]),
    )


def _finding(data: dict[str, Any]) -> Finding:
    return Finding(
        detector=_text(data["detector"]),
        count=_number(data["count"]),
        confidence=_share(data["confidence"]),
        part=_text(data["part"]),
        place=_text(data["place"]),
    )


def _register(data: dict[str, Any]) -> RegisterHit:
    rows = tuple(_number(each) for each in _list(data["rows"]))
    size, licensed = _number(data["register_rows"]), _flag(data["licensed"])
    return RegisterHit(_text(data["register"]), rows, size, licensed, _text(data["build"]))


def _fingerprint(data: dict[str, Any]) -> FingerprintHit:
    return FingerprintHit(_text(data["document"]), _share(data["containment"]))


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise TypeError
    return float(value)
