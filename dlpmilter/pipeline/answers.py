# SPDX-License-Identifier: Apache-2.0
"""An answer to a notice by mail: 1 takes back, 2 goes to the own business mailbox, 3 explains, 0 undoes; two words.

Never releases, never forwards, never answers anybody but the person whose case it is. Three things have to fit: the
sealed address that only the notice knows, envelope and author, and a login that the mail server vouches for.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from dlpmilter import maillog, metrics
from dlpmilter.content.exhibit import exhibit_of
from dlpmilter.holds import form
from dlpmilter.holds.actors import Actor, NotAllowed, canonical
from dlpmilter.holds.answers import MAILBOX, WITHDRAW
from dlpmilter.holds.form import NO_QUESTIONS, SHORT, Statement
from dlpmilter.holds.prepare import authors_of
from dlpmilter.holds.states import WAITING, Conflict
from dlpmilter.mime.head import read_head
from dlpmilter.model.errors import Failure, PermanentFailure
from dlpmilter.model.reply import Reply, reply
from dlpmilter.notices import answer_address
from dlpmilter.notices.facts import NoticeKind
from dlpmilter.storage import case_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from dlpmilter.config import Config
    from dlpmilter.content.inspect import Inspector
    from dlpmilter.holds.desk import Desk
    from dlpmilter.holds.requests import Requests
    from dlpmilter.holds.workflow import Workflow
    from dlpmilter.model.message import Head
    from dlpmilter.model.transaction import Transaction
    from dlpmilter.relay.client import Session
    from dlpmilter.settings import Answers
    from dlpmilter.spill import MessageBytes
    from dlpmilter.storage.case_rows import Case
    from dlpmilter.storage.database import Database

Said = Literal[
    "withdraw", "to-mailbox", "explained", "extended", "attested", "undone", "unclear", "closed", "no-mailbox"
]
"""What became of an answer; the notice "answered" has a sentence for each."""
_TAKEN = reply(250, "2.0.0 taken")
_LOGIN = re.compile(rb"\(Authenticated sender: ([^()\s]{1,254})\)")
_REALM_BEFORE = re.compile(r"^[^/\\\\@]{1,64}[/\\\\]")
_AUTOMATIC = ("list-id", "list-unsubscribe", "x-autoreply", "x-autorespond")
_ALONE = re.compile(
    r"[\s\"'*„“(]*([012])[\s.):!,\"'*“)]*(?:zur(?:ü|ue)ckziehen|withdraw|dienstpostfach|undo)?[\s.!]*", re.IGNORECASE
)
_WORDS = {"länger": "more", "laenger": "more", "more time": "more", "mehr zeit": "more",
          "gelöscht": "deleted", "geloescht": "deleted", "deleted": "deleted"}  # fmt: skip
_AROUND = " \t\"'*„“”.!,"
_EXPLAINED = re.compile(r"[\s\"'*„“(]*3[\s.):!,\"'*“)]+(\S.*)|[\s\"'*„“(]*3[\s.):!,]*", re.DOTALL)
_INTRODUCED = re.compile(r"(?:Am|On|Le|El) .{4,300}(?:schrieb|wrote|a écrit|escribió).{0,200}:\s*$")
_BELOW = re.compile(r"-{2,}\s*\w[\w ]{3,60}-{2,}|_{10,}|(?:Von|From|De):\s.*|-- ?$", re.IGNORECASE)
_MOST_LINES = 400


@dataclass(frozen=True, slots=True)
class AnswerDesk:
    """What the listener hands each mail to."""

    config: Config
    settings: Answers
    database: Database
    inspector: Inspector
    desk: Desk
    requests: Requests
    keys: Callable[[], tuple[bytes, ...]]
    """What addresses are sealed with, older keys too."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def accepting(self) -> bool:
        """Whether what is started now could be recorded."""
        return self.desk.accepting

    async def accept(self, transaction: Transaction, message: MessageBytes, session: Session) -> Reply:
        """The reply to the final dot. Owns `message` and `session`; raises nothing."""
        try:
            answer = await self._accept(transaction, message)
        except Failure as error:
            counter = metrics.tempfails if error.code < 500 else metrics.refused  # RFC 5321 4.2.1
            counter.labels(error.enhanced).inc()
            answer = reply(error.code, f"{error.enhanced} {error.text}")
        except Exception as error:  # noqa: BLE001 - anything unforeseen is temporary (design invariant 1)
            metrics.unforeseen.labels("answers").inc()
            maillog.unforeseen("answers", error)
            answer = reply(451, "4.3.0 try again later")
        finally:
            session.done()
            message.close()
        return answer

    async def _accept(self, transaction: Transaction, message: MessageBytes) -> Reply:
        head = read_head(transaction.head, self.config.bounds)
        case = await self._case(transaction)
        if transaction.sender.mailbox.null or _is_automatic(head):
            maillog.acted("answer", case.id, "automatic")  # an absence note is nobody's answer
            return _TAKEN
        if doubt := self._doubt(transaction, head, case):
            maillog.acted("answer", case.id, doubt)
            raise PermanentFailure("this mail does not show who wrote it; please use the link in the notice")
        said, text = choice_in(await self._text(message))
        done = await self._act(case, said, text)
        maillog.acted("answer", case.id, done)
        await self._confirm(case.id, done, transaction.id)
        return _TAKEN

    async def _case(self, transaction: Transaction) -> Case:
        """The case of the one recipient. Raises PermanentFailure, the same for all that do not fit."""
        unknown = PermanentFailure("no such mailbox", code=550, enhanced="5.1.1")
        if len(transaction.recipients) != 1:
            raise unknown
        found = answer_address.read(transaction.recipients[0].mailbox.text, self.settings.address)
        if found is None:
            raise unknown
        case = await self.database.read(lambda conn: case_rows.get(conn, found.case_id))
        if case is None or not case.owner or not answer_address.genuine(found, self.keys(), case.owner):
            raise unknown
        return case

    def _doubt(self, transaction: Transaction, head: Head, case: Case) -> str:
        """Why it cannot be told that the person of the case wrote this, "" when it can."""
        owner = self._person(case.owner)
        if {self._person(each) for each in (transaction.sender.mailbox.text, *authors_of(head))} != {owner}:
            return "other-person"
        login = transaction.client.login or _login_in(head)
        if not login:
            return "" if self.settings.senders_checked else "no-login"
        return "" if self._is_login_of(login, case) else "other-login"

    def _is_login_of(self, login: str, case: Case) -> bool:
        """Whether a login is this person's: an address of the company as such, else by its user, realms set aside.

        `anna@mx.example.com` and `CORP/anna` are realms of a mail server, no addresses. Where the directory knows
        somebody else of that name at another own domain, a name alone is nobody.
        """
        owner, whole = self._person(case.owner), _REALM_BEFORE.sub("", login.strip().lower())
        user, _, realm = whole.partition("@")
        domains = self.config.internal_domains
        if realm in domains:
            return self._person(whole) == owner
        mine = {canonical(each).partition("@")[0] for each in (case.owner, owner, *self.requests.kin(case.owner)[0])}
        others = {self._person(f"{user}@{each}") for each in domains} - {owner, *(f"{user}@{each}" for each in domains)}
        return user in mine and not others

    def _person(self, address: str) -> str:
        return canonical(self.requests.person(address.lower()) or address)

    async def _text(self, message: MessageBytes) -> str:
        structure = await self.inspector.structure(message)

        def work() -> str:
            with message.view() as data:
                return exhibit_of(data, structure, self.config.bounds).text

        return await asyncio.to_thread(work)

    async def _act(self, case: Case, said: str, text: str) -> Said:
        actor = self.requests.known(Actor("mail", case.owner, frozenset()))
        workflow = self.desk.workflow
        try:
            if said in {"1", "2"}:
                wish = WITHDRAW if said == "1" else MAILBOX
                await workflow.ask(case.id, actor, wish)
                return "withdraw" if said == "1" else "to-mailbox"
            if said == "0":
                await workflow.undo(case.id, actor)
                return "undone"
            if said == "more":
                await workflow.extend(case.id, actor)
                return "extended"
            if said == "deleted":
                await workflow.attest(case.id, actor)
                return "attested"
            return await _explain(workflow, case, actor, text) if said == "3" and text else "unclear"
        except Conflict:
            return "closed"
        except NotAllowed as error:
            told: dict[str, Said] = {"no-mailbox": "no-mailbox", "extended-already": "extended"}
            return told.get(error.slug, "closed")

    async def _confirm(self, case_id: str, done: Said, mark: str) -> None:
        """Tell the person, and nobody else, what was understood."""
        notifier, now = self.desk.notifier, self.clock()

        def act(conn: Connection) -> None:
            case = case_rows.get(conn, case_id)
            if case is not None and case.holds:
                until = case.asked_until.astimezone() if case.asked_until else None
                more = {} if any(hold.state in WAITING for hold in case.holds) else {"reviewer": ""}
                mail = notifier.notice(
                    NoticeKind.answered, case, case.holds, now, answered=done, asked_until=until, **more
                )
                notifier.queue(conn, case.id, mail, now, mark=f"-{mark}")

        await self.database.write(act)


async def _explain(workflow: Workflow, case: Case, actor: Actor, text: str) -> Said:
    """Put the sentence where the form has it; what was said before stays."""
    words = " ".join(text.split())[:SHORT]
    before = Statement.from_json(case.statement) if case.statement else None
    if before is not None and before.code in NO_QUESTIONS:
        return "unclear"  # private, protected, evidence: nothing is asked there, so nothing is written over
    statement = replace(before, purpose=words) if before is not None else form.short("R11", words)
    await workflow.justify(case.id, actor, statement)
    return "explained"


def choice_in(text: str) -> tuple[str, str]:
    """The number a person has written above or below the quoted notice, and the words after 3; "" when there is none.

    1, 2 and 0 count only alone on their line: "1 question I have" takes nothing back.
    """
    own: list[str] = []
    for line in text.splitlines()[:_MOST_LINES]:
        bare = line.strip()
        if bare.startswith(">"):
            continue
        if _BELOW.fullmatch(bare) and own:
            break
        if _INTRODUCED.fullmatch(bare):
            if own:
                break
            continue
        if bare or own:
            own.append(bare)
    if not own:
        return "", ""
    if match := _ALONE.fullmatch(own[0]):
        return match[1], ""
    if (word := own[0].strip(_AROUND).lower()) in _WORDS:
        return _WORDS[word], ""
    if match := _EXPLAINED.fullmatch("\n".join(own).strip()):
        return "3", match[1] or ""
    return "", ""


def _is_automatic(head: Head) -> bool:
    """RFC 3834: absence notes, reports and lists; they answer everything."""
    auto = (head.get("auto-submitted") or b"no").strip().lower()
    precedence = (head.get("precedence") or b"").strip().lower()
    kind = (head.get("content-type") or b"").strip().lower()
    return (
        not auto.startswith(b"no")
        or precedence in {b"bulk", b"list", b"junk", b"auto_reply"}
        or kind.startswith(b"multipart/report")
        or any(name in head for name in _AUTOMATIC)
    )


def _login_in(head: Head) -> str:
    """Who had signed in, as the mail server in front of us wrote it (Postfix smtpd_sasl_authenticated_header).

    Only the topmost Received field is its own; everything below came with the mail.
    """
    if not head.spans or head.spans[0][0] != "received":
        return ""
    first = head.all("received")[0]
    match = _LOGIN.search(b" ".join(first.split()))
    return match[1].decode("utf-8", "replace") if match else ""
