# SPDX-License-Identifier: Apache-2.0
"""What `explain` reads of a mail beyond its structure: documents in the sandbox, as the gate does. Never in here."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from dlpmilter.config import Config
    from dlpmilter.model.content import ContentReport
    from dlpmilter.model.limits import Limits
    from dlpmilter.policy.schema import Policy
    from dlpmilter.simulate.reader import SandboxReader


class ContentReader:
    """Starts the warm process with the first mail that needs it; ends it with the command."""

    def __init__(self, policy: Policy, limits: Limits, config: Config | None) -> None:
        self._policy, self._limits, self._config = policy, limits, config
        self._stack = ExitStack()
        self._reader: SandboxReader | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def report(self, content: bytes, names: tuple[str, ...], addresses: tuple[str, ...]) -> ContentReport:
        """What stands in a mail that this person sends. Raises ConfigError for indexes that cannot be opened."""
        from dlpmilter.simulate.reader import SandboxReader, opening_of

        if self._reader is None:
            opening = opening_of((self._policy,), self._config)
            self._reader = self._stack.enter_context(SandboxReader(opening, self._limits))
        return self._reader.report(content, names, addresses, self._policy)
