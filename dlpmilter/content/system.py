# SPDX-License-Identifier: Apache-2.0
"""What this system lacks for opening documents safely, to be told before the start. Never opens one, never installs."""

from __future__ import annotations

import ctypes
import re
import sys
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

_PR_GET_SECCOMP = 21
_TESSDATA = (
    "usr/share/tesseract-ocr/*/tessdata", "usr/share/tessdata", "usr/share/tesseract/tessdata",
    "usr/local/share/tessdata",
)  # fmt: skip
"""Where distributions keep Tesseract's languages: Debian and Ubuntu, Arch, Fedora, one's own."""
_LANGUAGE = re.compile(r"[A-Za-z0-9_]{1,40}")


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


def missing_for_ocr(languages: tuple[str, ...]) -> tuple[Missing, ...]:
    """What reading pictures needs and is not there: the library, then each language."""
    effect = "words in pictures are not read"
    if ocr_library() is None:
        return (Missing("tesseract-ocr", "the library libtesseract", effect),)
    return tuple(
        Missing(f"tesseract-ocr-{each.replace('_', '-')}", f"Tesseract's language {each}", effect)
        for each in languages
        if tessdata((each,)) is None
    )


def ocr_library() -> str | None:
    """The name that Tesseract's library can be loaded by."""
    return find_library("tesseract")


def tessdata(languages: tuple[str, ...]) -> Path | None:
    """The newest folder with all these languages."""
    if not all(_LANGUAGE.fullmatch(each) for each in languages):
        return None
    folders = (folder for pattern in _TESSDATA for folder in sorted(Path("/").glob(pattern), reverse=True))
    return next((each for each in folders if all((each / f"{one}.traineddata").is_file() for one in languages)), None)


def _kernel_has_filters() -> bool:
    if sys.platform != "linux":
        return False
    return int(ctypes.CDLL(None).prctl(_PR_GET_SECCOMP, 0, 0, 0, 0)) >= 0
