# SPDX-License-Identifier: Apache-2.0
"""What a simulation may know of the content of mails: opened in the sandbox as the gate does, or not at all.

Never opens a document in the process that judges.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from dlpmilter.config import ConfigError, Problem
from dlpmilter.engine.found import NOTHING_FOUND

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from dlpmilter.config import Config
    from dlpmilter.content.analysis import Settings
    from dlpmilter.content.sandbox import Extractor
    from dlpmilter.model.content import ContentReport
    from dlpmilter.model.limits import Limits
    from dlpmilter.policy.schema import Policy
    from dlpmilter.settings import Ocr

LOST = frozenset({"timed-out", "inspection-crashed", "inspection-failed"})
"""Slugs of a report that says nothing about the mail but that nobody could open it."""


class Reader(Protocol):
    """Says what stands in a mail when a rule asks."""

    asked: int
    """How often it was asked."""
    lost: int
    """How often there was no answer: a mail that took too long or ended the process that opened it."""

    def report(self, content: bytes, names: Sequence[str], addresses: Sequence[str], policy: Policy) -> ContentReport:
        """What this policy's detectors find in a mail of the person with these names and addresses."""
        ...


@dataclass(slots=True)
class Closed:
    """Opens nothing; the content counts as if nothing was found."""

    asked: int = 0
    lost: int = 0

    def report(
        self, content: bytes, names: Sequence[str], addresses: Sequence[str], policy: Policy
    ) -> ContentReport:  # the arguments are the protocol's
        """Nothing found."""
        del content, names, addresses, policy
        self.asked += 1
        return NOTHING_FOUND


@dataclass(frozen=True, slots=True)
class Opening:
    """What the warm processes need; small, and the same for all processes of a simulation.

    It has the keys of registered data and never the key file.
    """

    settings: dict[str, Settings]
    """For each set of detectors (`Policy.detectors`) of the policies."""
    licensed: frozenset[str] = frozenset()
    """Registers whose data somebody else has licensed."""
    unconfined: bool = False
    ocr: Ocr | None = None


def opening_of(policies: Sequence[Policy], config: Config | None = None) -> Opening:
    """Detectors of these policies, and the registered data of this configuration. Raises ConfigError."""
    from dlpmilter.content.analysis import Settings
    from dlpmilter.content.opener import analysis_settings
    from dlpmilter.registers.errors import IndexUnusable
    from dlpmilter.storage.keys import Keyring

    found: dict[str, Settings] = {}
    licensed: frozenset[str] = frozenset()
    for policy in policies:
        if config is None or not config.registers_directory.is_dir():
            found[policy.detectors] = Settings(tuple(str(each) for each in policy.detector_folders))
            continue
        try:
            keyring = Keyring.load(config.key_file)
            found[policy.detectors], licensed = analysis_settings(policy, config.registers_directory, keyring)
        except IndexUnusable as error:
            raise ConfigError([Problem("content", "", str(error))]) from None
    if config is None:
        return Opening(found, licensed)
    return Opening(found, licensed, config.documents_without_sandbox, config.ocr)


@dataclass(slots=True)
class SandboxReader:
    """Has mails opened by warm processes, one for each set of detectors; each starts when it is first needed."""

    opening: Opening
    limits: Limits
    asked: int = 0
    lost: int = 0
    _runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    _extractors: dict[str, Extractor] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._extractors.values():
            self._runner.run(each.close())
        self._runner.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the warm processes."""
        return tuple(pid for each in self._extractors.values() for pid in each.pids)

    def start(self) -> None:
        """Be warm before the first mail. Raises ConfigError."""
        for detectors in self.opening.settings:
            self._extractor(detectors)

    def report(self, content: bytes, names: Sequence[str], addresses: Sequence[str], policy: Policy) -> ContentReport:
        """What stands in the mail. Raises ConfigError for definitions and indexes that cannot be used."""
        return self.report_by(content, names, addresses, policy.detectors)

    def report_by(
        self, content: bytes, names: Sequence[str], addresses: Sequence[str], detectors: str
    ) -> ContentReport:
        """As `report`, for the set of detectors of this name."""
        from dlpmilter.detect.own import OwnPerson
        from dlpmilter.spill import MessageBytes

        self.asked += 1
        extractor = self._extractor(detectors)
        message = MessageBytes.of(content)
        try:
            report = self._runner.run(extractor.report(message, OwnPerson(tuple(names), tuple(addresses))))
        finally:
            message.close()
        self.lost += not report.parts and not LOST.isdisjoint(report.uninspectable)
        licensed = self.opening.licensed
        hits = tuple(replace(hit, licensed=hit.register in licensed) for hit in report.registers)
        return replace(report, registers=hits)

    def _extractor(self, detectors: str) -> Extractor:
        from dlpmilter.content.sandbox import Extractor, ExtractorError

        found = self._extractors.get(detectors)
        if found is None:
            settings = self.opening.settings[detectors]
            opening = self.opening
            found = Extractor(self.limits, analysis=settings, unconfined=opening.unconfined, ocr=opening.ocr)
            try:
                self._runner.run(found.start())
            except ExtractorError as error:
                raise ConfigError([Problem("content", "", str(error))]) from None
            self._extractors[detectors] = found
        return found
