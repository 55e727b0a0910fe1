# SPDX-License-Identifier: Apache-2.0
"""The parts of a mail, decoded one after the other, so that only one is in memory. Never opens one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.content.walk import Payload
from dlpmilter.mime.structure import read_structure
from dlpmilter.mime.text import decode_body

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

    from dlpmilter.model.limits import Limits
    from dlpmilter.model.message import Part, Structure

_CODED = frozenset({"base64", "quoted-printable"})
_PLAIN = frozenset({"", "7bit", "8bit", "binary"})
_ENVELOPES = 10
"""Encoded mails inside each other; the tree of parts has its own limit of depth."""


def payloads_of(
    message: bytes | mmap, structure: Structure, limits: Limits, *, levels: int = _ENVELOPES
) -> Iterator[Payload]:
    """Every leaf of the strict tree. An attached mail in base64 is decoded and its leaves follow."""
    parents = {each.path.rpartition(".")[0] for each in structure.parts}
    for part in structure.parts:
        if part.decoded or part.type.startswith("multipart/"):
            continue
        if part.path not in parents:
            yield _payload(message, part, limits)
        elif part.encoding in _CODED:
            yield from _inner(message, part, limits, levels)


def _inner(message: bytes | mmap, part: Part, limits: Limits, levels: int) -> Iterator[Payload]:
    outer = _payload(message, part, limits)
    if levels <= 0 or outer.status != "read":
        yield outer
        return
    for each in payloads_of(outer.data, read_structure(outer.data, limits), limits, levels=levels - 1):
        path = part.path + "." + each.path
        yield Payload(path, each.data, each.names, each.type, each.charset, each.status)


def _payload(message: bytes | mmap, part: Part, limits: Limits) -> Payload:
    most = limits.content_member_octets
    end, status = part.body_end, "read"
    room = most // 3 * 4 if part.encoding == "base64" else most
    if end - part.body_start > room + room // 32:  # line ends
        end, status = part.body_start + room, "too-big"
    octets = bytes(message[part.body_start : end])
    if part.encoding in _CODED:
        octets = decode_body(octets, part.encoding)
    elif part.encoding not in _PLAIN:
        status = "unknown-transfer-encoding"
    return Payload(part.path, octets[:most], part.names, part.type, part.charset, status)
