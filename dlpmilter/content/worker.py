# SPDX-License-Identifier: Apache-2.0
"""The confined process that walks bodies: one mail at a time, handed over as a file descriptor.

Started as `python -m dlpmilter.content.worker FD`. It may not write files, the mail least of all, open more than a
handful of them, or grow; it ends when the gate's side of the socket closes. It never judges and never logs.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import resource
import socket
import struct
import sys

from dlpmilter.content.confine import only_read_files
from dlpmilter.content.wire import pack
from dlpmilter.mime.structure import read_structure
from dlpmilter.model.limits import Limits
from dlpmilter.model.message import Structure

LENGTH = struct.Struct("!I")
MAX_REQUEST = 4096
_OPEN_FILES = 16


def main(descriptor: int) -> int:
    """Serve until the socket closes."""
    with socket.socket(fileno=descriptor) as gate:
        limits = Limits(**json.loads(gate.recv(MAX_REQUEST)))
        confine(limits)
        only_read_files()
        gate.sendall(LENGTH.pack(0))  # ready
        while True:
            request, descriptors, _, _ = socket.recv_fds(gate, MAX_REQUEST, 1)
            if not request:
                return 0
            if len(descriptors) != 1:
                return 1
            allow_seconds(limits.inspect_seconds)
            answer = _answer(descriptors[0], limits)
            gate.sendall(LENGTH.pack(len(answer)) + answer)


def confine(limits: Limits) -> None:
    """Take from this process what a parser does not need. There is no way back (hard limits)."""
    for what, most in (
        (resource.RLIMIT_AS, limits.inspect_memory_octets),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (value, value))


def allow_seconds(seconds: float) -> None:
    """CPU time for the next mail only: the kernel ends a worker that a clock in Python could not."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _answer(descriptor: int, limits: Limits) -> bytes:
    try:
        size = os.fstat(descriptor).st_size
        if size == 0:
            return pack(read_structure(b"", limits))
        with mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) as message:
            return pack(read_structure(message, limits))
    except MemoryError:
        return pack(Structure(uninspectable=("out-of-memory",)))
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
