# SPDX-License-Identifier: Apache-2.0
"""The sandbox for the policy in force: warm processes that know its detectors and the registered data of today.

When the policy or an index changes, a new warm process takes over and the old one ends when its last mail is
done. Never opens a document in this process, never waits longer than upstream does.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from dlpmilter import maillog, metrics
from dlpmilter.content.analysis import NOBODY, Settings
from dlpmilter.content.sandbox import Extractor, ExtractorError
from dlpmilter.model.content import ContentReport
from dlpmilter.registers.errors import IndexUnusable
from dlpmilter.registers.store import DOCUMENTS, DOCUMENTS_PURPOSE, index_files, key_of, register_purpose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dlpmilter.detect.own import OwnPerson
    from dlpmilter.model.limits import Limits
    from dlpmilter.policy.schema import Policy
    from dlpmilter.settings import Ocr
    from dlpmilter.spill import MessageBytes
    from dlpmilter.storage.keys import Keyring

LOOK_SECONDS = 2.0
"""A changed index counts after this time."""
Stamp = tuple[str, tuple[tuple[str, int, int], ...]]


class Opener:
    """One gate's way to the content of mails."""

    def __init__(
        self,
        limits: Limits,
        registers: Path,
        keyring: Keyring,
        *,
        unconfined: bool = False,
        ocr: Ocr | None = None,
    ) -> None:
        self._limits = limits
        self._folder = registers
        self._keyring = keyring
        self._unconfined = unconfined
        self._ocr = ocr
        self._extractor: Extractor | None = None
        self._stamp: Stamp | None = None
        self._looked = 0.0
        self._licensed: frozenset[str] = frozenset()
        self._changing = asyncio.Lock()
        self._ending: set[asyncio.Task[None]] = set()

    async def start(self, policy: Policy) -> None:
        """Be warm before the first mail. Raises ExtractorError, IndexUnusable."""
        await self._current(policy)

    async def report(self, message: MessageBytes, policy: Policy, own: OwnPerson = NOBODY) -> ContentReport:
        """Have one mail examined; whatever goes wrong is named in `uninspectable`."""
        try:
            extractor = await self._current(policy)
        except (ExtractorError, IndexUnusable, OSError) as error:
            metrics.alarms.labels("content-not-opened").inc()
            maillog.content_not_opened(str(error))
            return ContentReport(uninspectable=("inspection-failed",))
        report = await extractor.report(message, own)
        licensed = self._licensed
        if not licensed:
            return report
        return replace(
            report, registers=tuple(replace(hit, licensed=hit.register in licensed) for hit in report.registers)
        )

    async def close(self) -> None:
        """End all processes."""
        for task in tuple(self._ending):
            task.cancel()
        if self._extractor is not None:
            await self._extractor.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the warm processes, for supervision and tests."""
        return self._extractor.pids if self._extractor else ()

    async def _current(self, policy: Policy) -> Extractor:
        """The extractor for this policy and these indexes; a change is looked for every few seconds."""
        now = asyncio.get_running_loop().time()
        known = self._stamp is not None and self._stamp[0] == policy.detectors
        if self._extractor is not None and known and now - self._looked < LOOK_SECONDS:
            return self._extractor
        async with self._changing:
            stamp = (policy.detectors, self._indexes())
            self._looked = now
            if self._extractor is not None and stamp == self._stamp:
                return self._extractor
            settings, licensed = self._settings(policy)
            fresh = Extractor(self._limits, analysis=settings, unconfined=self._unconfined, ocr=self._ocr)
            await fresh.start()
            old, self._extractor, self._stamp, self._licensed = self._extractor, fresh, stamp, licensed
            if old is not None:
                self._end_later(old)
            return fresh

    def _end_later(self, old: Extractor) -> None:
        async def end() -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(self._limits.content_seconds + LOOK_SECONDS)
            await old.close()

        task = asyncio.create_task(end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _indexes(self) -> tuple[tuple[str, int, int], ...]:
        """Names, times and sizes of the index files: what tells that one was replaced."""
        found = []
        for path in self._files():
            with contextlib.suppress(OSError):
                seen = path.stat()
                found.append((path.name, seen.st_mtime_ns, seen.st_size))
        return tuple(found)

    def _files(self) -> Sequence[Path]:
        documents = self._folder / DOCUMENTS
        return [*index_files(self._folder), *([documents] if documents.exists() else [])]

    def _settings(self, policy: Policy) -> tuple[Settings, frozenset[str]]:
        return analysis_settings(policy, self._folder, self._keyring)


def analysis_settings(policy: Policy, folder: Path, keyring: Keyring) -> tuple[Settings, frozenset[str]]:
    """What a warm process needs for this policy, and the names of licensed registers. Raises IndexUnusable."""
    from dlpmilter.registers.index_file import describe

    registers, licensed = [], set()
    for path in index_files(folder):
        name = path.name.rpartition(".")[0]
        registers.append((str(path), key_of(path, keyring, register_purpose(name)).hex()))
        if describe(path).get("owner") == "licensed":
            licensed.add(name)
    documents = folder / DOCUMENTS
    fingerprints = None
    if documents.exists():
        fingerprints = (str(documents), key_of(documents, keyring, DOCUMENTS_PURPOSE).hex())
    folders = tuple(str(each) for each in policy.detector_folders)
    return Settings(folders, tuple(registers), fingerprints), frozenset(licensed)
