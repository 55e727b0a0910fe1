# SPDX-License-Identifier: Apache-2.0
"""Chunks of archives handed to one process a core, tallies added up. Never judges a mail itself.

A process that dies (memory, time, a crash in a library) is replaced and its chunk sent again: the mail it
died at gets a second try, then its structure counts as unreadable, then it is only counted; a chunk that
ends processes even then is given up and counted as one.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from ctypes import c_longlong
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from dlpmilter.simulate.door import serve
from dlpmilter.simulate.tally import Tally
from dlpmilter.simulate.worker import work

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from dlpmilter.simulate.archives import Chunk
    from dlpmilter.simulate.worker import Order

Progress = Callable[[int, int], None]
"""Called with the octets of a finished chunk and the mails judged so far."""


_LAST_SECONDS = 5.0


class CrowdError(Exception):
    """The processes that judge cannot be started."""


@dataclass(slots=True)
class _Worker:
    process: Any  # SpawnProcess has no public name
    gate: Connection
    place: c_longlong
    door: Any = None
    """The process that has mails opened for this one; it ends with it."""
    chunk: Chunk | None = None

    def end(self) -> None:
        """Wait for both processes, which have lost their other side or were told to end."""
        self.gate.close()
        self.process.join()
        if self.door is not None:
            self.door.join(_LAST_SECONDS)
            self.door.terminate()
            self.door.join()


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def simulate(chunks: Iterable[Chunk], order: Order, processes: int, progress: Progress = lambda _o, _m: None) -> Tally:
    """Judge everything in `chunks`. Raises CrowdError when no process starts."""
    total = Tally()
    deaths: Counter[tuple[int, int]] = Counter()
    source = iter(chunks)
    again: deque[Chunk] = deque()
    with _workers(order, processes) as workers:
        idle: list[_Worker] = []
        while True:
            while idle and (chunk := again.popleft() if again else next(source, None)) is not None:
                _give(idle.pop(), chunk)
            if len(idle) == len(workers):
                return total
            busy = {each.gate: each for each in workers if each not in idle}
            for gate in wait(list(busy)):
                worker = busy[gate]  # type: ignore[index]  # wait returns what it was given
                try:
                    tally = worker.gate.recv()
                except (EOFError, ConnectionResetError):
                    workers.remove(worker)
                    if (chunk := _after_death(worker, deaths)) is not None:
                        again.append(chunk)
                    else:
                        total.troubles["ended-the-worker"] += 1
                    workers.append(_start(order))
                    continue
                if isinstance(tally, str):
                    raise CrowdError(tally)
                if tally is not None and worker.chunk is not None:
                    total.add(tally)
                    progress(worker.chunk.octets, total.mails)
                worker.chunk = None
                idle.append(worker)


def _give(worker: _Worker, chunk: Chunk) -> None:
    worker.chunk = chunk
    try:
        worker.gate.send(chunk)
    except (BrokenPipeError, ConnectionResetError):
        return  # it is dead; reading from it says so


def _after_death(worker: _Worker, deaths: Counter[tuple[int, int]]) -> Chunk | None:
    """The chunk to try again, None when it was tried often enough."""
    worker.end()
    chunk, place = worker.chunk, worker.place.value
    if chunk is None:
        raise CrowdError(f"A process that judges ended at its start (exit code {worker.process.exitcode}).")
    at = (chunk.number, max(0, place))
    deaths[at] += 1
    match deaths[at]:
        case 1:
            return chunk
        case 2:
            return replace(chunk, unreadable=chunk.unreadable | {at[1]})
        case 3:
            return replace(chunk, skipped=chunk.skipped | {at[1]})
    return None


def _start(order: Order) -> _Worker:
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks of the progress bar
    ours, theirs = context.Pipe()
    place = context.RawValue(c_longlong, -1)
    if order.opening is None:
        process = context.Process(target=work, args=(theirs, place, order), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours, place)
    near, far = context.Pipe()
    door = context.Process(target=serve, args=(far, order.opening, order.limits), daemon=True)
    door.start()
    process = context.Process(target=work, args=(theirs, place, order, near), daemon=True)
    process.start()
    for each in (theirs, near, far):
        each.close()
    return _Worker(process, ours, place, door)


@contextmanager
def _workers(order: Order, processes: int) -> Iterator[list[_Worker]]:
    workers: list[_Worker] = []
    try:
        workers.extend(_start(order) for _ in range(max(1, processes)))
        yield workers
    finally:
        for each in workers:
            each.gate.close()
            each.process.terminate()
        for each in workers:
            each.end()
            each.process.close()
