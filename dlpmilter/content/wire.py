# SPDX-License-Identifier: Apache-2.0
"""A structure as JSON between worker and gate. JSON and nothing else: the worker has read hostile octets,
so its answer is checked field by field and never unpickled.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from dlpmilter.model.message import Part, QuotedMail, Structure

MAX_ANSWER = 16 * 1024 * 1024
"""Octets of one answer; 1,000 parts with their names take less than one."""
MORE = 1 << 31
"""In the length of an answer: it counts unless another one follows. Sent before pictures are read."""

_FLAGS = ("encrypted", "signed", "calendar", "invitation", "attached_mail", "digest")


def pack(structure: Structure) -> bytes:
    """The structure as one JSON object; lone surrogates from broken names are escaped."""
    return json.dumps(asdict(structure), ensure_ascii=True, separators=(",", ":")).encode("ascii")


def unpack(answer: bytes) -> Structure:
    """Read an answer of a worker. Raises ValueError when it is not one."""
    try:
        data = json.loads(answer)
        return Structure(
            parts=tuple(_part(each) for each in _list(data["parts"])),
            attachments=_number(data["attachments"]),
            quotes=tuple(_quote(each) for each in _list(data["quotes"])),
            uninspectable=_texts(data["uninspectable"]),
            doubts=_texts(data["doubts"]),
            **{name: _flag(data[name]) for name in _FLAGS},
            report=_text(data["report"]),
            report_body=_span(data["report_body"]),
        )
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"the worker's answer is not a structure: {type(error).__name__}") from error


def _part(data: dict[str, Any]) -> Part:
    return Part(
        path=_text(data["path"]),
        type=_text(data["type"]),
        names=_texts(data["names"]),
        header_start=_number(data["header_start"]),
        body_start=_number(data["body_start"]),
        body_end=_number(data["body_end"]),
        encoding=_text(data["encoding"]),
        charset=_text(data["charset"]),
        disposition=_text(data["disposition"]),
        decoded=_flag(data["decoded"]),
        attachment=_flag(data["attachment"]),
        text_chars=_number(data["text_chars"]),
        status=_text(data["status"]),
    )


def _quote(data: dict[str, Any]) -> QuotedMail:
    return QuotedMail(
        style=_text(data["style"]),
        signal=_text(data["signal"]),
        part=_text(data["part"]),
        level=_number(data["level"]),
        senders=_texts(data["senders"]),
        receivers=_texts(data["receivers"]),
        nameless=_flag(data["nameless"]),
        above=_text(data["above"]),
        topic=_text(data["topic"]),
    )


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(each) for each in _list(value))


def _span(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    first, last = _list(value)
    return _number(first), _number(last)
