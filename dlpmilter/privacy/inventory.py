# SPDX-License-Identifier: Apache-2.0
"""Every place where something about people lies: how much, how old, until when, and what should be gone. Never deletes.

A test holds this list and the schema together, so no table can be forgotten here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dlpmilter.audit.retention import CHAIN_YEARS
from dlpmilter.holds import terms
from dlpmilter.holds.states import FINAL
from dlpmilter.holds.sweep import periods_of
from dlpmilter.storage import inventory_rows, trail_rows, vault_rows
from dlpmilter.storage.vault import WITHHELD

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from dlpmilter.config import Config
    from dlpmilter.policy.schema import Policy

GRACE = timedelta(hours=26)
"""The sweep comes every hour; a day without it (a restart, a clock nobody trusted) is no finding."""
DOSSIERS = timedelta(days=3 * 366)
"""Closed dossiers: what was asked and answered has to be shown to an authority (Art. 5(2), 33(5) GDPR)."""
DRIP, INBOUND, CORRESPONDENTS = timedelta(days=30), timedelta(days=90), timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Store:
    """One place, as it is now."""

    name: str
    holds: str
    """What lies there, in plain words."""
    kept: str
    """How long, in plain words."""
    count: int
    oldest: datetime | None
    overdue: int


@dataclass(frozen=True, slots=True)
class _Table:
    holds: str
    kept: str
    column: str = ""
    age: timedelta | None = None


def inventory(conn: Connection, config: Config, policy: Policy, now: datetime) -> list[Store]:
    """Every store: the tables, then the files beside the database."""
    found = [_store(conn, name, table, now) for name, table in sorted(_tables(config, policy).items())]
    late = inventory_rows.late_cases(conn, now - timedelta(days=policy.hold.case_days) - GRACE)
    found = [replace(one, overdue=late) if one.name == "cases" else one for one in found]
    return [*found, *_trail(conn, policy, now), *_bodies(conn, policy, now), *_files(config)]


def named_tables(config: Config, policy: Policy) -> set[str]:
    """The tables this list knows."""
    return {*_tables(config, policy), "vault_keys", "trail", "trail_values", "trail_subjects", "body_keys"}


def overdue(stores: list[Store]) -> int:
    """How many things should be gone already."""
    return sum(each.overdue for each in stores)


def _store(conn: Connection, name: str, table: _Table, now: datetime) -> Store:
    before = now - table.age - GRACE if table.age is not None else None
    return Store(name, table.holds, table.kept, *inventory_rows.census(conn, name, table.column, before))


def _tables(config: Config, policy: Policy) -> dict[str, _Table]:
    days, portal = policy.hold.case_days, config.portal
    closed = timedelta(days=days)
    with_case = "with its case"
    owed = timedelta(days=config.relay.retry_days + 2)
    signed_in = timedelta(hours=portal.session_hours)
    return {
        "cases": _Table(
            "cases: sender, owner, subject while held, form", f"{days} days after the content went", "purged_at", closed
        ),
        "holds": _Table("held recipients and who decides", with_case),
        "approvals": _Table("who approved what", with_case),
        "evidence_keys": _Table("who asked to open evidence", with_case),
        "body_chunks": _Table("held mail and notices, encrypted in pieces", "with its key"),
        "outbox": _Table("mail we owe", f"{config.relay.retry_days} days at most", "created_at", owed),
        "outbox_recipients": _Table("to whom we owe it", "with the mail"),
        "message_keys": _Table(
            "keyed hashes of mails, to know a retry", f"{terms.MESSAGE_KEY_AGE.days} days", "at", terms.MESSAGE_KEY_AGE
        ),
        "notices": _Table("who was told about which case", f"{terms.NOTICE_AGE.days} days", "at", terms.NOTICE_AGE),
        "digests": _Table("who gets a digest about which cases", "until the next one", "at", timedelta(days=2)),
        "marks": _Table("releases on their way", "until the mark ends", "expires_at", timedelta()),
        "mark_recipients": _Table("to whom they may go", "with the mark"),
        "drip_charges": _Table("keyed hashes: mails to private mailboxes, for the counter", "30 days", "at", DRIP),
        "drip_rows": _Table("keyed hashes: registered rows a private mailbox got", "30 days", "at", DRIP),
        "inbound_mails": _Table("keyed hashes: who wrote first", "90 days", "at", INBOUND),
        "correspondents": _Table("keyed hashes: who writes here", "180 days", "last_at", CORRESPONDENTS),
        "consents": _Table("agreements and exemptions", f"{days} days after they ended", "closed_at", closed),
        "private_mailboxes": _Table(
            "keyed hashes and sealed addresses of own private mailboxes", "until taken back", "created_at"
        ),
        "customer_registers": _Table("names of customer registers", "until replaced or removed", "at"),
        "customers": _Table("keyed hashes of customers' addresses", "with the register"),
        "accounts": _Table("accounts of the portal", "until taken away", "created_at"),
        "sessions": _Table("who is signed in", f"{portal.session_hours} hours", "created_at", signed_in),
        "tickets": _Table("links and keys for signing in", "until they end", "expires_at", timedelta()),
        "dossiers": _Table("requests, unmaskings, breaches, sealed", "three years", "closed_at", DOSSIERS),
        "policy_versions": _Table("policies that judged, without people", "as long as the trail"),
        "checkpoints": _Table("signed checkpoints, without people", "as long as the trail", "at"),
        "trail_nodes": _Table("hashes of the tree", "as long as the trail"),
        "meta": _Table("where the sweep and the trail stand", "always"),
    }


def _trail(conn: Connection, policy: Policy, now: datetime) -> list[Store]:
    kept = periods_of(policy)
    times = (now - kept.withheld - GRACE, now - kept.released - GRACE)
    keys = vault_rows.census(conn, *times, WITHHELD)
    before = (now - kept.facts - GRACE).date().isoformat()
    first = trail_rows.first_day(conn)
    held = vault_rows.kept(conn)
    unseen = sum(each.until + GRACE < now for each in held)  # nobody looked at the hold again in time
    keys = keys[0], keys[1], keys[2] + unseen
    more = f"; {len(held)} under a legal hold" if held else ""
    entries = vault_rows.entries_of(conn, [each.scope for each in held])
    facts, oldest, late = trail_rows.facts_census(conn, before, entries)
    return [
        Store("vault_keys", "keys of the trail's personal fields, one a case",
              f"{kept.withheld.days} days when it stayed, {kept.released.days} when it left{more}", *keys),
        Store("trail_values", "fields of the trail: facts, and personal fields under those keys",
              f"facts {kept.facts.days} days, personal fields with their key", facts, _day(oldest), late),
        Store("trail_subjects", "keyed hashes: which field names whom", "with the field",
              *inventory_rows.census(conn, "trail_subjects")),
        Store("trail", "the order of events, without people", f"{CHAIN_YEARS} years",
              inventory_rows.census(conn, "trail").number, _day(first), 0),
    ]  # fmt: skip


def _day(day: str | None) -> datetime | None:
    return datetime.fromisoformat(f"{day}T00:00:00+00:00") if day else None


def _bodies(conn: Connection, policy: Policy, now: datetime) -> list[Store]:
    """Held mail: late when every recipient of its case was settled longer ago than its content may stay."""
    hours = {state.value: terms.keep_for(state, policy.hold) + GRACE for state in FINAL}
    count, oldest, _ = inventory_rows.census(conn, "body_keys", "created_at")
    late = inventory_rows.late_bodies(conn, {state: now - age for state, age in hours.items()})
    what = "held mail, notices and releases on their way: their keys"
    return [Store("body_keys", what, "some hours after the case ended (hold.retention)", count, oldest, late)]


def _files(config: Config) -> list[Store]:
    base = config.database
    places: dict[str, tuple[list[Path], str, str]] = {
        "journal": (
            [each for each in base.parent.glob(f"{base.name}.journal-*") if _used(each)],
            "outcomes the database could not take", "until it takes them",
        ),
        "registers": (
            list(config.registers_directory.glob("*")), "keyed indexes of registered data", "until replaced or removed",
        ),
        "directory": (
            [config.directory.file] if config.directory.file and config.directory.file.exists() else [],
            "who works here", "as long as it is named in [directory]",
        ),
        "events": (
            [config.trail.events_file] if config.trail.events_file and config.trail.events_file.exists() else [],
            "events for a SIEM", "by logrotate and the SIEM, not by dlpmilter",
        ),
    }  # fmt: skip
    return [_of_files(name, *place) for name, place in places.items()]


def _used(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) not in {b"", b"\0"}


def _of_files(name: str, paths: list[Path], holds: str, kept: str) -> Store:
    times = [datetime.fromtimestamp(each.stat().st_mtime, UTC) for each in paths]
    return Store(name, holds, kept, len(paths), min(times, default=None), 0)
