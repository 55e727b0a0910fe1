# SPDX-License-Identifier: Apache-2.0
"""What a golden mail says about the world around it: people, stores, consents, what the content holds.

So that a rule about customers or registered data can have a golden mail of its own. Never reads a store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dlpmilter.config import Problem
from dlpmilter.engine.canonical import canonical_address
from dlpmilter.model.consent import Agreement, Exemption
from dlpmilter.model.content import ContentReport, FingerprintHit, RegisterHit
from dlpmilter.model.facts import Drip, Facts, Known, Nobody
from dlpmilter.model.verdict import Finding
from dlpmilter.model.words import Stated
from dlpmilter.policy.domains import normalise_domain
from dlpmilter.policy.match import did_you_mean
from dlpmilter.policy.schema import Vetting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

KEYS = ("people", "stores", "agreement", "exemption", "vetting", "content")
STATED = "stated"
SHAPE: Mapping[str, Mapping[str, type]] = {
    "people": {"private": dict, "secrecy": dict, "department": dict, "names": dict},
    "stores": {"wrote_first": list, "correspondents": list, "customers": list, "learning": bool, "drip": dict},
    "agreement": {"sender": str, "recipient": str, "attachments": bool, "auto_forward": bool, "data": list},
    "exemption": {"sender": str},
    "vetting": {"domains": list},
    "content": {
        "findings": dict, "uninspectable": list, "doubts": list, "table_rows": int, "register_rows": int,
        "register_total": int, "licensed": bool, "document_share": int, "image_only": bool,
        "documents": int, "text_chars": int,
    },
}  # fmt: skip
_DRIP = {"messages": int, "octets": int, "records": int, "register_share": int}
MAX_ROWS = 1_000_000
"""Rows of registered data a golden mail may claim: each is made, for the drip counters ask for their numbers."""
MAX_COUNT = 2**53
"""Of anything else it may claim; no counter gets there."""
_MOST = {"register_rows": MAX_ROWS}


class _People(Nobody):
    """A directory of the few people a golden mail names."""

    def __init__(self, table: Mapping[str, Mapping[str, str]]) -> None:
        self._private = {canonical_address(key): value.lower() for key, value in table.get("private", {}).items()}
        self._secrecy = {key.lower(): value for key, value in table.get("secrecy", {}).items()}
        self._department = {key.lower(): value for key, value in table.get("department", {}).items()}
        self._names = {key.lower(): value for key, value in table.get("names", {}).items()}

    def person(self, address: str) -> str:
        """The address itself, where the table knows it."""
        return address if address in {*self._private.values(), *self._names} else ""

    def names(self, address: str) -> tuple[str, ...]:
        """The name given."""
        return (self._names[address],) if address in self._names else ()

    def private_owner(self, canonical: str) -> str:
        """Whose private mailbox it is."""
        return self._private.get(canonical, "")

    def secrecy_group(self, address: str) -> str:
        """The group given."""
        return self._secrecy.get(address, "")

    def department(self, address: str) -> str:
        """The department given."""
        return self._department.get(address, "")


@dataclass(frozen=True, slots=True)
class World:
    """What is true for one golden mail only."""

    data: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def facts(self, facts: Facts) -> Facts:
        """The facts of this mail."""
        begin, end = facts.now - timedelta(days=1), facts.now + timedelta(days=1)
        agreements = tuple(
            Agreement(f"golden-{number}", _scope(each, "sender"), _scope(each, "recipient"), begin, end,
                      attachments=each.get("attachments", True), auto_forward=each.get("auto_forward", False),
                      data=tuple(each.get("data", ())))
            for number, each in enumerate(self.data.get("agreement", ()), 1)
        )  # fmt: skip
        exemptions = tuple(
            Exemption(f"golden-{number}", canonical_address(each["sender"]), begin, end)
            for number, each in enumerate(self.data.get("exemption", ()), 1)
        )
        known = _known(self.data["stores"]) if "stores" in self.data else facts.known
        people = _People(self.data["people"]) if "people" in self.data else facts.directory
        stated = Stated(self.data.get(STATED, Stated.none))
        return replace(
            facts, directory=people, agreements=agreements, exemptions=exemptions, known=known, stated=stated
        )

    def vetting(self, now: datetime) -> tuple[Vetting, ...]:
        """Records of services that are vetted for this mail, complete and in force."""
        expires = (now + timedelta(days=1)).date()
        return tuple(
            Vetting(normalise_domain(each), "golden", "golden", "EU", third_country=False, transfer_basis="",
                    art27_rep="", training_use=False, evidence="golden", expires=expires)
            for each in self.data.get("vetting", {}).get("domains", ())
        )  # fmt: skip

    @property
    def report(self) -> ContentReport | None:
        """What the table says about the content; None: read the mail."""
        if "content" not in self.data:
            return None
        table = self.data["content"]
        rows, total = table.get("register_rows", 0), table.get("register_total", 1000)
        share = table.get("document_share", 0)
        return ContentReport(
            findings=tuple(Finding(name, count) for name, count in table.get("findings", {}).items()),
            uninspectable=tuple(table.get("uninspectable", ())),
            doubts=tuple(table.get("doubts", ())),
            registers=(RegisterHit("golden", tuple(range(rows)), total, table.get("licensed", False)),) if rows else (),
            fingerprints=(FingerprintHit("golden", share / 100),) if share else (),
            table_rows=table.get("table_rows", 0),
            image_only=table.get("image_only", False),
            documents=table.get("documents", 0),
            text_chars=table.get("text_chars", 0),
        )


def read_world(file: str, data: Mapping[str, Any], problems: list[Problem]) -> World:
    """The tables of one golden mail; what is wrong goes to `problems`."""
    found: dict[str, Any] = {}
    for name in KEYS:
        if name not in data:
            continue
        tables = data[name] if name in {"agreement", "exemption"} else [data[name]]
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            problems.append(Problem(file, name, "has the wrong type.", "policies/README.md shows golden mails."))
            continue
        for table in tables:
            _check(file, name, table, SHAPE[name], problems)
            if name in {"agreement", "exemption"} and "sender" not in table:
                problems.append(Problem(file, f"{name}.sender", "is missing.", "Name an address or a domain."))
        for address, drip in (tables[0].get("drip", {}) if name == "stores" else {}).items():
            _check(file, f"stores.drip.{address}", drip, _DRIP, problems)
        found[name] = data[name]
    if STATED in data:
        if data[STATED] in tuple(Stated):
            found[STATED] = data[STATED]
        else:
            fix = did_you_mean(str(data[STATED]), tuple(Stated))
            problems.append(Problem(file, STATED, f"{data[STATED]!r} is nothing a sender can say.", fix))
    return World(found)


def _check(file: str, where: str, table: Mapping[str, Any], shape: Mapping[str, type], problems: list[Problem]) -> None:
    for key, value in table.items():
        if key not in shape:
            problems.append(Problem(file, f"{where}.{key}", "is not a key here.", did_you_mean(key, shape)))
        elif not isinstance(value, shape[key]):
            problems.append(Problem(file, f"{where}.{key}", "has the wrong type.", "policies/README.md shows one."))
        elif isinstance(value, int) and not 0 <= value <= _MOST.get(key, MAX_COUNT):
            most = _MOST.get(key, MAX_COUNT)
            problems.append(Problem(file, f"{where}.{key}", f"is {value}.", f"Give a number from 0 to {most:,}."))


def _scope(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    text = str(table.get(key, "")).lower()
    return (canonical_address(text) if "@" in text else text,)


def _known(table: Mapping[str, Any]) -> Known:
    def people(key: str) -> frozenset[str]:
        return _canonical(table.get(key, ()))

    return Known(
        wrote_first=people("wrote_first"),
        correspondents=people("correspondents"),
        customers=people("customers"),
        learning=table.get("learning", False),
        drip={canonical_address(address): _drip(each.get) for address, each in table.get("drip", {}).items()},
    )


def _canonical(addresses: Sequence[str]) -> frozenset[str]:
    return frozenset(canonical_address(each) for each in addresses)


def _drip(get: Callable[[str, int], int]) -> Drip:
    """The same count in every window: the mails were sent today."""
    messages, octets, records, share = (get(name, 0) for name in _DRIP)
    return Drip((messages,) * 3, (octets,) * 3, (records,) * 3, share)
