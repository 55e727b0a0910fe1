# SPDX-License-Identifier: Apache-2.0
"""The control socket as a file: whose it is, stale ones, long paths, and who is at the other end.

Never reads what is sent. One office owns the socket while it holds a lock beside it; the kernel gives
the lock back when that office ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ADDRESS_OCTETS = 107
"""sun_path of unix(7) without its final NUL."""
BACKLOG = 64
MODE = 0o666
"""Everybody may connect (the folder decides who comes this far); who may do what is asked later."""
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


class Unavailable(Exception):
    """The socket cannot be ours now; the text is a slug or the system's reason."""


class TakenElsewhere(Unavailable):
    """Another office holds it: nothing is wrong."""


@contextmanager
def address(path: Path) -> Iterator[str]:
    """The path as bind and connect take it; a long one is reached through its opened folder (Linux)."""
    if len(os.fsencode(path)) <= ADDRESS_OCTETS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


@contextmanager
def owned(path: Path) -> Iterator[socket.socket]:
    """Listen on `path` while the block runs. Raises TakenElsewhere, Unavailable."""
    with contextlib.ExitStack() as stack:
        try:
            lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            stack.callback(os.close, lock)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            listener = stack.enter_context(_bound(path))
        except BlockingIOError:
            raise TakenElsewhere("another-office-has-it") from None
        except OSError as error:
            raise Unavailable(error.strerror or type(error).__name__) from error
        yield listener


@contextmanager
def _bound(path: Path) -> Iterator[socket.socket]:
    """A listening socket; a file left by an office that was killed goes first. Only under the lock."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise Unavailable("a-file-that-is-no-socket-has-its-name")
        path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.setblocking(False)
        with address(path) as place:
            listener.bind(place)
        mine = inode(path)
        try:
            path.chmod(MODE)
            listener.listen(BACKLOG)
            yield listener
        finally:
            if inode(path) == mine:
                with contextlib.suppress(OSError):
                    path.unlink()


def inode(path: Path) -> tuple[int, int] | None:
    """What lies at `path` now: device and inode, None when nothing can be seen there."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def peer_uid(connection: socket.socket) -> int:
    """The user at the other end when it connected, as the kernel recorded it (SO_PEERCRED, unix(7))."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(raw)
    return int(uid)
