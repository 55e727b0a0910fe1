# SPDX-License-Identifier: Apache-2.0
"""What `explain` reads of a mail beyond its structure: documents in the sandbox, as the gate does. Never in here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from dlpmilter.config import Config
    from dlpmilter.content.sandbox import Extractor
    from dlpmilter.model.content import ContentReport
    from dlpmilter.model.limits import Limits
    from dlpmilter.policy.schema import Policy


class ContentReader:
    """Starts the warm process with the first mail that needs it; ends it with the command."""

    def __init__(self, policy: Policy, limits: Limits, config: Config | None) -> None:
        self._policy, self._limits, self._config = policy, limits, config
        self._runner = asyncio.Runner()
        self._extractor: Extractor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._extractor is not None:
            self._runner.run(self._extractor.close())
        self._runner.close()

    def report(self, content: bytes, names: tuple[str, ...], addresses: tuple[str, ...]) -> ContentReport:
        """What stands in a mail that this person sends. Raises ConfigError for indexes that cannot be opened."""
        from dlpmilter.detect.own import OwnPerson
        from dlpmilter.spill import MessageBytes

        if self._extractor is None:
            self._extractor = self._runner.run(self._start())
        message = MessageBytes.of(content)
        try:
            return self._runner.run(self._extractor.report(message, OwnPerson(names, addresses)))
        finally:
            message.close()

    async def _start(self) -> Extractor:
        from dlpmilter.config import ConfigError, Problem
        from dlpmilter.content.analysis import Settings
        from dlpmilter.content.opener import analysis_settings
        from dlpmilter.content.sandbox import Extractor, ExtractorError
        from dlpmilter.registers.errors import IndexUnusable
        from dlpmilter.storage.keys import Keyring

        settings = Settings(tuple(str(each) for each in self._policy.detector_folders))
        config = self._config
        try:
            if config is not None and config.registers_directory.is_dir():
                keyring = Keyring.load(config.key_file)
                settings, _ = analysis_settings(self._policy, config.registers_directory, keyring)
            unconfined = config.documents_without_sandbox if config is not None else False
            ocr = config.ocr if config is not None else None
            extractor = Extractor(self._limits, analysis=settings, unconfined=unconfined, ocr=ocr)
            await extractor.start()
        except (IndexUnusable, ExtractorError) as error:
            raise ConfigError([Problem("content", "", str(error))]) from None
        return extractor
