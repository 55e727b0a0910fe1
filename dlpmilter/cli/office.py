# SPDX-License-Identifier: Apache-2.0
"""What the commands about cases share: opening the database, who is calling, exit codes. Never decides."""

from __future__ import annotations

import asyncio
import os
import pwd
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from dlpmilter.storage.database import Database

T = TypeVar("T")
config_option = click.option(
    "--config", "file", required=True, type=click.Path(path_type=Path), help="The dlpmilter.toml in use."
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")


def calling_user() -> str:
    """The Unix user this process runs as.

    SUDO_UID and SUDO_USER are not looked at: they are plain environment variables, which root can
    set to anybody's number, and then the trail would name a person who did nothing.
    """
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Database]:
    """The database, which must be there already: a command never makes one."""
    from dlpmilter.config import ConfigError, Problem
    from dlpmilter.storage.database import Database

    if not path.exists():  # noqa: ASYNC240 - one command, nothing else runs
        raise ConfigError([Problem(str(path), "database", "is not there.", "`dlpmilter run` makes it at its start.")])
    database = Database(path)
    await database.start()
    try:
        yield database
    finally:
        await database.close()


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run one command to its end; what goes wrong becomes a sentence and an exit code (design section 6)."""
    from dlpmilter.config import ConfigError
    from dlpmilter.model.errors import TemporaryFailure

    async def main() -> T:
        return await work()

    try:
        return asyncio.run(main())
    except ConfigError as error:
        end(2, "\n".join(str(problem) for problem in error.problems))
    except ValueError as error:
        end(2, f"{error}.")
    except TemporaryFailure as error:
        end(75, f"The database cannot be used right now: {getattr(error, 'cause', error.text)}. Try again.")


def end(code: int, text: str) -> NoReturn:
    """End the command with a sentence on stderr."""
    click.echo(text, err=True)
    sys.exit(code)
