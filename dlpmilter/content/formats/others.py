# SPDX-License-Identifier: Apache-2.0
"""Archives that libarchive reads: 7z, RAR, CAB, ISO, LHA, cpio, xar; files packed with zstd, lz4, lzip, compress.

From memory and by content only. The library is told which format to expect, so that one that opens files by
name (mtree) or runs programs never comes into play. Its mistakes stay in the sandbox.
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlpmilter.content.formats.base import Member, Stopped
from dlpmilter.content.formats.streams import RATIO_FLOOR, ceiling
from dlpmilter.content.formats.zips import MAX_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpmilter.content.formats.base import Budget

try:
    import libarchive
    from libarchive import ffi
except (ImportError, OSError, AttributeError, TypeError):  # libarchive13 is not installed, or too old
    libarchive = None

FORMATS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "application/x-7z-compressed": (("7zip",), ()),
    "application/vnd.rar": (("rar", "rar5"), ()),
    "application/vnd.ms-cab-compressed": (("cab",), ()),
    "application/x-iso9660-image": (("iso9660",), ()),
    "application/x-lha": (("lha",), ()),
    "application/x-cpio": (("cpio",), ()),
    "application/x-xar": (("xar",), ()),
    "application/zstd": (("raw",), ("zstd",)),
    "application/x-lz4": (("raw",), ("lz4",)),
    "application/x-lzip": (("raw",), ("lzip",)),
    "application/x-compress": (("raw",), ("compress",)),
}
"""Media type -> formats and filters of libarchive that may be tried."""
_WARN = -20
_EOF = 1
_BLOCK = 64 * 1024
_DIRECTORY, _FILE_TYPE, _REGULAR = 0o040000, 0o170000, 0o100000
_functions: dict[str, Any] = {}


def available() -> bool:
    """Whether the system's libarchive can be used."""
    return libarchive is not None


def warm() -> None:
    """Bind all functions now: a confined process cannot load a library any more."""
    if libarchive is None:
        return
    library = ffi.libarchive
    for name, result, arguments in (
        ("archive_read_new", ctypes.c_void_p, []),
        ("archive_read_free", ctypes.c_int, [ctypes.c_void_p]),
        ("archive_read_open_memory", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
        ("archive_read_next_header", ctypes.c_int, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]),
        ("archive_read_data", ctypes.c_ssize_t, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]),
        ("archive_read_has_encrypted_entries", ctypes.c_int, [ctypes.c_void_p]),
        ("archive_error_string", ctypes.c_char_p, [ctypes.c_void_p]),
        ("archive_entry_pathname_utf8", ctypes.c_char_p, [ctypes.c_void_p]),
        ("archive_entry_pathname", ctypes.c_char_p, [ctypes.c_void_p]),
        ("archive_entry_filetype", ctypes.c_uint, [ctypes.c_void_p]),
        ("archive_entry_is_data_encrypted", ctypes.c_int, [ctypes.c_void_p]),
        ("archive_entry_is_metadata_encrypted", ctypes.c_int, [ctypes.c_void_p]),
        *((f"archive_read_support_format_{name}", ctypes.c_int, [ctypes.c_void_p])
          for formats, _ in FORMATS.values() for name in formats),
        *((f"archive_read_support_filter_{name}", ctypes.c_int, [ctypes.c_void_p])
          for _, filters in FORMATS.values() for name in filters),
    ):  # fmt: skip
        function = library[name]  # a fresh object: libarchive-c keeps its own types for its own
        function.restype, function.argtypes = result, arguments
        _functions[name] = function


def read_other(data: bytes, kind: str, budget: Budget) -> Iterator[Member]:
    """Every member of an archive of that type. Raises Stopped, before the first member or after the last good one."""
    if libarchive is None:
        raise Stopped("unsupported")
    if not _functions:
        warm()
    raw = FORMATS[kind][0] == ("raw",)
    call = _functions
    with _opened(data, kind) as archive:
        total, seen, entry = 0, False, ctypes.c_void_p()
        while (code := call["archive_read_next_header"](archive, ctypes.byref(entry))) != _EOF:
            if code < _WARN:
                raise Stopped(_slug(archive))
            budget.spend_member()
            seen = True
            name = "" if raw else _name(entry)
            if call["archive_entry_filetype"](entry) & _FILE_TYPE == _DIRECTORY:
                continue
            if call["archive_entry_is_data_encrypted"](entry) or call["archive_entry_is_metadata_encrypted"](entry):
                yield Member(name, b"", "encrypted")
                continue
            member = _data(archive, name, len(data), total, budget)
            total += len(member.data)
            yield member
            if member.status not in ("read", "encrypted"):
                raise Stopped(member.status)  # after a broken member libarchive does not know where it is
        if total == 0 and call["archive_read_has_encrypted_entries"](archive) > 0:
            raise Stopped("encrypted")
        if not seen:
            raise Stopped("no-text")  # told by its octets, yet without a single member: not to be passed as empty


@contextmanager
def _opened(data: bytes, kind: str) -> Iterator[Any]:
    call = _functions
    archive = call["archive_read_new"]()
    if not archive:
        raise MemoryError
    try:
        formats, filters = FORMATS[kind]
        for name in formats:
            call[f"archive_read_support_format_{name}"](archive)
        for name in filters:
            call[f"archive_read_support_filter_{name}"](archive)
        if call["archive_read_open_memory"](archive, data, len(data)) < _WARN:
            raise Stopped(_said(archive))
        yield archive
    finally:
        call["archive_read_free"](archive)


def _data(archive: Any, name: str, packed: int, total: int, budget: Budget) -> Member:
    """The octets of the current member. The ratio counts against the whole file: solid archives share it."""
    most, bound = ceiling(budget, packed)
    most = min(most, max(RATIO_FLOOR, budget.ratio * packed) - total)
    out, buffer = bytearray(), ctypes.create_string_buffer(_BLOCK)
    while (count := _functions["archive_read_data"](archive, buffer, _BLOCK)) != 0:
        if count < 0:
            return Member(name, bytes(out), _slug(archive))
        budget.spend_octets(count)
        if len(out) + count > most:
            return Member(name, b"", bound if len(out) + count > ceiling(budget, packed)[0] else "ratio")
        out += memoryview(buffer)[:count]
    return Member(name, bytes(out))


def _name(entry: Any) -> str:
    raw = _functions["archive_entry_pathname_utf8"](entry) or _functions["archive_entry_pathname"](entry) or b""
    return bytes(raw)[:MAX_NAME].decode("utf-8", "replace")


def _slug(archive: Any) -> str:
    """Why the last call failed. To be asked only after a header: before, libarchive follows a null pointer."""
    return "encrypted" if _functions["archive_read_has_encrypted_entries"](archive) > 0 else _said(archive)


def _said(archive: Any) -> str:
    said = (_functions["archive_error_string"](archive) or b"").lower()
    if b"ncrypt" in said or b"passphrase" in said:
        return "encrypted"
    for word, slug in ((b"truncated", "truncated"), (b"allocate", "out-of-memory"), (b"memory", "out-of-memory"),
                       (b"nsupported", "unsupported"), (b"not supported", "unsupported"),
                       (b"multi", "unsupported")):  # fmt: skip
        if word in said:
            return slug
    return "corrupt"
