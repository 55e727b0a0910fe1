# SPDX-License-Identifier: Apache-2.0
"""How long typical documents take, beside the libraries that wrote them, in the same run."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest

from dlpmilter.content.formats.sniff import sniff
from dlpmilter.content.formats.table import READERS, warm
from tests.content.formats import make

SENTENCE = "Sehr geehrte Frau Beispiel, anbei erhalten Sie die Unterlagen zu unserem Termin am 7. März in Köln. "


def _docx(data: bytes) -> int:
    import docx

    document: Any = docx.Document(io.BytesIO(data))
    return sum(len(each.text) for each in document.paragraphs)


def _xlsx(data: bytes) -> int:
    import openpyxl

    book: Any = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    return sum(len(str(cell)) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row)


def _pptx(data: bytes) -> int:
    import pptx

    show: Any = pptx.Presentation(io.BytesIO(data))
    return sum(len(shape.text_frame.text) for slide in show.slides for shape in slide.shapes if shape.has_text_frame)


def _pdf(data: bytes) -> int:
    import pypdfium2

    with pypdfium2.PdfDocument(data) as document:
        return sum(len(page.get_textpage().get_text_range()) for page in document)


def _text(data: bytes) -> int:
    import lxml.html

    return len(lxml.html.fromstring(data.decode()).text_content())


CASES: dict[str, tuple[bytes, Callable[[bytes], int]]] = {
    "docx of 4 pages": (make.docx(body=SENTENCE * 100), _docx),
    "xlsx of 500 rows": (make.xlsx([[f"Kunde {n}", n, 12.5, SENTENCE[:30]] for n in range(500)]), _xlsx),
    "pptx of 2 slides": (make.pptx(title="Titel", box=SENTENCE * 5, notes=SENTENCE), _pptx),
    "pdf of 1 page": (make.pdf("\n".join([SENTENCE[:90]] * 50)), _pdf),
    "html of 20 KB": (("<html><body>" + f"<p style='color:#333'>{SENTENCE}</p>" * 150).encode(), _text),
}


def _median(call: Callable[[], object], times: int = 15) -> float:
    spent = []
    for _ in range(times):
        start = time.process_time()
        call()
        spent.append(time.process_time() - start)
    return statistics.median(spent) * 1000


@pytest.mark.bench
@pytest.mark.parametrize("name", CASES)
def test_typical_documents(name: str) -> None:
    """A typical office document takes 30 ms of processor time or less; the ratio to its peer is printed."""
    warm()
    data, peer = CASES[name]
    reader = READERS[sniff(data)]
    ours, theirs = _median(lambda: reader(data, make.budget())), _median(lambda: peer(data))
    print(f"{name}: {ours:.1f} ms, the peer {theirs:.1f} ms, ratio {ours / max(theirs, 0.001):.2f}")
    assert ours <= 30
