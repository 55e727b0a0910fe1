# SPDX-License-Identifier: Apache-2.0
"""Excerpts of registered documents are found however they are set; other texts are not."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpmilter.registers.documents import Documents, match_documents, winnow, write_documents
from dlpmilter.registers.errors import RegisterError
from tests.registers import samples

CORPORA = Path(os.environ.get("DLPMILTER_CORPORA") or Path(__file__).parents[2] / ".." / "shared" / "corpora")
TOLD = {"key": "test", "made": "2026-01-01"}


def registered(path: Path, texts: list[tuple[str, str]], **more: object) -> Documents:
    write_documents(path, samples.KEY, TOLD, new=texts, **more)  # type: ignore[arg-type]
    return Documents(path, samples.KEY)


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Documents:
    texts = [(f"contract-{number}", samples.document(number)) for number in range(40)]
    return registered(tmp_path_factory.mktemp("documents") / "documents.fp", texts)


def containment(documents: Documents, words: str, name: str) -> float:
    return next((hit.containment for hit in match_documents(documents, samples.text(words)) if hit.document == name), 0)


def test_a_whole_document_is_contained(contracts: Documents) -> None:
    """All of it is 1, and it comes first."""
    hits = match_documents(contracts, samples.text(samples.document(7)))
    assert (hits[0].document, hits[0].containment) == ("contract-7", 1.0)


def quoted(text: str) -> str:
    return "\n".join(f"> > {line}" for line in text.splitlines())


def rewrapped(text: str) -> str:
    words = text.split()
    return "\n".join(" ".join(words[at : at + 5]) for at in range(0, len(words), 5))


def retyped(text: str) -> str:
    return re.sub(r"[.]", " –", text).upper().replace("A", "Ä")


def hyphenated(text: str) -> str:
    return re.sub(r"(\w{3})(\w{3}) ", r"\1-\n> \2 ", text)


def with_typing_mistakes(text: str) -> str:
    rng = random.Random(5)
    return " ".join(word if rng.random() > 0.02 else word + "x" for word in text.split())


@pytest.mark.parametrize("change", [quoted, rewrapped, retyped, hyphenated, with_typing_mistakes])
@pytest.mark.parametrize("around", ["", "Guten Tag Herr Kollege, anbei wie besprochen der Text. " * 30])
def test_an_excerpt_is_found_in_another_shape(contracts: Documents, change: object, around: str) -> None:
    """A fifth of a document, quoted, wrapped, in capitals, divided or with slips, stands out."""
    words = samples.document(11).split()
    excerpt = change("\n".join(" ".join(words[at : at + 12]) for at in range(200, 320, 12)))  # type: ignore[operator]
    found = containment(contracts, around + excerpt + around, "contract-11")
    assert 0.12 < found < 0.3


def test_a_cell_and_hidden_text_count(contracts: Documents) -> None:
    """A document hidden in a table or in white letters is found too."""
    words = samples.document(3)
    assert match_documents(contracts, samples.text("", hidden=words))[0].document == "contract-3"
    assert (
        match_documents(contracts, samples.table([[line] for line in words.splitlines()]))[0].document == "contract-3"
    )


def test_boilerplate_of_many_documents_says_nothing(tmp_path: Path) -> None:
    """A clause that stands in 30 documents is no hit by itself; what is one document's own still is."""
    clause = samples.document(999, 300)
    texts = [(f"d{number}", samples.document(number, 300) + "\n" + clause) for number in range(30)]
    documents = registered(tmp_path / "documents.fp", texts)
    assert match_documents(documents, samples.text(clause)) == ()
    assert containment(documents, samples.document(4, 300), "d4") > 0.9


def test_versions_of_one_document_are_still_found(tmp_path: Path) -> None:
    """Five versions of one contract do not turn it into boilerplate."""
    versions = [(f"v{number}", samples.document(1) + "\n" + samples.document(50 + number, 60)) for number in range(5)]
    documents = registered(tmp_path / "documents.fp", [*versions, ("other", samples.document(2))])
    hits = match_documents(documents, samples.text(samples.document(1)))
    assert {hit.document for hit in hits} == {"v0", "v1", "v2", "v3", "v4"}
    assert min(hit.containment for hit in hits) > 0.6


def test_documents_are_added_replaced_and_forgotten(tmp_path: Path) -> None:
    """The file is rewritten with what stays; the old text of a replaced document is gone."""
    path = tmp_path / "documents.fp"
    first = registered(path, [("a", samples.document(1)), ("b", samples.document(2))])
    second = registered(path, [("b", samples.document(3)), ("c", samples.document(4))], old=first)
    assert sorted(second.names) == ["a", "b", "c"]
    assert containment(second, samples.document(1), "a") == 1
    assert containment(second, samples.document(2), "b") < 0.05
    assert containment(second, samples.document(3), "b") == 1
    third = registered(path, [], old=second, without=["a"])
    assert sorted(third.names) == ["b", "c"]
    assert match_documents(third, samples.text(samples.document(1))) == ()


def test_a_text_too_short_to_know_is_refused(tmp_path: Path) -> None:
    """A note of ten words would be found in everything; the old file stays."""
    with pytest.raises(RegisterError, match=r"note: 10 words \(repetitions apart\) are too few"):
        registered(tmp_path / "documents.fp", [("note", "eins zwei drei vier fünf sechs sieben acht neun zehn")])
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(min_size=8, max_size=8), min_size=8, max_size=200))
def test_winnowing_leaves_one_of_each_eight(hashes: list[bytes]) -> None:
    """Of any eight neighbours at least one is kept, and it is the least."""
    kept = winnow(hashes)
    assert all(min(hashes[at : at + 8]) in kept for at in range(len(hashes) - 7))
    assert kept == {min(hashes[at : at + 8]) for at in range(len(hashes) - 7)}


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=300), st.text(max_size=300), st.integers(0, 39), st.integers(0, 500))
def test_text_around_an_excerpt_hides_nothing(
    contracts: Documents, before: str, behind: str, number: int, start: int
) -> None:
    """Containment never falls when text is added before or behind."""
    excerpt = " ".join(samples.document(number).split()[start : start + 100])
    alone = containment(contracts, excerpt, f"contract-{number}")
    inside = containment(contracts, f"{before}\n{excerpt}\n{behind}", f"contract-{number}")
    assert inside >= alone


def corpus_texts() -> Iterator[tuple[str, str]]:
    """Every text of the corpora that can be read without a parser of documents."""
    for path in sorted(CORPORA.glob("*/data/**/*")):
        if not path.is_file() or path.stat().st_size > 2_000_000:
            continue
        data = path.read_bytes()
        if path.parts[-3].startswith("mail-") or b"\nSubject:" in data[:5000]:
            yield path.name, "\n".join(_mail_texts(data))
        elif b"\0" not in data:
            yield path.name, data.decode("utf-8", "replace")


def _mail_texts(data: bytes) -> Iterator[str]:
    for part in message_from_bytes(data).walk():
        if part.get_content_maintype() == "text":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                yield payload.decode("latin-1")


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the shared corpora are not beside the project")
def test_no_text_of_the_corpora_looks_like_a_registered_one(contracts: Documents) -> None:
    """Real mails and documents contain nothing of made-up contracts, not even a twentieth."""
    count = 0
    for name, words in corpus_texts():
        count += 1
        assert match_documents(contracts, samples.text(words[:20_000])) == (), name
        if count > 400:
            break
    assert count
