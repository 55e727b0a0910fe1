# SPDX-License-Identifier: Apache-2.0
"""What the commands about cases share: opening the database, who is calling, exit codes. Never decides."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from dlpmilter.config import Config
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
    return user_name(os.getuid())


def user_name(number: int) -> str:
    """The name of a Unix user, or the number when nobody has it."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def owner_of(path: Path) -> str:
    """Who owns this path, or the nearest folder above it that this user can see."""
    for each in (path, *path.parents):
        with contextlib.suppress(OSError):
            return user_name(each.stat().st_uid)
    return "root"


class Closed(Exception):
    """This user cannot open the database; the text says which file, why, and who can."""

    def __init__(self, path: Path, reason: str, owner: str) -> None:
        able = "root" if owner in {"root", calling_user()} else f"root or as {owner}"
        super().__init__(
            f"The user {calling_user()} cannot open the database {path} ({reason}). Call this command as {able}."
        )


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Database]:
    """The database, which must be there already: a command never makes one.

    Without a readable key file the personal fields of the trail stay sealed.
    """
    from dlpmilter.config import ConfigError, Problem
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring

    path = config.database
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        problem = Problem(str(path), "database", "is not there.", "`dlpmilter run` makes it at its start.")
        raise ConfigError([problem]) from None
    except OSError as error:
        raise Closed(path, error.strerror or type(error).__name__, owner_of(path)) from None
    if not os.access(path, os.R_OK | os.W_OK):
        raise Closed(path, "Permission denied", user_name(found.st_uid))
    keyring = None
    with contextlib.suppress(ConfigError):
        keyring = Keyring.load(config.key_file)
    database = Database(path, keyring=keyring)
    await database.start()
    try:
        yield database
    finally:
        await database.close()


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run one command to its end; what goes wrong becomes a sentence and an exit code (design section 6)."""
    from dlpmilter.config import ConfigError, sentence
    from dlpmilter.model.errors import TemporaryFailure

    async def main() -> T:
        return await work()

    try:
        return asyncio.run(main())
    except ConfigError as error:
        end(2, "\n".join(str(problem) for problem in error.problems))
    except Closed as error:
        end(75, str(error))
    except ValueError as error:
        end(2, sentence(str(error)))
    except TemporaryFailure as error:
        end(75, f"The database cannot be used right now: {getattr(error, 'cause', error.text)}. Try again.")


def end(code: int, text: str) -> NoReturn:
    """End the command with a sentence on stderr."""
    click.echo(text, err=True)
    sys.exit(code)
