# SPDX-License-Identifier: Apache-2.0
"""Edits as byte ranges of the received mail. Never parses and never serialises a message again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Splice:
    """Octets `start` to `end` of the received mail are replaced by `data`."""

    start: int
    end: int
    data: bytes = b""


def spliced(blocks: Iterable[bytes], splices: Sequence[Splice]) -> Iterator[bytes]:
    """The mail given in blocks with every splice applied; splices are in order and do not overlap."""
    todo = sorted(splices, key=lambda splice: splice.start)
    if any(left.end > right.start for left, right in pairwise(todo)):
        message = "splices overlap"
        raise ValueError(message)
    offset = 0
    for block in blocks:
        end = offset + len(block)
        at = offset
        while todo and todo[0].start < end:
            splice = todo[0]
            if splice.start >= at:
                yield block[at - offset : splice.start - offset] + splice.data
            if splice.end > end:  # the removed range goes on in the next block
                at = end
                break
            at = splice.end
            todo.pop(0)
        if at < end:
            yield block[at - offset :]
        offset = end
    for splice in todo:
        if splice.start >= offset:
            yield splice.data
