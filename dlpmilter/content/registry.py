# SPDX-License-Identifier: Apache-2.0
"""Which reader opens which type, and who tells the type: the one place where formats are plugged in. Never reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.content.formats.archives import archive_type
from dlpmilter.content.formats.others import warm as warm_libarchive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpmilter.content.formats.base import Reader

READERS: Mapping[str, Reader] = {}
"""Media type -> its reader."""

_MAGICS = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
)
_CONTROLS = bytes({*range(32)} - {7, 8, 9, 10, 11, 12, 13, 27})


def sniff(data: bytes, names: tuple[str, ...]) -> str:  # noqa: ARG001 - what a name claims counts for nothing here
    """The media type by the first octets; text when there are no control characters in it."""
    for magic, kind in _MAGICS:
        if data.startswith(magic):
            return kind
    if kind := archive_type(data):
        return kind
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if marked or not data[:65536].translate(None, bytes({*range(256)} - {*_CONTROLS})):
        return "text/plain"
    return "application/octet-stream"


def warm() -> None:
    """Load whatever a reader would load at its first document: a confined process can load nothing."""
    warm_libarchive()
