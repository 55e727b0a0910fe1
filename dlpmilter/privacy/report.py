# SPDX-License-Identifier: Apache-2.0
"""Which report is made from what. Never renders one: paper.py does, where it was asked for."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dlpmilter.audit.export import own_keys
from dlpmilter.audit.verify import verify
from dlpmilter.privacy.figures import month_of
from dlpmilter.privacy.inventory import inventory
from dlpmilter.privacy.paper import Language, Paper, Section, from_dict
from dlpmilter.privacy.report_month import monthly
from dlpmilter.privacy.report_packs import authority, trade_secret
from dlpmilter.privacy.report_statement import art30, dpia, statement_hash, works_council
from dlpmilter.storage import policy_rows, trail_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.config import Config
    from dlpmilter.policy.schema import Policy
    from dlpmilter.privacy.dossiers import Book
    from dlpmilter.storage.keys import Keyring

KINDS = ("monthly", "art30", "works-council", "dpia", "authority", "trade-secret")
_ACKNOWLEDGED = "statement-acknowledged"


@dataclass(frozen=True, slots=True)
class Maker:
    """Everything a report is made from, at one moment."""

    config: Config
    policy: Policy
    keyring: Keyring
    book: Book
    now: datetime

    def make(self, conn: Connection, kind: str, month: str, language: Language) -> Paper:
        """One report. Raises ValueError."""
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not one of {', '.join(KINDS)}")
        stores = inventory(conn, self.config, self.policy, self.now)
        if kind == "art30":
            return art30(self.policy, stores, language)
        if kind == "works-council":
            return works_council(self.config, self.policy, stores, language)
        if kind == "dpia":
            return dpia(self.policy, stores, language)
        checked = verify(conn, own_keys=own_keys(conn), path=self.config.database, keyring=self.keyring)
        if kind == "authority":
            return authority(conn, self.book, policy_rows.versions(conn), checked, language)
        counted = month_of(conn, self.book, first_of(month, self.now))
        if kind == "trade-secret":
            return trade_secret(counted, self.policy, checked, language)
        return monthly(counted, self.policy, stores, checked, language)

    def statement(self, conn: Connection, language: Language) -> dict[str, Any]:
        """The works-council statement as it is now, its hash, and what changed since it was acknowledged."""
        paper = works_council(self.config, self.policy, (), language)
        before = json.loads(trail_rows.noted(conn, _ACKNOWLEDGED) or "{}")
        known = from_dict(before["paper"]) if before else None
        changes = _differences(known, paper) if known is not None else []
        return {
            "hash": statement_hash(paper), "acknowledged": before.get("hash") == statement_hash(paper),
            "acknowledged_hash": before.get("hash", ""), "acknowledged_at": before.get("at", ""), "changes": changes,
        }  # fmt: skip

    def acknowledge(self, conn: Connection, wanted: str, language: Language) -> None:
        """The works council has seen this statement. Raises ValueError when it is not the one in force."""
        paper = works_council(self.config, self.policy, (), language)
        if wanted != statement_hash(paper):
            raise ValueError("this is not the statement in force; `dlpmilter privacy statement` shows the one that is")
        kept = {"hash": wanted, "at": self.now.isoformat(timespec="seconds"), "paper": paper.as_dict()}
        trail_rows.note(conn, _ACKNOWLEDGED, json.dumps(kept, ensure_ascii=False))


def first_of(month: str, now: datetime) -> date:
    """The first day of YYYY-MM; of "" the month before this one. Raises ValueError."""
    if not month:
        return (now.date().replace(day=1) - timedelta(days=1)).replace(day=1)
    try:
        return date.fromisoformat(f"{month}-01")
    except ValueError:
        raise ValueError(f"{month!r} is not a month; write YYYY-MM") from None


def _differences(before: Paper, after: Paper) -> list[str]:
    lines = [line for line in difflib.ndiff(_lines(before), _lines(after)) if line[:2] in {"+ ", "- "}]
    return lines[:200]


def _lines(paper: Paper) -> list[str]:
    return [*paper.head, *(line for section in paper.sections for line in _of_section(section))]


def _of_section(section: Section) -> list[str]:
    cells = [" | ".join(row) for table in section.tables for row in table.rows]
    return [section.title, *section.paragraphs, *cells]
