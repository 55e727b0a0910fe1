# SPDX-License-Identifier: Apache-2.0
"""An inspection worker that somebody broke into: it tries to change the mail it got. Never imported by the product."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Callable

from dlpmilter.content import worker
from dlpmilter.model.limits import Limits
from dlpmilter.model.message import Structure


def _mapped(descriptor: int) -> None:
    with mmap.mmap(descriptor, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE) as mail:
        mail[:4] = b"Evil"


def _mapped_anew(descriptor: int) -> None:
    _mapped(os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR))


ATTEMPTS: dict[str, Callable[[int], object]] = {
    "write": lambda descriptor: os.pwrite(descriptor, b"Evil", 0),
    "cut": lambda descriptor: os.ftruncate(descriptor, 4),
    "map": _mapped,
    "open-anew": _mapped_anew,
    "cut-by-name": lambda descriptor: os.truncate(f"/proc/self/fd/{descriptor}", 4),
}


def forge(message: bytes | mmap.mmap, limits: Limits) -> Structure:
    """Try everything on the descriptor of the mail; what worked and what was refused is the answer."""
    del message, limits
    done = []
    for name, attempt in ATTEMPTS.items():
        try:
            attempt(MAIL[0])
            done.append(name)
        except OSError:
            done.append(f"{name}-refused")
    return Structure(uninspectable=tuple(done))


MAIL: list[int] = []


def _answer(descriptor: int, limits: Limits) -> bytes:
    MAIL[:] = [descriptor]
    return _real(descriptor, limits)


_real, worker._answer = worker._answer, _answer
vars(worker)["read_structure"] = forge

if __name__ == "__main__":
    sys.exit(worker.main(int(sys.argv[1])))
