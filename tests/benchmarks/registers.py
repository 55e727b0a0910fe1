# SPDX-License-Identifier: Apache-2.0
"""What registers cost and how well documents are told apart; each figure beside a peer measured in the same run.

The peer of a register is the plain way: normalised cells in an indexed SQLite table, one query a cell.
    python -m tests.benchmarks.registers [--rows 1000000] [--texts 10000] [--trials 1000] [--processes 2] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dlpmilter.model.content import Extract
from dlpmilter.registers import normal
from dlpmilter.registers.build import Plan, build
from dlpmilter.registers.documents import Documents, match_documents, words_of, write_documents
from dlpmilter.registers.index_file import hasher
from dlpmilter.registers.match import Register, match
from dlpmilter.registers.source import Source
from tests.registers import samples
from tests.registers.test_documents import CORPORA, corpus_texts

PEER_ROWS = 50_000
FOUND = 0.1
"""Containment from which a fifth of a document counts as found."""


def hash_cost() -> float:
    """Microseconds of CPU for one keyed hash: how fast this machine is right now."""
    state = hasher(samples.KEY)
    start = time.process_time()
    for _ in range(200_000):
        each = state.copy()
        each.update(b"anna.mueller@kunde.example")
        each.digest()
    return (time.process_time() - start) * 5


def loop_cost() -> float:
    """Seconds of CPU for a loop of a million squares: 0.05 on the machine that the promised figures are for."""

    def loop() -> int:
        total = 0
        for number in range(1_000_000):
            total += number * number
        return total

    spent = []
    for _ in range(5):
        start = time.process_time()
        loop()
        spent.append(time.process_time() - start)
    return min(spent)


def cpu() -> float:
    """Seconds of CPU of this process and of those it has waited for."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def building(folder: Path, rows: int, processes: int | None) -> dict[str, Any]:
    """Build one register of `rows` people, ten columns."""
    people = samples.people(rows)
    source = samples.write_csv(folder / "people.csv", people)
    peer = people[:PEER_ROWS]
    del people
    target = folder / "people.reg"
    start, before = time.perf_counter(), cpu()
    build(Source(source), Plan("people"), target, samples.KEY, {"key": "bench"}, processes=processes)
    wall, used = time.perf_counter() - start, cpu() - before
    peer_used = peer_build(folder / "peer.db", peer)
    return {
        "rows": rows,
        "wall_s": round(wall, 1),
        "cpu_s": round(used, 1),
        "cpu_us_per_cell": round(used / rows / 10 * 1e6, 2),
        "peer_cpu_us_per_cell": round(peer_used / len(peer) / 10 * 1e6, 2),
        "index_mb": round(target.stat().st_size / 1e6, 1),
        "csv_mb": round(source.stat().st_size / 1e6, 1),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "peak_rss_children_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "us_per_keyed_hash": round(hash_cost(), 2),
        "loop_s": round(loop_cost(), 3),
        "load": os.getloadavg()[0],
    }


def peer_build(path: Path, rows: list[tuple[str, ...]]) -> float:
    """Seconds of CPU for the same cells, normalised, in an indexed SQLite table."""
    start = time.process_time()
    with sqlite3.connect(path) as base:
        base.execute("create table cells (value text, row int, column int)")
        base.executemany(
            "insert into cells values (?, ?, ?)",
            (
                (normal.canonical(normal.fold(cell)), number, place)
                for number, row in enumerate(rows)
                for place, cell in enumerate(row)
            ),
        )
        base.execute("create index by_value on cells (value)")
    base.close()
    return time.process_time() - start


def lookups(folder: Path, rows: int) -> dict[str, Any]:
    """One mail of 1,000 cells, all registered, some, none; as a table and as text."""
    register = Register(folder / "people.reg", samples.KEY, verify=False)
    source = (folder / "people.csv").read_text(encoding="utf-8").splitlines()
    rng = random.Random(3)
    known = [tuple(source[1 + rng.randrange(rows)].split(",")) for _ in range(100)]
    strange = samples.people(100, seed=77)
    mixed = known[:10] + strange[:90]
    found: dict[str, Any] = {}
    many = [tuple(source[1 + rng.randrange(rows)].split(",")) for _ in range(500)]
    for name, picks in (("names", (1, 2)), ("given names and towns", (1, 8))):
        pasted = samples.text(_lines([tuple(row[pick] for pick in picks) for row in many]))
        found[f"{name} of 500, text"] = _timed(lambda extracts=pasted: match(register, extracts))  # type: ignore[misc]
    for name, people in (("registered", known), ("a tenth registered", mixed), ("strange", strange)):
        for shape, extracts in (("table", samples.table(people)), ("text", samples.text(_lines(people)))):
            found[f"{name}, {shape}"] = _timed(lambda extracts=extracts: match(register, extracts))  # type: ignore[misc]
    hit = match(register, samples.table(known))
    found["rows wanted / told"] = f"{len(set(known))} / {len(hit.rows) if hit else 0}"
    base = sqlite3.connect(folder / "peer.db")
    found["loop_s"] = round(loop_cost(), 3)
    found["peer, registered"] = _timed(lambda: _peer_lookup(base, known))
    base.close()
    register.close()
    return found


def _lines(people: list[tuple[str, ...]]) -> str:
    return "\n".join(" ".join(row) for row in people)


def _peer_lookup(base: sqlite3.Connection, people: list[tuple[str, ...]]) -> int:
    """Whole cells only: it knows no words of text and no second column."""
    query = "select row from cells where value = ? limit 24"
    return sum(
        len(base.execute(query, (normal.canonical(normal.fold(cell)),)).fetchall()) for row in people for cell in row
    )


def _timed(work: Callable[[], object], rounds: int = 25) -> dict[str, float]:
    walls, cpus = [], []
    for _ in range(rounds):
        start, used = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - start)
        cpus.append(time.process_time() - used)
    return {
        "wall_ms": round(sorted(walls)[rounds // 2] * 1000, 1),
        "cpu_ms": round(sorted(cpus)[rounds // 2] * 1000, 1),
        "least_cpu_ms": round(min(cpus) * 1000, 1),
    }


def documents(folder: Path, trials: int, texts: int) -> dict[str, Any]:
    """Excerpts of a fifth, set differently, among 200 documents; then texts that hold nothing registered."""
    names = {f"contract-{number}": samples.document(number, 400 + number * 10) for number in range(200)}
    write_documents(folder / "documents.fp", samples.KEY, {"key": "b", "made": "2026-01-01"}, new=names.items())
    opened = Documents(folder / "documents.fp", samples.KEY)
    rng = random.Random(9)
    found = best = 0
    least = 1.0
    for _ in range(trials):
        name = rng.choice(list(names))
        words = names[name].split()
        size = len(words) // 5
        at = rng.randrange(len(words) - size)
        mail = _retyped(words[at : at + size], rng)
        hits = match_documents(opened, samples.text(mail))
        share = next((hit.containment for hit in hits if hit.document == name), 0.0)
        found += share >= FOUND
        best += bool(hits) and hits[0].document == name
        least = min(least, share)
    highest, count = 0.0, 0
    for number in range(texts):
        highest = max(highest, _highest(opened, samples.document(100_000 + number, rng.randrange(50, 800))))
    real = 0.0
    if CORPORA.is_dir():
        for _, words_of_text in corpus_texts():
            count += 1
            real = max(real, _highest(opened, words_of_text))
    long_text = samples.text(samples.document(5, 10_000))
    return {
        "excerpts found": f"{found} of {trials}",
        "right document first": f"{best} of {trials}",
        "least containment of an excerpt": round(least, 3),
        f"highest false containment, {texts} generated": highest,
        f"highest false containment, {count} texts of the corpora": real,
        "10,000 words": _timed(lambda: match_documents(opened, long_text), 9),
    }


def corpus_against_itself(folder: Path, every: int = 20) -> dict[str, Any]:
    """Each `every`th text of the corpora registered, all others looked up: real prose on both sides."""
    texts = dict(corpus_texts())
    long = {name: text for name, text in texts.items() if len(set(text.split())) > 100}
    chosen = dict(list(long.items())[::every])
    new = list(chosen.items())
    write_documents(folder / "real.fp", samples.KEY, {"key": "b", "made": "2026-01-01"}, new=new)
    opened = Documents(folder / "real.fp", samples.KEY)
    above, false = 0, []
    for name, text in texts.items():
        if name not in chosen:
            hits = match_documents(opened, [Extract("1", "text/plain", text=text)])
            if hits and hits[0].containment > 0.3:
                above += 1
                plain = _plain_containment(chosen[hits[0].document], text)
                if plain < 0.2:
                    false.append(f"{name} in {hits[0].document}: {hits[0].containment}, in truth {plain:.2f}")
    return {"registered": len(new), "looked up": len(texts) - len(new), "above 0.3": above, "of them false": false}


def _plain_containment(document: str, text: str) -> float:
    """The same question without hashes, winnowing or weights: which share of its five words in a row is there."""
    known, there = (
        {tuple(words[at : at + 5]) for at in range(len(words) - 4)} for words in map(words_of, (document, text))
    )
    return len(known & there) / max(1, len(known))


def _highest(opened: Documents, text: str) -> float:
    hits = match_documents(opened, samples.text(text))
    return hits[0].containment if hits else 0.0


def _retyped(words: list[str], rng: random.Random) -> str:
    """Other lines, quote marks, case, some slips, and a letter around it."""
    width = rng.randrange(5, 15)
    mark = rng.choice(["", "> ", "> > ", "| "])
    typed = [word.upper() if rng.random() < 0.1 else word + "x" if rng.random() < 0.01 else word for word in words]
    lines = [mark + " ".join(typed[at : at + width]) for at in range(0, len(typed), width)]
    letter = samples.document(rng.randrange(10**6, 10**7), 80)
    return f"{letter}\n{chr(10).join(lines)}\n{letter}"


def hostile(folder: Path) -> dict[str, Any]:
    """Seconds for two million signs that are all numbers, all addresses, all dates or one value again and again."""
    register = Register(folder / "people.reg", samples.KEY, verify=False)
    found: dict[str, Any] = {}
    for unit in ("0 0 0", "1.1.", "@@@", "12.3.1980 ", "a@b.c ", "DE12 3456 ", "+49 170 ", "Baba "):
        start = time.process_time()
        match(register, samples.text(unit * (2_000_000 // len(unit))))
        found[repr(unit)] = round(time.process_time() - start, 2)
    register.close()
    return found


def run(rows: int, trials: int, texts: int, *, real: bool = True, processes: int | None = None) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = {
            "building": building(folder, rows, processes),
            "a mail of 1,000 cells": lookups(folder, rows),
            "two million signs, s": hostile(folder),
            "documents": documents(folder, trials, texts),
        }
        if real and CORPORA.is_dir():
            results["corpora among themselves"] = corpus_against_itself(folder)
    return results


def table(results: dict[str, Any]) -> str:
    """The figures, one a line."""
    return "\n".join(
        f"{group:<24} {name:<52} {value}" for group, values in results.items() for name, value in values.items()
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--processes", type=int)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = run(options.rows, options.trials, options.texts, processes=options.processes)
    print(json.dumps(results, indent=1) if options.json else table(results))


if __name__ == "__main__":
    main()
