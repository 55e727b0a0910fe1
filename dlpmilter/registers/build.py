# SPDX-License-Identifier: Apache-2.0
"""Builds the index of a registered table in bounded memory. Never stores a value: cells become keyed hashes.

Three sections: `values` says in which rows and columns a value stands, as long as it stands in at most COMMON
rows (else one record says that it is common); `rows` holds a short hash of each cell of each row, to confirm a
second cell; `pairs` leads from two common values of one row to that row, as long as few rows share them.

A large table is hashed and sorted by several processes: each reads it and takes its share of the blocks.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dlpmilter.registers import grouping, hashing, normal, pairing
from dlpmilter.registers.errors import SourceError
from dlpmilter.registers.grouping import VALUE
from dlpmilter.registers.hashing import BLOCK
from dlpmilter.registers.index_file import Writer
from dlpmilter.registers.pairing import PAIR_WIDTH, SHORT
from dlpmilter.registers.sorting import cut
from dlpmilter.registers.source import Source, open_source, open_text

FORMAT = 1
PARALLEL_OCTETS = 16 * 1024 * 1024
"""A smaller table is not worth starting processes for."""
MAX_PROCESSES = 4
_SHAPED = 0.8
_DISTINCT = 0.9


@dataclass(frozen=True, slots=True)
class Plan:
    """What the person at the command line decides about a register."""

    name: str
    owner: str = "own"
    require: int | None = None
    """How many columns of one row must stand together, unless one alone identifies it; None: two, or the only one."""
    alone: tuple[str, ...] = ()
    """Columns whose values count alone, whatever the data look like."""
    together: tuple[str, ...] = ()
    """Columns whose values never count alone."""


def build(
    source: Source,
    plan: Plan,
    target: Path,
    key: bytes,
    description: dict[str, Any],
    progress: Callable[[int], None] | None = None,
    processes: int | None = None,
) -> dict[str, Any]:
    """Read the table, write the index to `target`, return its description. Raises SourceError, OSError.

    `description` is added to what the index says of itself (key id, day). Memory of each process: the buffer of
    the sorter and the common values. The scratch folder lies beside the index and holds about two times its size.
    """
    _known(source, plan)
    count = _processes(source) if processes is None else processes
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent)))
        submit = _pool(stack, count)
        orders = [hashing.Order(source, key, scratch, share, count) for share in range(count)]
        shares = _all(submit, hashing.hash_share, orders, progress)
        if not shares[0].rows:
            raise SourceError(f"{source.path}: has no rows below the names of the columns.")
        spills = tuple(share.values for share in shares)
        groups = [grouping.Order(spills, scratch, share, count) for share in range(count)]
        kept = _all(submit, grouping.group_share, groups)
        common = {value: times for each in kept for value, times in each.common.items()}
        rows, width = shares[0].rows, len(shares[0].columns)
        work = [pairing.Order(each.row_file, width, rows, common, share, count) for share, each in enumerate(shares)]
        short = _all(submit, pairing.pair_share, work)
        spills = tuple(each.pairs for each in short)
        pairs = _all(submit, pairing.rare_share, [replace(group, spills=spills) for group in groups])
        writer = stack.enter_context(Writer(target, key))
        return _write(writer, plan, shares, kept, Pairs(short, pairs), description)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Short hashes of the rows, and pairs of common values."""

    rows: Sequence[pairing.Share]
    kept: Sequence[pairing.Kept]


def _known(source: Source, plan: Plan) -> None:
    """Find mistakes in names before the long work."""
    with open_text(source) as text:
        columns = open_source(source, text).columns
    for name in (*plan.alone, *plan.together):
        if name not in columns:
            raise SourceError(f"{source.path}: {name!r} is not among the registered columns ({', '.join(columns)}).")
    if plan.require is not None and not 1 <= plan.require <= len(columns):
        raise SourceError(f"--require {plan.require}: there are {len(columns)} columns.")


def _processes(source: Source) -> int:
    if source.path.stat().st_size < PARALLEL_OCTETS:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MAX_PROCESSES, cores))


def _pool(stack: ExitStack, count: int) -> Callable[..., Any] | None:
    """What hands work to other processes; this one does its share itself."""
    if count < 2:
        return None
    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of the progress bar's thread
    pool = stack.enter_context(ProcessPoolExecutor(count - 1, mp_context=context))
    return pool.submit


def _all(submit: Callable[..., Any] | None, work: Callable[..., Any], orders: Sequence[Any], *more: Any) -> list[Any]:
    """The first share done here, the others by the other processes. A process that was killed is an OSError."""
    futures = [submit(work, order) for order in orders[1:]] if submit else []
    try:
        return [work(orders[0], *more), *(future.result() for future in futures)]
    except BrokenProcessPool:
        raise OSError(errno.ENOMEM, "a process that helped was killed, perhaps for want of memory") from None


def _write(
    writer: Writer,
    plan: Plan,
    shares: Sequence[hashing.Share],
    kept: Sequence[grouping.Share],
    pairs: Pairs,
    description: dict[str, Any],
) -> dict[str, Any]:
    rows, width = shares[0].rows, len(shares[0].columns)
    records = writer.table("values", _records(kept, VALUE.size), _count(kept, VALUE.size))
    writer.section("rows", _row_blocks([each.path for each in pairs.rows], width * SHORT * BLOCK))
    pair_count = writer.table("pairs", _records(pairs.kept, PAIR_WIDTH), _count(pairs.kept, PAIR_WIDTH))
    told = {
        **description,
        "kind": "register",
        "format": FORMAT,
        "normal": normal.VERSION,
        "name": plan.name,
        "owner": plan.owner,
        "require": plan.require or min(2, width),
        "rows": rows,
        "columns": _described(plan, shares, kept),
        "lengths": sorted(set().union(*(share.lengths for share in shares))),
        "sizes": sorted(set().union(*(share.sizes for share in shares))),
        "records": records,
        "pairs": pair_count,
    }
    return writer.finish(told)


def _count(kept: Sequence[grouping.Share | pairing.Kept], width: int) -> int:
    return sum(sum(each.sizes) for each in kept) // width


def _records(kept: Sequence[grouping.Share | pairing.Kept], width: int) -> Iterator[list[bytes]]:
    for each in kept:
        with each.path.open("rb") as file:
            for size in each.sizes:
                yield cut(file.read(size), width)


def _row_blocks(paths: Sequence[Path], octets: int) -> Iterator[bytes]:
    """Short hashes of the rows in the order of the table: the blocks of all shares in turn."""
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("rb")) for path in paths]
        while True:
            for file in files:
                block = file.read(octets)
                if not block:
                    return
                yield block


def _described(plan: Plan, shares: Sequence[hashing.Share], kept: Sequence[grouping.Share]) -> list[dict[str, Any]]:
    """What the index says of each column. Counts only."""
    distinct = sum((each.distinct for each in kept), Counter[int]())
    again = sum((each.again for each in kept), Counter[int]())
    found = []
    for number, parts in enumerate(zip(*(share.columns for share in shares), strict=True)):
        name = parts[0].name
        said, shaped = sum(each.said for each in parts), sum(each.shaped for each in parts)
        different = distinct[number] >= _DISTINCT * (distinct[number] + again[number])
        looks = said > 0 and shaped >= _SHAPED * said and different
        found.append(
            {
                "name": name,
                "phone": parts[0].phone,
                "alone": name in plan.alone or (looks and name not in plan.together),
                "distinct": distinct[number],
                "skipped": sum(each.skipped for each in parts),
            }
        )
    return found
