# SPDX-License-Identifier: Apache-2.0
"""What the commands about cases share: opening the rooms, who is calling, exit codes. Never decides."""

from __future__ import annotations

import asyncio
import os
import pwd
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from dlpmilter.config import Config
    from dlpmilter.holds.actors import Actor
    from dlpmilter.holds.workflow import Workflow
    from dlpmilter.storage.database import Database

T = TypeVar("T")
config_option = click.option(
    "--config", "file", required=True, type=click.Path(path_type=Path), help="The dlpmilter.toml in use."
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")


@dataclass(frozen=True, slots=True)
class Office:
    """The rooms a command needs."""

    config: Config
    database: Database
    workflow: Workflow


def calling_user() -> str:
    """The Unix user this process runs as.

    SUDO_UID and SUDO_USER are not looked at: they are plain environment variables, which root can
    set to anybody's number, and then the trail would name a person who did nothing.
    """
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def actor_of(config: Config) -> Actor | None:
    """The mapped person who calls, None when nobody is mapped to this user."""
    from dlpmilter.holds.actors import NotAllowed
    from dlpmilter.holds.actors import actor_of as mapped

    try:
        return mapped(calling_user(), config)
    except NotAllowed:
        return None


@asynccontextmanager
async def office(file: Path) -> AsyncIterator[Office]:
    """Open configuration, policy, keys and database. Raises ConfigError, TemporaryFailure."""
    from dlpmilter.config import load_config
    from dlpmilter.holds.notify import Notifier
    from dlpmilter.holds.release import Sending, instance_of
    from dlpmilter.holds.workflow import Workflow
    from dlpmilter.policy.load import load_policy
    from dlpmilter.storage.bodies import BodyStore
    from dlpmilter.storage.keys import Keyring

    config = load_config(file)
    policy = load_policy(config.policy, internal_domains=config.internal_domains)
    keyring = Keyring.load(config.key_file)
    async with opened(config.database) as database:
        workflow = Workflow(
            database,
            BodyStore(database, keyring, spool=config.spool_directory),
            Notifier.build(config, policy, keyring),
            Sending.build(keyring, config.hostname, instance_of(keyring), config.relay.retry_days),
        )
        yield Office(config, database, workflow)


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
    from dlpmilter.holds.actors import NotAllowed
    from dlpmilter.holds.states import Conflict
    from dlpmilter.holds.workflow import NoSuchCase
    from dlpmilter.model.errors import TemporaryFailure
    from dlpmilter.storage.bodies import BodyError

    async def main() -> T:
        return await work()

    try:
        return asyncio.run(main())
    except ConfigError as error:
        _end(2, "\n".join(str(problem) for problem in error.problems))
    except ValueError as error:
        _end(2, f"{error}.")
    except (NotAllowed, Conflict, NoSuchCase) as error:
        _end(1, f"{error}.")
    except BodyError as error:
        _end(1, f"The held mail cannot be opened: {error}.")
    except TemporaryFailure as error:
        _end(75, f"The database cannot be used right now: {getattr(error, 'cause', error.text)}. Try again.")


def _end(code: int, text: str) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(code)
