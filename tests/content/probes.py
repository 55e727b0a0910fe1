# SPDX-License-Identifier: Apache-2.0
"""Scanners that misbehave inside the sandbox, as a parser would that somebody broke into. Never imported by the product."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path

from dlpmilter.model.content import Extract
from dlpmilter.model.verdict import Finding

_LIBC = ctypes.CDLL(None, use_errno=True)
ESCAPE = Path("/tmp/dlpmilter-escape")
HOARD: list[bytes] = []


def _file(path: str, flags: int) -> Callable[[], object]:
    return lambda: os.open(path, flags)


def change_mail() -> None:
    """A shared and writable mapping of the mail that will be relayed."""
    with mmap.mmap(0, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE):
        pass


def map_executable() -> None:
    _LIBC.mmap.restype = ctypes.c_void_p
    if _LIBC.mmap(None, ctypes.c_size_t(4096), 7, 0x22, -1, 0) in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "refused")


ATTEMPTS: dict[str, Callable[[], object]] = {
    "read a file": _file("/etc/hostname", os.O_RDONLY),
    "write a file": _file(str(ESCAPE), os.O_WRONLY | os.O_CREAT),
    "list a folder": lambda: os.scandir("/"),
    "remove a file": ESCAPE.unlink,
    "link": lambda: ESCAPE.symlink_to("/etc"),
    "signal the parent": lambda: os.kill(os.getppid(), 0),
    "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000)),
    "make a pipe": os.pipe,
    "run code it wrote": map_executable,
    "change the mail": change_mail,
    "become another user": lambda: os.setuid(65534),
    "change the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, 0),
    "make memory files": lambda: os.memfd_create("x"),
    "write elsewhere": lambda: os.write(2, b"x"),
    "fork": os.fork,
}
"""Refused with an error; the child lives on."""

DEADLY: dict[str, Callable[[], object]] = {
    "socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "unix socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "exec": lambda: os.execv("/bin/true", ["/bin/true"]),
    "ptrace": lambda: _LIBC.ptrace(0, 0, 0, 0),
}
"""No parser asks for these by mistake: the child ends."""


Extracts = tuple[Extract, ...]
Scanner = Callable[[Extracts], tuple[Finding, ...]]


def _really(extracts: Extracts) -> bool:
    """The warm process shows each scanner a mail before it confines its children: nothing is tried then."""
    return any("hello" in each.text for each in extracts)


def attempts(_: str) -> Scanner:
    """Try everything of ATTEMPTS; each that was not refused is a finding, and so is the count of refusals."""

    def scan(extracts: Extracts) -> tuple[Finding, ...]:
        got: list[Finding] = []
        refused = 0
        if not _really(extracts):
            return ()
        for name, attempt in ATTEMPTS.items():
            try:
                attempt()
                got.append(Finding(name))
            except OSError as error:
                refused += error.errno in (errno.EPERM, errno.EACCES, errno.EMFILE)
            except ValueError:  # how Python tells EPERM of setrlimit
                refused += 1
        return (*got, Finding("refused", refused))

    return scan


def deadly(name: str) -> Scanner:
    """One of DEADLY, each mail."""
    return lambda extracts: (Finding(str(DEADLY[name]())),) if _really(extracts) else ()


def by_text(_: str) -> Scanner:
    """Does what the mail's text says: hang, spin, hoard, crash, leave; else finds `marker` and its own process id."""

    def scan(extracts: Extracts) -> tuple[Finding, ...]:
        said = " ".join(each.text for each in extracts)
        if "please-hang" in said:
            time.sleep(3600)
        while "please-spin" in said:
            pass
        while "please-hoard" in said:
            HOARD.append(bytes(b"x" * (1 << 20)))
        if "please-crash" in said:
            ctypes.string_at(0)
        if "please-leave" in said:
            os._exit(0)
        if "please-lie" in said:
            os.write(1, b"\0\0\0\x02{}")
            os._exit(0)
        if "please-flood" in said:
            while os.write(1, bytes(1 << 20)):
                pass
        if "please-wait" in said:
            time.sleep(0.3)
        return (Finding("marker", said.count("marker")),)

    return scan


def state(_: str) -> Scanner:
    """How the child is confined, from inside: its open descriptors can be counted without opening any."""

    def scan(extracts: Extracts) -> tuple[Finding, ...]:
        found = []
        for what in ("RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_NPROC", "RLIMIT_NOFILE"):
            found.append(Finding(what, resource.getrlimit(getattr(resource, what))[1]))
        openable = 0
        for number in range(64):
            try:
                os.fstat(number)
                openable += 1
            except OSError:
                continue
        return (*found, Finding("descriptors", openable))

    return scan


def finds(word: str) -> Scanner:
    """Every part with this word in its hidden text."""
    return lambda extracts: tuple(Finding("found", part=each.path) for each in extracts if word in each.hidden)


def _second_look(extracts: Extracts) -> bool:
    return any(each.status == "read-by-ocr" for each in extracts)


def dies_at_second_look(_: str) -> Scanner:
    """Crashes once pictures have been read."""
    return lambda extracts: (Finding(str(ctypes.string_at(0))),) if _second_look(extracts) else ()


def hangs_at_second_look(_: str) -> Scanner:
    """Does not come to an end once pictures have been read."""

    def scan(extracts: Extracts) -> tuple[Finding, ...]:
        if _second_look(extracts):
            time.sleep(3600)
        return ()

    return scan
