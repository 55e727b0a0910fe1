# SPDX-License-Identifier: Apache-2.0
"""The counter for privacy: legal holds, requests, unmaskings, breaches. Never asks who somebody is: the door knows.

One request in, one answer out. Only people with a duty are heard; the keeper of
the machine sees how much lies where and nothing of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from dlpmilter.audit import forget, trail
from dlpmilter.audit.trail import Entry
from dlpmilter.holds.actors import NotAllowed
from dlpmilter.holds.requests import refusal
from dlpmilter.model.errors import TemporaryFailure
from dlpmilter.privacy import access, breach, erasure, unmasking
from dlpmilter.privacy.breach import Desk as BreachDesk
from dlpmilter.privacy.dossiers import Book, Moved, NoSuchDossier, Officer, acted_by
from dlpmilter.privacy.inventory import inventory, overdue
from dlpmilter.privacy.report import Maker
from dlpmilter.storage import vault_rows
from dlpmilter.storage.seal import SealBroken

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.config import Config
    from dlpmilter.holds.requests import Answer, Caller
    from dlpmilter.policy.schema import Policy
    from dlpmilter.privacy.paper import Language
    from dlpmilter.storage.database import Database
    from dlpmilter.storage.keys import Keyring

PREFIX = "privacy-"
LONGEST_HOLD = timedelta(days=90)
FIELDS: dict[str, dict[str, type]] = {
    "inventory": {},
    "keep": {"case": str, "reason": str, "until": str},
    "let-go": {"case": str, "reason": str},
    "kept": {},
    "access-open": {"wish": str, "addresses": list, "channel": str},
    "access-list": {},
    "access-show": {"id": str},
    "access-act": {"id": str, "step": str, "said": dict},
    "unmask-ask": {"case": str, "purpose": str, "reason": str, "defer": str},
    "unmask-agree": {"id": str},
    "unmask-refuse": {"id": str},
    "unmask-look": {"id": str},
    "unmask-list": {},
    "breach-open": {"cause": str, "words": str, "case": str},
    "breach-list": {},
    "breach-show": {"id": str},
    "breach-act": {"id": str, "step": str, "said": dict},
    "report": {"kind": str, "month": str, "language": str},
    "statement": {"language": str},
    "acknowledge": {"hash": str, "language": str},
}
_OF_KEEPER = frozenset({"inventory"})
_OF_ALL_DUTIES = frozenset({"inventory", "kept", "unmask-ask", "unmask-agree", "unmask-refuse", "unmask-look",
                            "unmask-list", "breach-list", "report", "statement", "acknowledge"})  # fmt: skip
"""The rest is the DPO's alone."""


@dataclass(frozen=True, slots=True)
class PrivacyDesk:
    """Answers for one installation."""

    config: Config
    database: Database
    keyring: Keyring
    policy: Callable[[], Policy]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def book(self) -> Book:
        """The dossiers, under the policy in force."""
        return Book(self.keyring, self.policy().version)

    async def answer(self, caller: Caller, request: Mapping[str, Any]) -> Answer:
        """Do what a Unix user asks, when his duty allows it."""
        return await self._told(request, lambda act: officer_of(self.config, caller, act))

    async def _told(self, request: Mapping[str, Any], who: Callable[[str], Officer]) -> Answer:
        try:
            act, asked = _checked(request)
            return {"ok": True} | await self._do(act, who(act), asked)
        except NotAllowed as error:
            return refusal(1, error.slug, f"{error}.")
        except NoSuchDossier as error:
            return refusal(2, "no-such-dossier", f"{error}.")
        except Moved as error:
            return refusal(1, "conflict", f"{error}.")
        except ValueError as error:
            return refusal(2, "bad-request", f"{error}.")
        except SealBroken as error:
            return refusal(75, "key-missing", f"{error}.")
        except TemporaryFailure as error:
            return refusal(75, "temporary", f"The database cannot be used now: {getattr(error, 'cause', error)}.")

    async def _do(self, act: str, by: Officer, asked: Mapping[str, Any]) -> dict[str, Any]:
        group = act.partition("-")[0]
        kinds: dict[str, Callable[[str, Officer, Mapping[str, Any]], Awaitable[dict[str, Any]]]] = {
            "access": self._access, "unmask": self._unmask, "breach": self._breach,
        }  # fmt: skip
        if group in kinds:
            return await kinds[group](act, by, asked)
        if act in {"report", "statement", "acknowledge"}:
            return await self._report(act, by, asked)
        if act == "inventory":
            return await self.inventory()
        if act == "kept":
            rows = await self.database.read(vault_rows.kept)
            return {"kept": [{"case": one.scope, "reason": one.reason, "until": _iso(one.until)} for one in rows]}
        until = _until(asked["until"], self.clock()) if act == "keep" else None
        await self.database.write(partial(self._keep, by=by, asked=asked, until=until))
        return {"case": asked["case"].strip().upper(), "until": _iso(until)}

    async def _report(self, act: str, by: Officer, asked: Mapping[str, Any]) -> dict[str, Any]:
        now, language = self.clock(), language_of(asked["language"])
        maker = Maker(self.config, self.policy(), self.keyring, self.book, now)
        if act == "report":
            if asked["kind"] == "authority" and "dpo" not in by.duties:
                raise NotAllowed("no-duty", "the file for the authority is the DPO's")
            paper = await self.database.read(lambda conn: maker.make(conn, asked["kind"], asked["month"], language))
            return {"paper": paper.as_dict()}
        if act == "statement":
            return await self.database.read(lambda conn: maker.statement(conn, language))
        if "works-council" not in by.duties:
            raise NotAllowed("no-duty", "the works council acknowledges its statement itself")

        def acknowledge(conn: Connection) -> None:
            maker.acknowledge(conn, asked["hash"], language)
            fields: dict[str, trail.Value] = {**acted_by(by, "works-council"), "scope": asked["hash"]}
            trail.append(conn, Entry("statement-acknowledged", "none", self.policy().version, "", fields, now))

        await self.database.write(acknowledge)
        return {"hash": asked["hash"]}

    async def inventory(self) -> dict[str, Any]:
        """What lies where."""
        now = self.clock()
        stores = await self.database.read(lambda conn: inventory(conn, self.config, self.policy(), now))
        rows = [
            {"store": one.name, "holds": one.holds, "kept": one.kept, "count": one.count, "oldest": _iso(one.oldest),
             "overdue": one.overdue}
            for one in stores
        ]  # fmt: skip
        return {"stores": rows, "overdue": overdue(stores)}

    def _keep(self, conn: Connection, *, by: Officer, asked: Mapping[str, Any], until: datetime | None) -> None:
        case, reason = asked["case"].strip().upper(), " ".join(asked["reason"].split())[:500]
        if not reason:
            raise ValueError("say the reason")
        if not (vault_rows.keep(conn, case, reason, until) if until else forget.let_go(conn, case)):
            raise ValueError(f"there are no personal fields of a case {case!r}")
        event = "legal-hold" if until else "legal-hold-ended"
        fields: dict[str, trail.Value] = {**acted_by(by, "dpo"), "reason": reason, "until": _iso(until)}
        trail.append(conn, Entry(event, "none", self.policy().version, case, fields, self.clock()))

    async def _access(self, act: str, by: Officer, asked: Mapping[str, Any]) -> dict[str, Any]:
        book, now = self.book, self.clock()
        if act == "access-list":
            rows = await self.database.read(lambda conn: book.many(conn, access.KIND))
            return {"requests": [_brief(one.shown()) for one in rows]}
        if act == "access-show":
            return {"request": await self.database.read(lambda conn: self._shown(conn, asked["id"]))}
        if act == "access-open":
            if asked["wish"] not in {"access", "erasure"}:
                raise ValueError("the wish is access or erasure")
            wish = access.Request(asked["wish"], tuple(asked["addresses"]), asked["channel"] or "letter")
            opened = await self.database.write(lambda conn: access.open_request(conn, book, wish, by, now))
            return {"request": opened.shown()}
        said = _said(asked)
        done = await self.database.write(lambda c: access.act(c, book, asked["id"], asked["step"], by, now, said))
        if asked["step"] == "erase":
            await self.database.flush()
        return {"request": done.shown()}

    def _shown(self, conn: Connection, number: str) -> dict[str, Any]:
        """One request; of an open wish to erase also what stands in the way, before anybody decides."""
        one = self.book.get(conn, number, access.KIND)
        if one.data["wish"] != "erasure" or one.row.closed_at is not None:
            return one.shown()
        listed = erasure.checklist(conn, one.data["addresses"], self.clock(), asked=one.id)
        return one.shown() | {"checklist": listed.as_dict()}

    async def _unmask(self, act: str, by: Officer, asked: Mapping[str, Any]) -> dict[str, Any]:
        book, now = self.book, self.clock()
        if act == "unmask-list":
            rows = await self.database.read(lambda conn: book.many(conn, unmasking.KIND))
            return {"unmaskings": [one.shown() for one in rows]}
        if act == "unmask-ask":
            words = (asked["case"], asked["purpose"], asked["reason"])
            one = await self.database.write(
                lambda conn: unmasking.ask(conn, book, *words, by, now, defer=asked["defer"])
            )
            return {"unmasking": one.shown()}
        if act == "unmask-look":
            return {"seen": await self.database.write(lambda c: unmasking.look(c, book, asked["id"], by, now))}
        step = unmasking.agree if act == "unmask-agree" else unmasking.refuse
        return {"unmasking": (await self.database.write(lambda c: step(c, book, asked["id"], by, now))).shown()}

    async def _breach(self, act: str, by: Officer, asked: Mapping[str, Any]) -> dict[str, Any]:
        book, now = self.book, self.clock()
        if act == "breach-list":
            rows = await self.database.read(lambda conn: book.many(conn, breach.KIND))
            return {"breaches": [_brief(one.shown()) for one in rows]}
        if act == "breach-show":
            return {"breach": (await self.database.read(lambda c: book.get(c, asked["id"], breach.KIND))).shown()}
        if act == "breach-open":
            words = (asked["cause"], asked["words"])
            case = asked["case"].strip().upper()
            one = await self.database.write(
                lambda conn: breach.open_breach(conn, book, *words, now, case_id=case, by=by)
            )
            return {"breach": one.shown()}
        hours = breach_hours(self.policy())
        done = await self.database.write(
            lambda c: BreachDesk(c, book, hours, by, now).act(asked["id"], asked["step"], _said(asked))
        )
        return {"breach": done.shown()}


def language_of(text: str) -> Language:
    """De or en. Raises ValueError."""
    if text == "de":
        return "de"
    if text in {"", "en"}:
        return "en"
    raise ValueError("the language is de or en")


def breach_hours(policy: Policy) -> int:
    """From knowing to telling the authority, by this policy."""
    return policy.governance.breach_hours if policy.governance else 72


def officer_of(config: Config, caller: Caller, act: str) -> Officer:
    """The person behind a Unix user, with the duties [reviewers] gives. Raises NotAllowed."""
    found = config.reviewers.get(caller.user)
    if found is None:
        if caller.keeper and act in _OF_KEEPER:
            return Officer(caller.user, "", frozenset())
        what = f"the Unix user {caller.user!r} is not in [reviewers] of dlpmilter.toml"
        raise NotAllowed("not-mapped", f"{what} (root is no exception)")
    officer = Officer(caller.user, found.address, frozenset(found.duties))
    return officer if caller.keeper and act in _OF_KEEPER else allowed(officer, act)


def allowed(officer: Officer, act: str) -> Officer:
    """The officer, when one of his duties covers this. Raises NotAllowed."""
    if "dpo" in officer.duties or (act in _OF_ALL_DUTIES and officer.duties):
        return officer
    who = "somebody with a duty (dpo, works-council, auditor)" if act in _OF_ALL_DUTIES else "the DPO"
    raise NotAllowed("no-duty", f"this is for {who}; `duties` in [reviewers] or the roles of the portal say who is")


def _checked(request: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    act = str(request.get("act", "")).removeprefix(PREFIX)
    fields = FIELDS.get(act)
    if fields is None:
        raise ValueError(f"{act!r} is nothing that can be asked for")
    asked = {name: request.get(name, kind()) for name, kind in fields.items()}
    wrong = [name for name, kind in fields.items() if not isinstance(asked[name], kind)]
    if wrong or set(request) - {"act", *fields}:
        raise ValueError(f"{act} takes {', '.join(fields) or 'nothing'}")
    return act, asked


def _said(asked: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in asked["said"].items()}


def _until(text: str, now: datetime) -> datetime:
    try:
        day = datetime.combine(date.fromisoformat(text), time(12), UTC)
    except ValueError:
        raise ValueError(f"{text!r} is not a day; write YYYY-MM-DD") from None
    if not now < day <= now + LONGEST_HOLD:
        raise ValueError(f"a legal hold is looked at again within {LONGEST_HOLD.days} days: name a day until then")
    return day


def _iso(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment is not None else ""


def _brief(shown: dict[str, Any]) -> dict[str, Any]:
    """Without what is said about people."""
    hidden = {"addresses", "report", "history", "sheet", "evidence", "proposed_by"}
    return {name: value for name, value in shown.items() if name not in hidden}
