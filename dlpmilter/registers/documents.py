# SPDX-License-Identifier: Apache-2.0
"""Fingerprints of documents: how much of each registered one stands in a mail. Never stores a word.

A text becomes its folded words (case, punctuation, quote marks and line breaks are gone), each SHINGLE words in a
row become a keyed hash. Of a registered document those are kept that are the least of WINNOW in a row (winnowing:
Schleimer, Wilkerson, Aiken 2003), so any SHINGLE + WINNOW - 1 words in a row leave at least one. Of a mail all
are looked up, so that what stands around an excerpt cannot hide it.

What many documents share is boilerplate: a fingerprint weighs one over the number of documents that have it, and
nothing when more than BOILERPLATE of them (or a tenth) do. Containment is the weight that was found over the weight
that the document has.
"""

from __future__ import annotations

import re
import struct
import tempfile
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpmilter.model.content import FingerprintHit
from dlpmilter.registers import normal
from dlpmilter.registers.errors import IndexUnusable, RegisterError
from dlpmilter.registers.index_file import HASH, IndexFile, Table, Writer, hasher
from dlpmilter.registers.sorting import Sorter, in_order

if TYPE_CHECKING:
    from dlpmilter.model.content import Extract

FORMAT = 1
SHINGLE = 5
WINNOW = 8
MIN_PRINTS = 8
"""A document with fewer (under about 40 words) would be found in everything, and is refused."""
BOILERPLATE = 8
_TENTH = 10
REPORTED = 0.05
"""Containment below this is chance or one borrowed sentence, and no hit."""
WIDTH = HASH + 4
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u2010\u00ad]\r?\n[> \t]*(?=[^\W\d_])")
_BATCH = 4096
_RECORDS = struct.Struct(f">{HASH}xI").iter_unpack


def words_of(text: str) -> list[str]:
    """Folded words of a text; a word divided at the end of a line is one."""
    if "\n" in text:
        text = _HYPHEN.sub("", text)
    return [word for word in normal.WORD.findall(normal.fold(text)) if word != "+"]


def shingles(words: Sequence[str], state: Any) -> Iterator[bytes]:
    """The keyed hash of each SHINGLE words in a row."""
    for at in range(len(words) - SHINGLE + 1):
        each = state.copy()
        each.update(" ".join(words[at : at + SHINGLE]).encode())
        yield each.digest()


def winnow(hashes: Iterable[bytes]) -> set[bytes]:
    """The least hash of each WINNOW in a row."""
    kept: set[bytes] = set()
    window: deque[tuple[int, bytes]] = deque()
    place = -1
    for place, value in enumerate(hashes):
        while window and window[-1][1] >= value:
            window.pop()
        window.append((place, value))
        if window[0][0] <= place - WINNOW:
            window.popleft()
        if place >= WINNOW - 1:
            kept.add(window[0][1])
    if 0 <= place < WINNOW - 1:
        kept.add(window[0][1])
    return kept


@dataclass(frozen=True, slots=True)
class Prints:
    """What is stored of one document: how many words it has, and keyed hashes of some runs of them."""

    words: int = 0
    hashes: frozenset[bytes] = frozenset()


NO_PRINTS = Prints()


def prints_of(text: str, state: Any) -> Prints:
    """The fingerprints of a text; `state` is the hasher of the index they are for."""
    words = words_of(text)
    return Prints(len(words), frozenset(winnow(shingles(words, state))))


class Documents:
    """The opened fingerprints. Holds a mapping and the list of documents."""

    def __init__(self, path: Path, key: bytes, *, verify: bool = True) -> None:
        """Open them. Raises IndexUnusable with a sentence that names the file."""
        self._file = IndexFile(path, key, verify=verify)
        self.path = path
        try:
            told = self._file.description
            if (told["kind"], told["format"], told["normal"]) != ("documents", FORMAT, normal.VERSION):
                raise IndexUnusable(
                    f"{path}: was written by another version of dlpmilter. Register the documents again."
                )
            self.names = tuple(str(each["name"]) for each in told["documents"])
            self.weights = tuple(float(each["weight"]) for each in told["documents"])
            self.described: list[dict[str, Any]] = told["documents"]
            self.prints = Table(self._file, "prints", WIDTH)
            self._raw = self._file.section("all", WIDTH)
        except (KeyError, TypeError, ValueError) as error:
            self._file.close()
            if isinstance(error, IndexUnusable):
                raise
            raise IndexUnusable(f"{path}: is damaged ({type(error).__name__}). Register the documents again.") from None
        self.hasher = hasher(key)

    def close(self) -> None:
        """Give the mapping back."""
        self._file.close()

    def records(self) -> Iterator[bytes]:
        """All fingerprints with their document's number, boilerplate too, for a new file."""
        start, count = self._raw
        octets = self._file.octets
        for at in range(0, count, _BATCH):
            block = octets[start + at * WIDTH : start + min(at + _BATCH, count) * WIDTH]
            for inner in range(0, len(block), WIDTH):
                yield block[inner : inner + WIDTH]


def match_documents(documents: Documents, extracts: Sequence[Extract]) -> tuple[FingerprintHit, ...]:
    """Which registered documents stand in these texts, and how much of each; the most contained first."""
    weights: dict[int, float] = {}
    seen: set[bytes] = set()
    find = documents.prints.find
    for extract in extracts:
        for text in _texts(extract):
            for value in shingles(words_of(text), documents.hasher):
                if value in seen:
                    continue
                records = find(value)
                if records:
                    seen.add(value)
                    weight = WIDTH / len(records)
                    for (number,) in _RECORDS(records):
                        weights[number] = weights.get(number, 0.0) + weight
    hits = []
    for number, weight in weights.items():
        if number < len(documents.names) and documents.weights[number] > 0:
            containment = min(1.0, weight / documents.weights[number])
            if containment >= REPORTED:
                hits.append(FingerprintHit(documents.names[number], round(containment, 4)))
    return tuple(sorted(hits, key=lambda hit: (-hit.containment, hit.document)))


def _texts(extract: Extract) -> Iterator[str]:
    yield extract.text
    yield extract.hidden
    for table in extract.tables:
        yield "\n".join(" ".join(row) for row in table.rows)


def write_documents(
    path: Path,
    key: bytes,
    description: Mapping[str, Any],
    *,
    new: Iterable[tuple[str, str | Prints]] = (),
    old: Documents | None = None,
    without: Iterable[str] = (),
) -> list[dict[str, Any]]:
    """Write the fingerprints of `old` (less those named in `without`) and of `new` to `path`.

    `new` are names with their texts, or with fingerprints that were made with this key elsewhere.

    A new document takes the place of an old one of its name. Returns what the file says of each document.
    Raises RegisterError for a text that is too short or a name given twice, OSError.
    """
    state = hasher(key)
    documents: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    dropped = set(without)
    scratch = tempfile.TemporaryDirectory(prefix=".building-", dir=path.parent)
    with scratch as folder, Writer(path, key) as writer:
        sorter, weighed = Sorter(Path(folder, "all")), Sorter(Path(folder, "weighed"))
        for name, text in new:
            if name in numbers:
                raise RegisterError(f"{name!r}: two documents cannot have one name.")
            made = prints_of(text, state) if isinstance(text, str) else text
            if len(made.hashes) < MIN_PRINTS:
                raise RegisterError(
                    f"{name}: {made.words} words (repetitions apart) are too few to know a document by. "
                    "Register texts of 50 words or more."
                )
            numbers[name] = len(documents)
            documents.append(
                {"name": name, "words": made.words, "prints": len(made.hashes), "made": description["made"]}
            )
            _add(sorter, made.hashes, numbers[name])
        _keep(old, dropped | numbers.keys(), sorter, documents)
        writer.section("all", _weigh(sorter, weighed, documents))
        writer.table("prints", in_order([weighed.spill()], WIDTH), sum(each["prints"] for each in documents))
        writer.finish(
            {**description, "kind": "documents", "format": FORMAT, "normal": normal.VERSION, "documents": documents}
        )
    return documents


def _add(sorter: Sorter, prints: Iterable[bytes], number: int) -> None:
    tail = number.to_bytes(4, "big")
    for each in prints:
        sorter.parts[each[0]] += each + tail
    sorter.relieve()


def _keep(old: Documents | None, dropped: Iterable[str], sorter: Sorter, documents: list[dict[str, Any]]) -> None:
    """Take over what is not dropped, under new numbers."""
    if old is None:
        return
    gone = set(dropped)
    moved: dict[bytes, bytes] = {}
    for number, each in enumerate(old.described):
        if each["name"] not in gone:
            moved[number.to_bytes(4, "big")] = len(documents).to_bytes(4, "big")
            documents.append({key: each[key] for key in ("name", "words", "prints", "made")})
    for count, record in enumerate(old.records()):
        tail = moved.get(record[HASH:])
        if tail is not None:
            sorter.parts[record[0]] += record[:HASH] + tail
        if not count % _BATCH:
            sorter.relieve()


def _weigh(sorter: Sorter, weighed: Sorter, documents: list[dict[str, Any]]) -> Iterator[bytes]:
    """All records in order; on the way, those that are no boilerplate go to `weighed`, their weight to documents."""
    ceiling = max(BOILERPLATE, len(documents) // _TENTH)
    weights = [0.0] * len(documents)
    for records in in_order([sorter.spill()], WIDTH):
        times = Counter(record[:HASH] for record in records)
        for record in records:
            count = times[record[:HASH]]
            if count <= ceiling:
                weights[int.from_bytes(record[HASH:], "big")] += 1 / count
                weighed.parts[record[0]] += record
        weighed.relieve()
        yield b"".join(records)
    for document, weight in zip(documents, weights, strict=True):
        document["weight"] = round(weight, 6)
