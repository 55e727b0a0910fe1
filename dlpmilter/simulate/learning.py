# SPDX-License-Identifier: Apache-2.0
"""Archives of inbound mail learned on all cores. Never judges a mail, never keeps more than packed rows.

A small archive is learned in this process: starting others would take longer.
"""

from __future__ import annotations

import multiprocessing
import signal
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING

from dlpmilter.model.limits import Limits
from dlpmilter.simulate.archives import chunks_of
from dlpmilter.simulate.crowd import CrowdError
from dlpmilter.simulate.inbound import Learned, learn

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dlpmilter.policy.domains import DomainLists
    from dlpmilter.simulate.archives import Chunk
    from dlpmilter.simulate.crowd import Progress

SMALL_OCTETS = 16 * 1024 * 1024
_AHEAD = 3
"""Chunks given out for each process, so that none waits for work."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """How to learn: whose domains are ours, the verifier's name, the limits of reading."""

    lists: DomainLists
    authserv_id: str = ""
    limits: Limits = field(default_factory=Limits)

    def learn(self, chunk: Chunk) -> Learned:
        """What one chunk teaches."""
        return learn(chunk, self.lists, self.authserv_id, self.limits)


def learn_archives(
    archives: Iterable[Path], lesson: Lesson, processes: int, progress: Progress = lambda _o, _m: None
) -> Learned:
    """Learn everything. Raises ArchiveError, CrowdError."""
    source = chunks_of(archives)
    first = list(islice(source, 2 * processes + 2))
    total = Learned()
    if processes == 1 or sum(chunk.octets for chunk in first) < SMALL_OCTETS:
        for chunk in chain(first, source):
            _take(total, lesson.learn(chunk), chunk, progress)
        return total
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks of the progress bar
    with ProcessPoolExecutor(processes, context, initializer=_start, initargs=(lesson,)) as pool:
        try:
            _spread(pool, chain(first, source), total, progress, processes * _AHEAD)
        except BrokenProcessPool:
            pool.shutdown(cancel_futures=True)
            raise CrowdError(
                "A process that learned inbound mail was ended, perhaps for lack of memory; try --processes 1."
            ) from None
    return total


def _spread(pool: ProcessPoolExecutor, chunks: Iterable[Chunk], total: Learned, progress: Progress, ahead: int) -> None:
    source = iter(chunks)
    waiting: dict[Future[Learned], Chunk] = {}
    while True:
        waiting |= {pool.submit(_one, chunk): chunk for chunk in islice(source, ahead - len(waiting))}
        if not waiting:
            return
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for each in done:
            _take(total, each.result(), waiting.pop(each), progress)


def _take(total: Learned, part: Learned, chunk: Chunk, progress: Progress) -> None:
    total.add(part)
    progress(chunk.octets, total.counts.total())


_lesson: Lesson


def _start(lesson: Lesson) -> None:
    """Once in each process of the pool."""
    global _lesson  # noqa: PLW0603 - a pool has no other place for what all its tasks share
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    _lesson = lesson


def _one(chunk: Chunk) -> Learned:
    return _lesson.learn(chunk)
