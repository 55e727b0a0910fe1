# SPDX-License-Identifier: Apache-2.0
"""What is wrong although each file by itself is fine: people, sockets, folders, certificates. Never changes one."""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from dlpmilter.cli.office import calling_user, user_name
from dlpmilter.config import Problem
from dlpmilter.content.system import missing, missing_for_ocr
from dlpmilter.model.words import Action, Mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpmilter.config import Config
    from dlpmilter.policy.schema import Policy
    from dlpmilter.settings import Tls

Finding = tuple[bool, str, str, str]
"""Whether it stops the start, the key, what is wrong, what would be right."""
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_ANY = {"0.0.0.0", "::"}  # noqa: S104 - recognised, not bound


def findings(
    file: Path, config: Config, policy: Policy | None, *, as_service: bool = False
) -> tuple[list[Problem], list[Problem]]:
    """What stops a start, and what somebody should look at. `as_service`: the caller is the service itself."""
    found = [
        *_loop(config),
        *_times(config),
        *(_certificate(config.tls) if config.tls is not None else ()),
        *_folders(config, as_service=as_service),
        *(_people(config, policy) if policy is not None else ()),
        *_names(config),
        *_sandbox(config),
        *_ocr(config),
    ]
    split: tuple[list[Problem], list[Problem]] = ([], [])
    for stops, key, what, fix in found:
        split[0 if stops else 1].append(Problem(str(file), key, what, fix))
    return split


def _loop(config: Config) -> Iterator[Finding]:
    if _same_door(config.next_hop, config.listen):
        what = f"{config.next_hop} is our own listener ({config.listen}): every mail would run in a circle."
        yield True, "next_hop", what, "Name the company relay, or another port."
    inbound = config.inbound
    if inbound is None:
        return
    if _same_door(config.listen, inbound.listen):
        yield True, "inbound.listen", f"{inbound.listen} is the main listener, too.", "Give it a port of its own."
    if inbound.next_hop is not None and _same_door(inbound.next_hop, inbound.listen):
        what = f"{inbound.next_hop} is our own listener ({inbound.listen}): every mail would run in a circle."
        yield True, "inbound.next_hop", what, "Name the mail server, or another port."
    elif inbound.next_hop is not None and _same_door(inbound.next_hop, config.listen):
        what = f"{inbound.next_hop} is the main listener: inbound mail would be judged as if it left the company."
        yield True, "inbound.next_hop", what, "Name the mail server."


def _same_door(target: str, listener: str) -> bool:
    """Whether a connection to `target` would reach `listener` on this host."""
    host, _, port = listener.rpartition(":")
    next_host, _, next_port = target.rpartition(":")
    host, next_host = host.strip("[]").lower(), next_host.strip("[]").lower()
    near = host == next_host or (next_host in _LOOPBACK and host in _LOOPBACK | _ANY)
    return near and port == next_port and port != "0"


def _times(config: Config) -> Iterator[Finding]:
    answer, data = config.bounds.answer_seconds, config.relay.data_seconds
    if answer < data:
        what = f"{answer:g} s is less than relay.data_seconds ({data:g} s): we would answer before the next hop may."
        yield True, "limits.answer_seconds", what, f"Make it more than {data:g}, or relay.data_seconds less."


def _certificate(tls: Tls) -> Iterator[Finding]:
    readable = True
    for key, path in (("tls.certificate", tls.certificate), ("tls.key", tls.key)):
        try:
            with path.open("rb") as opened:
                opened.read(1)
        except OSError as error:
            readable = False
            yield True, key, f"{path} cannot be read by {calling_user()} ({error.strerror}).", ""
    if not readable:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=_no_passphrase)
    except _Passphrase:
        yield True, "tls.key", f"{tls.key} asks for a passphrase.", "Store the key without one, mode 0600."
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            what = f"{tls.key} is not the key of the certificate {tls.certificate}."
            yield True, "tls.key", what, "Name the two files that were made together."
        else:
            what = f"{tls.certificate} and {tls.key} cannot be used ({error.reason or 'no PEM file'})."
            yield True, "tls", what, "Both have to be PEM files, the certificate with its chain."


class _Passphrase(Exception):
    """The private key is encrypted."""


def _no_passphrase() -> str:
    raise _Passphrase  # otherwise OpenSSL asks the terminal


def _folders(config: Config, *, as_service: bool) -> Iterator[Finding]:
    for key, folder in {"database": config.database.parent, "spool": config.spool_directory}.items():
        if key == "database" or folder != config.database.parent:
            yield from _folder(key, folder, config.database if key == "database" else None, as_service=as_service)


def _folder(key: str, folder: Path, file: Path | None, *, as_service: bool) -> Iterator[Finding]:
    me = calling_user()
    try:
        found = folder.stat()
    except FileNotFoundError:
        yield from _missing_folder(key, folder)
        return
    except OSError as error:
        yield as_service, key, f"the user {me} cannot look into {folder} ({error.strerror}).", _AS_SERVICE
        return
    if not stat.S_ISDIR(found.st_mode):
        yield True, key, f"{folder} is a file, not a folder.", "Name a file in a folder on a local disk."
        return
    owner = found.st_uid
    for place, mode in ((folder, os.W_OK | os.X_OK), (file, os.R_OK | os.W_OK)):
        if place is None or not os.access(place, os.F_OK) or os.access(place, mode):
            continue
        owner = place.stat().st_uid if place == file else owner
        ours = as_service or owner in {0, os.geteuid()}  # nobody gives the service a folder that only root may write
        what = f"{place} cannot be written by the user {me}; it belongs to {user_name(owner)}."
        yield ours, key, what, "Give it to the user dlpmilter runs as (chown)." if ours else _AS_SERVICE


_AS_SERVICE = "Call `check` as the user dlpmilter runs as, or as root, to know whether it is fine there."


def _missing_folder(key: str, folder: Path) -> Iterator[Finding]:
    above = next(
        each for each in folder.parents if os.access(each, os.F_OK)
    )  # Path.exists raises where we may not look
    able = os.access(above, os.W_OK | os.X_OK)
    what = f"the folder {folder} is not there"
    if able:
        yield False, key, f"{what} yet.", "`run` makes it, or the systemd unit (StateDirectory=); else check the path."
    else:
        what = f"{what}, and the user {calling_user()} cannot make it in {above}."
        yield True, key, what, "Make it and give it to the user dlpmilter runs as."


def _people(config: Config, policy: Policy) -> Iterator[Finding]:
    mapped: dict[str, set[str]] = {}
    for name, reviewer in config.reviewers.items():
        for pool in reviewer.pools:
            mapped.setdefault(pool, set()).add(reviewer.address.lower())
            if policy.governance is not None and policy.governance.pool(pool) is None:
                known = ", ".join(each.name for each in policy.governance.pools)
                what = f"the policy has no pool {pool!r}, so this person can decide nothing there."
                yield True, f"reviewers.{name}.pools", what, f"Its pools are {known}."
    wanted: dict[str, int] = {}
    for rule in policy.rules:
        if rule.action == Action.hold and rule.mode == Mode.enforce:
            wanted[rule.review.pool] = max(wanted.get(rule.review.pool, 0), rule.review.approvals)
    for pool, approvals in sorted(wanted.items()):
        people = len(mapped.get(pool, ()))
        if people < approvals:
            who = "nobody in [reviewers] belongs" if not people else f"only {people} in [reviewers] belongs"
            what = f"mail is held for the pool {pool!r}, which needs {approvals}, but {who} to it."
            yield False, "reviewers", what, "Without them such mail stays held until it expires."


def _names(config: Config) -> Iterator[Finding]:
    if "." not in config.hostname.strip("."):
        what = f"{config.hostname!r} has no dot; Received and Message-ID of our notices carry it."
        yield False, "hostname", what, 'Set the full name, for example hostname = "dlp.example.com".'


def _sandbox(config: Config) -> Iterator[Finding]:
    for each in missing():
        if each.package != "libarchive13" and config.documents_without_sandbox:
            what = f"{each.what} is missing, so documents are opened without a sandbox."
            yield (
                False,
                "documents_without_sandbox",
                what,
                "For trying out only: take the key away before real mail comes.",
            )
            continue
        fix = f"Install it, for example: apt-get install {each.package}." if each.package else "Ask who runs the host."
        yield False, "documents_without_sandbox", f"{each.what} is missing: {each.effect}.", fix


def _ocr(config: Config) -> Iterator[Finding]:
    if not config.ocr.enabled:
        return
    for each in missing_for_ocr(config.ocr.languages):
        what = f"{each.what} is missing: {each.effect}."
        yield False, "ocr.enabled", what, f"Install it, for example: apt-get install {each.package}."
    if config.ocr.seconds >= config.bounds.content_seconds:
        what = f"{config.ocr.seconds:g} is not below limits.content_seconds, which counts for the whole mail."
        yield False, "ocr.seconds", what, "Set it lower, so that there is time to look at what was recognised."
