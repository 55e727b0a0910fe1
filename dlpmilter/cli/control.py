# SPDX-License-Identifier: Apache-2.0
"""How people's commands are answered: by the office through its control socket, else by the files themselves.

Never asks twice: once a request was sent, no other way is tried, because the office may have done it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpmilter.cli.office import calling_user, end, opened, run

if TYPE_CHECKING:
    from dlpmilter.config import Config
    from dlpmilter.facts.people import PeopleSource
    from dlpmilter.holds.mailboxes import Mailboxes
    from dlpmilter.holds.workflow import Workflow
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring

ANSWER_SECONDS = 90.0
"""The office answers at once, or after the waits it allows itself for the database."""
_GROUP = {"mailbox": "mailboxes"}
"""First word of an act -> the command group, where they differ."""
_BLOCK = 256 * 1024


class _NoOffice(Exception):
    """Nobody listens, so nothing was asked; the text says what the system said."""


class _NoAnswer(Exception):
    """The office was asked and did not answer."""


def ask(file: Path, act: str, **fields: object) -> dict[str, Any]:
    """One request, answered, or the command ends with a sentence and an exit code (design section 6)."""
    from dlpmilter.config import load_config  # the command line starts fast

    async def work() -> tuple[Config, dict[str, Any] | None, str]:
        config = load_config(file)
        try:
            return config, _through_socket(config.control_socket, request), ""
        except _NoOffice as error:
            return config, None, str(error)

    request = {"act": act, **fields}
    try:
        config, answer, why = run(work)
    except _NoAnswer as error:
        group = _GROUP.get(act.partition("-")[0], act.partition("-")[0] if "-" in act else "holds")
        listed = f"{group} {act.split('-')[1]} list" if act.startswith("privacy-") else f"{group} list"
        seen = f"Look with `dlpmilter {listed}` whether it was done." if not _reads(act) else ""
        end(75, f"The office took the request and did not answer: {error}. {seen or 'Try again.'}")
    if answer is None:
        if words := _closed(config, act):
            place = config.control_socket
            end(75, f"The office does not answer at {place} ({why}), and without it {words}.\n{_ADVICE}")
        answer = run(lambda: _by_the_files(config, request))
    if not answer.get("ok"):
        end(int(answer.get("exit", 75)), str(answer.get("error", "The office sent an answer nobody understands.")))
    return answer


_ADVICE = (
    "Start dlpmilter (systemctl start dlpmilter), or wait until it has restarted, and try again. If it runs, its "
    "`control` has to lie in a folder that reviewers may enter; deploy/relayhost.md shows how."
)


def _through_socket(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the office. Raises _NoOffice before, _NoAnswer after the request was sent."""
    from dlpmilter.listeners.control_socket import address

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            with address(path) as place:
                connection.connect(place)
        except OSError as error:
            raise _NoOffice(error.strerror or str(error)) from None
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(json.dumps(request).encode() + b"\n")  # refused early: the reason is on its way
            got = bytearray()
            while not got.endswith(b"\n") and (block := connection.recv(_BLOCK)):
                got += block
            answer = json.loads(got)
        except (OSError, ValueError) as error:
            raise _NoAnswer(getattr(error, "strerror", None) or "it went away") from None
    return answer if isinstance(answer, dict) else {}


def _reads(act: str) -> bool:
    """Whether it changes nothing."""
    return act.rpartition("-")[2] in {"list", "show"}


def _closed(config: Config, act: str) -> str:
    """Why this user cannot do without the office, "" when the files are open to him (or absent)."""
    user = calling_user()
    if not _open_or_absent(config.database, os.R_OK | os.W_OK):
        return f"the user {user} cannot open the database"
    if _reads(act):
        return ""
    kind, _, name = config.key_file.partition(":")
    if kind == "env":
        return "" if name in os.environ else f"the key is missing: {name} is not set"
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if kind == "credential" and folder is None:
        return "the key is missing: CREDENTIALS_DIRECTORY is not set"
    key = Path(folder or "") / name if kind == "credential" else Path(config.key_file)
    return "" if _open_or_absent(key, os.R_OK) else f"the user {user} cannot open the key file"


def _open_or_absent(path: Path, mode: int) -> bool:
    try:
        path.stat()
    except PermissionError:
        return False
    except OSError:
        return True  # the way by the files says it better
    return os.access(path, mode)


async def _by_the_files(config: Config, request: dict[str, Any]) -> dict[str, Any]:
    from dlpmilter.holds.requests import ACTING, Caller, Requests
    from dlpmilter.storage.keys import Keyring

    if str(request["act"]).startswith("privacy-"):
        return await _privacy_by_the_files(config, request)
    async with opened(config) as database:
        keeper = os.geteuid() in {0, config.database.stat().st_uid}
        mailboxes = await _mailboxes(config, database) if request["act"].startswith("mailbox-") else None
        requests = Requests(config, database, lambda: _workflow(config, database), mailboxes=mailboxes)
        if request["act"] in ACTING:
            people = await _people(config, Keyring.load(config.key_file))
            requests = replace(requests, person=people.behind, kin=people.kin)
        return await requests.answer(Caller(calling_user(), keeper), request)


async def _privacy_by_the_files(config: Config, request: dict[str, Any]) -> dict[str, Any]:
    from dlpmilter.holds.requests import Caller
    from dlpmilter.pipeline.policy_source import PolicySource
    from dlpmilter.privacy.desk import PrivacyDesk
    from dlpmilter.storage.keys import Keyring

    policy = PolicySource(config)
    async with opened(config) as database:
        keeper = os.geteuid() in {0, config.database.stat().st_uid}
        desk = PrivacyDesk(config, database, Keyring.load(config.key_file), lambda: policy.current)
        return await desk.answer(Caller(calling_user(), keeper), request)


async def _people(config: Config, keyring: Keyring) -> PeopleSource:
    """Who works here: the sender never decides under an alias either, service or not."""
    from dlpmilter.facts.hashes import Hashes
    from dlpmilter.facts.people import PeopleSource

    people = PeopleSource(config, None, Hashes.of_keyring(keyring))
    await people.start()
    return people


async def _mailboxes(config: Config, database: Database) -> Mailboxes:
    from dlpmilter.holds.mailboxes import Mailboxes
    from dlpmilter.policy.load import load_policy
    from dlpmilter.storage.keys import Keyring

    keyring = Keyring.load(config.key_file)
    people = await _people(config, keyring)
    version = load_policy(config.policy, internal_domains=config.internal_domains).version
    return Mailboxes(config, database, lambda: keyring, lambda: people.current, lambda: version)


def _workflow(config: Config, database: Database) -> Workflow:
    from dlpmilter.holds.notify import Notifier
    from dlpmilter.holds.release import Sending, instance_of
    from dlpmilter.holds.workflow import Workflow
    from dlpmilter.policy.load import load_policy
    from dlpmilter.storage.bodies import BodyStore
    from dlpmilter.storage.keys import Keyring

    policy = load_policy(config.policy, internal_domains=config.internal_domains)
    keyring = Keyring.load(config.key_file)
    return Workflow(
        database,
        BodyStore(database, keyring, spool=config.spool_directory),
        Notifier.build(config, policy, keyring),
        Sending.build(keyring, config.hostname, instance_of(keyring), config.relay.retry_days),
    )
