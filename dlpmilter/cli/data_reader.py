# SPDX-License-Identifier: Apache-2.0
"""Files and mails that `dlpmilter data` looks at, opened in the sandbox. Never opens one here, never gets its text."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from dlpmilter.config import Config
    from dlpmilter.content.analysis import Settings
    from dlpmilter.content.one_file import FileReport
    from dlpmilter.content.sandbox import Extractor
    from dlpmilter.registers.documents import Prints
    from dlpmilter.storage.keys import Keyring

MAIL = ".eml"
"""A file of this ending is read as the mail it is."""
_WORDS = {
    "encrypted": "is encrypted: take its password away first",
    "no-sandbox": "needs the sandbox, which this system does not have (`dlpmilter check` says what is missing)",
    "timed-out": "takes too long to read",
    "too-big": "is too big to be read whole",
    "too-much-text": "has more text than is read of one mail",
    "out-of-memory": "needs too much memory",
    "no-text": "has no text that can be read",
    "image-only": "is a picture without text",
    "image-pages": "has pages that are pictures without text",
    "picture": "is a picture without text",
    "unknown-type": "is of a type that nobody here can read",
    "corrupt": "is damaged",
}


def fingerprints(
    files: tuple[Path, ...], config: Config, key: bytes, names: list[str]
) -> Generator[tuple[str, Prints], None, None]:
    """Name and fingerprints of each file, one after the other. Raises RegisterError for what cannot be read in full."""
    from dlpmilter.content.analysis import Settings
    from dlpmilter.registers.errors import RegisterError

    with _extractor(config, Settings(one_file=key.hex())) as (runner, extractor):
        for path, name in zip(files, names, strict=True):
            found = _file(runner, extractor, path)
            if found.report.uninspectable:
                raise RegisterError(
                    f"{path}: {' and '.join(troubles(found.report.uninspectable))}. Nothing was changed."
                )
            pictures = [each.status for each in found.report.parts if each.status in {"picture", "image-only"}]
            if not found.prints.words and pictures:
                raise RegisterError(f"{path}: {_WORDS[pictures[0]]}. Nothing was changed.")
            yield name, found.prints


def looked_up(path: Path, config: Config, keyring: Keyring) -> FileReport:
    """What a file, or a mail with everything in it, would hit. Raises RegisterError, IndexUnusable, ConfigError."""
    from dlpmilter.content.one_file import FileReport
    from dlpmilter.content.opener import analysis_settings
    from dlpmilter.policy.load import load_policy
    from dlpmilter.spill import MessageBytes

    policy = load_policy(config.policy, internal_domains=config.internal_domains)
    settings, _ = analysis_settings(policy, config.registers_directory, keyring)
    if path.suffix.lower() != MAIL:
        with _extractor(config, replace(settings, one_file="")) as (runner, extractor):
            return _file(runner, extractor, path)
    message = MessageBytes.of(_octets(path, config.bounds.message_octets))
    with _extractor(config, settings) as (runner, extractor):
        report = runner.run(extractor.report(message))
    message.close()
    return FileReport(report)


def troubles(slugs: tuple[str, ...]) -> list[str]:
    """What could not be read, in words."""
    return [_WORDS.get(each, f"cannot be read ({each})") for each in slugs]


@contextmanager
def _extractor(config: Config, settings: Settings) -> Iterator[tuple[asyncio.Runner, Extractor]]:
    from dlpmilter.content.sandbox import Extractor, ExtractorError
    from dlpmilter.registers.errors import RegisterError

    with asyncio.Runner() as runner:
        extractor = Extractor(config.bounds, analysis=settings, unconfined=config.documents_without_sandbox)
        try:
            runner.run(extractor.start())
            yield runner, extractor
        except ExtractorError as error:
            raise RegisterError(f"{error}.") from None
        finally:
            runner.run(extractor.close())


def _file(runner: asyncio.Runner, extractor: Extractor, path: Path) -> FileReport:
    from dlpmilter.spill import MessageBytes

    content = MessageBytes.of(_octets(path, extractor.limits.content_member_octets))
    try:
        return runner.run(extractor.file(content, path.name))
    finally:
        content.close()


def _octets(path: Path, most: int) -> bytes:
    from dlpmilter.registers.errors import RegisterError

    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise RegisterError(f"{path}: cannot be read ({error.strerror}).") from None
    if len(data) > most:
        raise RegisterError(f"{path}: is longer than the {most} octets that are read of one file ([limits]).")
    return data
