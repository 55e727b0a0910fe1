# SPDX-License-Identifier: Apache-2.0
"""Tesseract and Leptonica of the distribution, called in this process: pictures in, text and confidence out.

Loaded with its languages before the sandbox closes; afterwards it needs no file, thread or program. Every size is
checked before a pixel is decoded. It never raises for a picture (what cannot be read is None); a C++ library that
aborts ends the confined process, which has then given its report already.
"""

from __future__ import annotations

import ctypes
import os
import struct
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, c_char_p, c_float, c_int, c_size_t, c_void_p
from dataclasses import dataclass
from math import sqrt
from typing import Any

from dlpmilter.content.system import ocr_library, tessdata

MAX_CHARS = 200_000
"""Characters kept of one page."""
MAX_SPOTS = 40_000
"""Spots of ink on one picture; a page of small print has ten thousand."""
MAX_LINES = 5_000
MAX_TIFF_PAGES = 1_000
LEAST_SIDE, LEAST_AREA = 16, 4_000
"""Pixels: what is smaller is a dot, a rule or an icon."""
_DECODED = 8
"""Octets of decoded pixels for each pixel that is looked at: a bigger picture is not decoded."""
_LEAST_SECONDS = 0.2
_LSTM_ONLY, _TEXTLINE = 1, 2
_LUMINANCE = 1
_SILENT = 6
_TIFF, _JPEG = (*range(4, 11), 17), (2,)
"""Leptonica's numbers for file formats (imageio.h)."""
_JP2 = 14
"""Its decoder takes a word of 32 bits for each sample, and more beside: 64 million pixels ended the process."""
_SMALL = 1_000
"""A picture with shorter sides is a screenshot or a cutting, its letters a few pixels high: it is doubled."""
_ANY_BITS = 8
_GREY, _INK, _NEIGHBOURS = 1, 130, 8
_SURE = (4.0, 2.0)
"""Leptonica asks for twice as much (8.0, 2.5): a wrong guess costs us time only, and a short letter gives little."""
_TURNS = {3: 2, 6: 1, 8: 3}
"""EXIF orientation -> quarter turns clockwise (TIFF 6.0, tag 274; mirrored ones are not made by cameras)."""

_NUMBER = POINTER(c_int)
_CALLS: dict[str, tuple[Any, ...]] = {  # name: result, arguments (tesseract/capi.h, leptonica/allheaders.h)
    "TessBaseAPICreate": (c_void_p,),
    "TessBaseAPIDelete": (None, c_void_p),
    "TessBaseAPIInit2": (c_int, c_void_p, c_char_p, c_char_p, c_int),
    "TessBaseAPISetImage2": (None, c_void_p, c_void_p),
    "TessBaseAPIRecognize": (c_int, c_void_p, c_void_p),
    "TessBaseAPIGetUTF8Text": (c_void_p, c_void_p),
    "TessBaseAPIMeanTextConf": (c_int, c_void_p),
    "TessBaseAPIClear": (None, c_void_p),
    "TessBaseAPIGetIterator": (c_void_p, c_void_p),
    "TessResultIteratorGetUTF8Text": (c_void_p, c_void_p, c_int),
    "TessResultIteratorNext": (c_int, c_void_p, c_int),
    "TessResultIteratorDelete": (None, c_void_p),
    "TessDeleteText": (None, c_void_p),
    "TessMonitorCreate": (c_void_p,),
    "TessMonitorDelete": (None, c_void_p),
    "TessMonitorSetDeadlineMSecs": (None, c_void_p, c_int),
    "setMsgSeverity": (c_int, c_int),
    "pixReadHeaderMem": (c_int, c_char_p, c_size_t, _NUMBER, _NUMBER, _NUMBER, _NUMBER, _NUMBER, _NUMBER),
    "readHeaderMemTiff": (
        c_int, c_char_p, c_size_t, c_int, _NUMBER, _NUMBER, _NUMBER, _NUMBER, _NUMBER, _NUMBER, _NUMBER,
    ),
    "pixReadMem": (c_void_p, c_char_p, c_size_t),
    "pixReadMemJpeg": (c_void_p, c_char_p, c_size_t, c_int, c_int, _NUMBER, c_int),
    "pixReadMemTiff": (c_void_p, c_char_p, c_size_t, c_int),
    "pixRemoveAlpha": (c_void_p, c_void_p),
    "pixConvertTo8": (c_void_p, c_void_p, c_int),
    "pixScale": (c_void_p, c_void_p, c_float, c_float),
    "pixRotateOrth": (c_void_p, c_void_p, c_int),
    "pixConvertTo1": (c_void_p, c_void_p, c_int),
    "pixCountConnComp": (c_int, c_void_p, c_int, _NUMBER),
    "pixOrientDetect": (c_int, c_void_p, POINTER(c_float), POINTER(c_float), c_int, c_int),
    "makeOrientDecision": (c_int, c_float, c_float, c_float, c_float, _NUMBER, c_int),
    "pixGetWidth": (c_int, c_void_p),
    "pixGetHeight": (c_int, c_void_p),
    "pixDestroy": (None, POINTER(c_void_p)),
}  # fmt: skip


class TesseractMissing(Exception):
    """The library or a language is not there; the text says which."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was recognised on one page. `confidence` is the mean of its words, 0..100, in Tesseract's own opinion."""

    text: str
    confidence: int
    whole: bool = True
    """Whether the page was read to its end."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a picture says of itself before it is decoded."""

    format: int
    width: int
    height: int
    octets: int
    """What its pixels take, decoded."""


class Tesseract:
    """One engine with its languages; one page at a time."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        """Load library and languages. Raises TesseractMissing."""
        library, folder = ocr_library(), tessdata(languages)
        if library is None or folder is None:
            raise TesseractMissing("tesseract" if library is None else "+".join(languages))
        os.environ["OMP_THREAD_LIMIT"] = "1"  # read when libgomp is loaded: a confined process has no second thread
        try:
            self._lib = ctypes.CDLL(library)
            for name, (result, *arguments) in _CALLS.items():
                call = getattr(self._lib, name)  # Leptonica's are found through Tesseract: the one it is linked with
                call.restype, call.argtypes = result, arguments
        except (OSError, AttributeError) as error:
            raise TesseractMissing(str(error)) from None
        self._lib.setMsgSeverity(_SILENT)
        self._engine = self._lib.TessBaseAPICreate()
        # Before the library's own end: it complains on stderr about languages that somebody still holds.
        weakref.finalize(self, self._lib.TessBaseAPIDelete, self._engine)
        if self._lib.TessBaseAPIInit2(self._engine, os.fsencode(folder), "+".join(languages).encode(), _LSTM_ONLY):
            raise TesseractMissing("+".join(languages))

    def head(self, data: bytes, number: int = 0) -> Head | None:
        """Format and size of a picture, or of one page of a TIFF; None when Leptonica does not know it."""
        kind, width, height, bits, samples, coloured = (c_int() for _ in range(6))
        if self._lib.pixReadHeaderMem(data, len(data), kind, width, height, bits, samples, coloured):
            return None
        if kind.value in _TIFF:
            resolution, way = c_int(), c_int()
            if self._lib.readHeaderMemTiff(
                data, len(data), number, width, height, bits, samples, resolution, coloured, way
            ):
                return None
        if min(width.value, height.value) < 1:
            return None
        depth = bits.value if samples.value == _GREY else 32
        return Head(kind.value, width.value, height.value, width.value * height.value * max(1, depth) // _ANY_BITS)

    def picture(self, data: bytes, number: int, pixels: int, until: float, *, turn: bool = False) -> Seen | None:
        """Read one picture (or page of a TIFF) until this monotonic time.

        It is made smaller or bigger so that at most `pixels` are looked at. With `turn` it is read only if its
        letters seem to lie on their side or upside down, and set upright before.
        """
        with self._grey(data, number, pixels) as grey:
            black = self._lib.pixConvertTo1(grey, _INK) if grey else None
            try:
                turns = self._turns(black) if black and turn else 0
                if not grey or not black or (turn and not turns) or self._is_dust(black):
                    return None
            finally:
                self._free(black)
            if not turns:
                return self._recognised(grey, until)
            upright = self._lib.pixRotateOrth(grey, turns)
            try:
                return self._recognised(upright, until) if upright else None
            finally:
                self._free(upright)

    def _turns(self, black: int) -> int:
        """Quarter turns clockwise that would set the letters upright; 0 when they are, or nobody can tell."""
        up, left, way = c_float(), c_float(), c_int()
        if self._lib.pixOrientDetect(black, up, left, 0, 0):
            return 0
        if self._lib.makeOrientDecision(up, left, *_SURE, way, 0):
            return 0
        return max(0, way.value - 1)

    def _is_dust(self, black: int) -> bool:
        """Whether there are more spots than letters on any page: Tesseract would sort them without any deadline."""
        count = c_int()
        return bool(self._lib.pixCountConnComp(black, _NEIGHBOURS, count)) or count.value > MAX_SPOTS

    def _recognised(self, grey: int, until: float) -> Seen | None:
        milliseconds = int(1000 * (until - time.monotonic()))
        if milliseconds < 1000 * _LEAST_SECONDS:
            return None
        self._lib.TessBaseAPISetImage2(self._engine, grey)
        monitor = self._lib.TessMonitorCreate()
        self._lib.TessMonitorSetDeadlineMSecs(monitor, milliseconds)
        try:
            if self._lib.TessBaseAPIRecognize(self._engine, monitor):
                return Seen("\n".join(self._lines()), 0, whole=False)  # late: its whole text would be another attempt
            found = self._lib.TessBaseAPIGetUTF8Text(self._engine)
            if not found:
                return None
            text = ctypes.string_at(found).decode("utf-8", "replace")[:MAX_CHARS]
            self._lib.TessDeleteText(found)
            return Seen(text, self._lib.TessBaseAPIMeanTextConf(self._engine))
        finally:
            self._lib.TessBaseAPIClear(self._engine)
            self._lib.TessMonitorDelete(monitor)

    def _lines(self) -> Iterator[str]:
        """The lines that were recognised until the deadline; Tesseract fills the rest with words that say nothing."""
        place = self._lib.TessBaseAPIGetIterator(self._engine)
        if not place:
            return
        try:
            for _ in range(MAX_LINES):
                found = self._lib.TessResultIteratorGetUTF8Text(place, _TEXTLINE)
                if found:
                    yield ctypes.string_at(found).decode("utf-8", "replace").strip()
                    self._lib.TessDeleteText(found)
                if not self._lib.TessResultIteratorNext(place, _TEXTLINE):
                    return
        finally:
            self._lib.TessResultIteratorDelete(place)

    @contextmanager
    def _grey(self, data: bytes, number: int, pixels: int) -> Iterator[int | None]:
        """The picture upright, in grey, at a size to read; None when it is too small, too big or broken."""
        head = self.head(data, number)
        pix = self._decoded(data, number, head, pixels) if head else None
        turns = _TURNS.get(orientation(data), 0) if head and head.format in _JPEG else 0
        steps: list[tuple[str, tuple[Any, ...]]] = [("pixRemoveAlpha", ()), ("pixConvertTo8", (0,))]
        steps += [("pixRotateOrth", (turns,))] if turns else []
        for name, arguments in steps:
            pix = self._step(pix, name, *arguments)
        if pix:
            width, height = self._lib.pixGetWidth(pix), self._lib.pixGetHeight(pix)
            factor = sqrt(pixels / (width * height))
            if factor < 1 or max(width, height) < _SMALL:
                factor = min(2.0, factor)
                pix = self._step(pix, "pixScale", factor, factor)
        try:
            yield pix
        finally:
            self._free(pix)

    def _decoded(self, data: bytes, number: int, head: Head, pixels: int) -> int | None:
        if min(head.width, head.height) < LEAST_SIDE or head.width * head.height < LEAST_AREA:
            return None
        found: int | None
        if head.format in _JPEG:  # can be made smaller while it is decoded
            reduce = next((each for each in (1, 2, 4, 8) if head.width * head.height <= 2 * pixels * each * each), 0)
            found = self._lib.pixReadMemJpeg(data, len(data), 0, reduce, None, _LUMINANCE) if reduce else None
            return found
        if head.octets > _DECODED * pixels or (head.format == _JP2 and head.width * head.height > 2 * pixels):
            return None
        if head.format in _TIFF:
            found = self._lib.pixReadMemTiff(data, len(data), number)
        else:
            found = self._lib.pixReadMem(data, len(data))
        return found

    def _step(self, pix: int | None, name: str, *arguments: Any) -> int | None:
        """The picture after one step; the one before is given back."""
        if not pix:
            return None
        try:
            made: int | None = getattr(self._lib, name)(pix, *arguments)
            return made
        finally:
            self._free(pix)

    def _free(self, pix: int | None) -> None:
        if pix:
            self._lib.pixDestroy(ctypes.byref(c_void_p(pix)))


def orientation(data: bytes) -> int:
    """EXIF orientation of a JPEG, 1 when it has none (EXIF 2.32 4.6.4)."""
    start = data.find(b"Exif\0\0", 0, 70_000) + 6
    if start < 6:
        return 1
    tiff = data[start : start + 65_536]
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        (place,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, place)
        for number in range(min(count, 100)):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, place + 2 + 12 * number)
            if tag == 0x0112:
                return int(value)
    except struct.error:
        return 1
    return 1


def frames(data: bytes) -> int:
    """How many pictures one file shows, at most MAX_TIFF_PAGES: pages of a TIFF; 2 for anything that moves."""
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_pages(data)
    moving = (
        (data.startswith(b"\x89PNG") and b"acTL" in data[:4096])
        or (data.startswith(b"RIFF") and b"ANIM" in data[:4096])
        or (data.startswith(b"GIF8") and data.count(b"\x21\xf9\x04") > 1)
    )
    return 2 if moving else 1


def _tiff_pages(data: bytes) -> int:
    """Directories in their chain (TIFF 6.0, section 2)."""
    order = "<" if data.startswith(b"II") else ">"
    seen: set[int] = set()
    try:
        (place,) = struct.unpack_from(f"{order}I", data, 4)
        while place and place not in seen and len(seen) < MAX_TIFF_PAGES:
            seen.add(place)
            (count,) = struct.unpack_from(f"{order}H", data, place)
            (place,) = struct.unpack_from(f"{order}I", data, place + 2 + 12 * count)
    except struct.error:
        return len(seen) + 1
    return max(1, len(seen))
