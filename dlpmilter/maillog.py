# SPDX-License-Identifier: Apache-2.0
"""The log's whole vocabulary: one function an event, JSON lines on stderr.

Never an address, a subject or text of a mail; `id` is the transaction id, the same everywhere.
deploy/log.md explains each event.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Iterable

_role = "main"


def start(role: str) -> None:
    """Name the process that writes from now on: gate, office or supervisor."""
    global _role  # noqa: PLW0603 - one process, one role
    _role = role


def _write(level: str, event: str, **values: object) -> None:
    line = {"time": round(time.time(), 3), "level": level, "role": _role, "event": event}
    line.update((name, value) for name, value in values.items() if value not in (None, ""))
    sys.stderr.write(json.dumps(line, ensure_ascii=True, default=str) + "\n")


def ready(**addresses: object) -> None:
    """Listeners are open and mail is accepted."""
    _write("info", "ready", **addresses)


def stopping(reason: str) -> None:
    """No new mail is accepted; what is open is finished."""
    _write("info", "stopping", reason=reason)


def connection_refused(client: str, reason: str) -> None:
    """A connection or MAIL was not let in."""
    _write("warning", "connection-refused", client=client, reason=reason)


def protocol_error(client: str, reason: str) -> None:
    """The client broke a rule of SMTP that we insist on."""
    _write("warning", "protocol-error", client=client, reason=reason)


def relayed(identity: str, *, client: str, size: int, recipients: int, seconds: float, reply: str) -> None:
    """Every recipient went to the next hop; `reply` is its answer."""
    _write(
        "info", "relayed", id=identity, client=client, size=size, recipients=recipients,
        seconds=round(seconds, 4), reply=reply,
    )  # fmt: skip


def passed_in(identity: str, *, client: str, size: int, recipients: int, seconds: float, reply: str) -> None:
    """The listener for inbound mail answered; nothing is judged there."""
    _write(
        "info", "passed-in", id=identity, client=client, size=size, recipients=recipients,
        seconds=round(seconds, 4), reply=reply,
    )  # fmt: skip


def not_learned(mails: int, reason: str) -> None:
    """So many inbound mails went their way and were not learned: the database or the queue was full."""
    _write("warning", "not-learned", mails=mails, reason=reason)


def decided(identity: str, *, case: str, actions: Iterable[str], rules: Iterable[str], repeated: bool) -> None:
    """A verdict that needs a record is durable."""
    _write("info", "decided", id=identity, case=case, actions=sorted(actions), rules=sorted(rules), repeated=repeated)


def answered(identity: str, *, size: int, seconds: float, reply: str) -> None:
    """The reply to a mail whose verdict was not plain relay, or that was not taken."""
    _write("info", "answered", id=identity, size=size, seconds=round(seconds, 4), reply=reply)


def may_be_sent_twice(identity: str) -> None:
    """The next hop fell silent after the final dot: the mail may be sent more than once."""
    _write("warning", "may-be-sent-more-than-once", id=identity)


def leftover(identity: str, recipients: int) -> None:
    """Recipients the next hop did not take now went into the outbox."""
    _write("info", "leftover", id=identity, recipients=recipients)


def judge_failed(identity: str, error: BaseException) -> None:
    """The judge broke on this mail; it was treated as uninspectable."""
    _write("error", "judge-failed", id=identity, error=_named(error))


def content_not_opened(error: str) -> None:
    """The process that opens documents does not start; mail to private mailboxes is held unread."""
    _write("error", "content-not-opened", error=error[:300])


def store_unavailable(error: BaseException) -> None:
    """The database did not take a write; mail is deferred until it does."""
    _write("error", "store-unavailable", error=_named(error))


def journal_used(identity: str) -> None:
    """An outcome could not be written to the database and went to the emergency journal."""
    _write("error", "journal-used", id=identity)


def journal_bad_line(error: BaseException) -> None:
    """A line of the emergency journal is no record; it was set aside in the file `.bad` beside it."""
    _write("error", "journal-bad-line", error=_named(error))


def loop_detected(identity: str, reason: str) -> None:
    """A mail was refused because it runs in circles."""
    _write("warning", "loop-detected", id=identity, reason=reason)


def release_mark(identity: str, case: str, result: str) -> None:
    """A mail carried a release mark; `result` says whether it was believed."""
    _write("info", "release-mark", id=identity, case=case, result=result)


def delivered(owed: str, case: str, reply: str) -> None:
    """Something from the outbox was handed over, or failed for good."""
    _write("info", "delivered", owed=owed, case=case, reply=reply)


def swept(counts: dict[str, int]) -> None:
    """What the sweep changed."""
    _write("info", "swept", **counts)


def acted(act: str, case: str, result: str) -> None:
    """Somebody asked the office to change a case; who it was stands in the trail alone."""
    _write("info", "acted", act=act, case=case, result=result)


def sign_in_failed(reason: str, error: str) -> None:
    """The company's OpenID provider signed nobody in; who tried is not said."""
    _write("warning", "sign-in-failed", reason=reason, error=error[:200])


def groups_unknown(reason: str) -> None:
    """The LDAP server did not say in which groups a person is: the sign-in goes on without them."""
    _write("warning", "groups-unknown", reason=reason)


def control_unavailable(reason: str) -> None:
    """The control socket is not ours now; it is tried again."""
    _write("warning", "control-unavailable", reason=reason)


def consent_used(identity: str, consents: Iterable[str]) -> None:
    """A mail went out because of these agreements or exemptions (their ids)."""
    _write("info", "consent-used", id=identity, consents=sorted(consents))


def consent_unreadable(consent: str) -> None:
    """The row of this agreement or exemption says nothing usable: it covers nothing."""
    _write("error", "consent-unreadable", consent=consent)


def policy_loaded(version: str) -> None:
    """This policy judges from now on."""
    _write("info", "policy-loaded", version=version)


def policy_refused(problems: int, first: str) -> None:
    """The new policy is broken; the old one stays."""
    _write("error", "policy-refused", problems=problems, first=first)


def directory_loaded(rows: int) -> None:
    """This file of people counts from now on."""
    _write("info", "directory-loaded", rows=rows)


def directory_refused(problems: int, first: str) -> None:
    """The new file of people is broken; the old one stays. `first` is the place of the first mistake."""
    _write("error", "directory-refused", problems=problems, first=first)


def directory_synced(rows: int) -> None:
    """The LDAP server was read into the file of people."""
    _write("info", "directory-synced", rows=rows)


def directory_not_synced(reason: str) -> None:
    """The LDAP server could not be read, or its answer was refused; the file stays."""
    _write("error", "directory-not-synced", reason=reason)


def office_waits() -> None:
    """Another office works on this database; this one waits for its end."""
    _write("info", "office-waits")


def process_ended(role: str, pid: int, status: int) -> None:
    """A process of ours ended by itself and is replaced."""
    _write("error", "process-ended", ended=role, pid=pid, status=status)


def fatal(reason: str) -> None:
    """This process stops because going on could lose a mail."""
    _write("critical", "fatal", reason=reason)


def unforeseen(place: str, error: BaseException) -> None:
    """An error nobody expected: answered 451. Stack without values."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
    _write("error", "unforeseen", place=place, error=type(error).__name__, where=where)


def _named(error: BaseException) -> str:
    """The class and, for an OSError, the reason: other texts may quote a mail."""
    return f"{type(error).__name__}: {error.strerror}" if isinstance(error, OSError) else type(error).__name__


def trail_delayed(what: str, reason: str) -> None:
    """A checkpoint or an event did not go where it should; the next try covers everything since."""
    _write("error", "trail-delayed", what=what, reason=reason)


def clock_stepped(seconds: int) -> None:
    """The clock was set by so many seconds while we ran; the trail says so too."""
    _write("warning", "clock-stepped", seconds=seconds)
