# SPDX-License-Identifier: Apache-2.0
"""What this system lacks for opening documents safely, to be told before the start. Never opens one, never installs."""

from __future__ import annotations

import ctypes
import sys
from ctypes.util import find_library
from dataclasses import dataclass

_PR_GET_SECCOMP = 21


@dataclass(frozen=True, slots=True)
class Missing:
    """`package` is its name on Debian and Ubuntu, "" when no package helps; `effect` is what follows for mail."""

    package: str
    what: str
    effect: str


def missing() -> tuple[Missing, ...]:
    """Everything that is missing, the sandbox first."""
    found = []
    if find_library("seccomp") is None:
        effect = "attached documents and archives are not opened (no-sandbox) and count as uninspectable"
        found.append(Missing("libseccomp2", "the library libseccomp", effect))
    elif not _kernel_has_filters():
        effect = "attached documents and archives are not opened (no-sandbox) and count as uninspectable"
        found.append(Missing("", "seccomp in this kernel or container", effect))
    if find_library("archive") is None:
        effect = "7z, RAR, CAB, ISO and the like cannot be opened and count as uninspectable"
        found.append(Missing("libarchive13", "the library libarchive", effect))
    return tuple(found)


def _kernel_has_filters() -> bool:
    if sys.platform != "linux":
        return False
    return int(ctypes.CDLL(None).prctl(_PR_GET_SECCOMP, 0, 0, 0, 0)) >= 0
