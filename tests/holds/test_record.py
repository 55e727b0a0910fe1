# SPDX-License-Identifier: Apache-2.0
"""What a record says about the data once nobody is named in it any more (domain.md sections 1 and 2). Never a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dlpmilter.audit import forget, trail
from dlpmilter.holds.record import about_data, band, categories, regimes
from dlpmilter.model.verdict import Disposition
from dlpmilter.model.words import Action, RecipientClass, Relation
from tests.holds.house import NOW, path, rooms, verdict
from tests.holds.house import transaction as envelope_of


def one(relation: Relation = Relation.none, **facts: Any) -> Disposition:
    """A held recipient with these facts, `_` for the first dot."""
    named = tuple((name.replace("_", ".", 1), value) for name, value in facts.items())
    return Disposition(
        path("x@gmx.example"), RecipientClass.freemail, "list:freemail", relation, None, Action.hold, facts=named
    )


def test_f6_personal_data_and_business_secrets_are_two_axes() -> None:
    """A price sheet without persons stands under trade secret alone, a list of customers under GDPR alone."""
    assert about_data(one(findings_trade_secret=2))["legal-regimes"] == ["trade-secret"]
    assert about_data(one(findings_personal=20))["legal-regimes"] == ["gdpr"]
    assert regimes({"special": "1-9"}, "") == ["gdpr", "gdpr-art-9"]


def test_d7_several_laws_at_once() -> None:
    """A licensed register with personal data is both; a secrecy group adds its duty."""
    kinds = {"registered": "100-999", "licensed": "100-999", "personal": "10-99"}
    assert regimes(kinds, "legal") == ["gdpr", "database-own", "database-licensed", "professional-secrecy"]


def test_d8_the_own_mailbox_is_an_extraction() -> None:
    """Copying out to the own mailbox is no publication; to somebody else's private one it is a disclosure."""
    assert about_data(one(Relation.own_private))["act"] == "extraction"
    assert about_data(one(Relation.colleague_private))["act"] == "disclosure-private"
    business = replace(one(), recipient_class=RecipientClass.business)
    assert about_data(business)["act"] == "disclosure"


def test_counts_are_bands_and_what_nobody_asked_is_absent() -> None:
    """Rows become a band; a fact no rule read is not said to be none."""
    assert [band(count) for count in (1, 9, 10, 500, 9999, 10_000)] == [
        "1-9", "1-9", "10-99", "100-999", "1000-9999", "10000-",
    ]  # fmt: skip
    assert categories({"findings.table_rows": 1200, "findings.personal": 0, "findings.own_document": True}) == {
        "table": "1000-9999"
    }
    assert "categories" not in about_data(one())
    assert "legal-regimes" not in about_data(one())


@pytest.mark.asyncio
async def test_the_kinds_outlive_the_persons(tmp_path: Path) -> None:
    """After the personal fields have gone the record still says which kinds of data under which laws went where."""
    async with rooms(tmp_path) as r:
        envelope = envelope_of(b"From: a@b\r\n\r\n", ["x@gmx.example"])
        judged = verdict(envelope, [Action.hold])
        facts = (("findings.personal", 12), ("sender.secrecy_group", "legal"))
        judged = replace(judged, dispositions=(replace(judged.dispositions[0], facts=facts),))
        from dlpmilter.holds.place import record_decided
        from dlpmilter.spill import MessageBytes

        decided = await record_decided(
            r.database, r.bodies, transaction=envelope, verdict=judged, message=MessageBytes.of(b"From: a@b\r\n\r\n"),
            policy=r.policy, config=r.config, notice=r.notifier,
        )  # fmt: skip
        await r.database.write(
            lambda conn: forget.forget_scopes(
                conn, [decided.case_id], policy_version="p", why="retention case", at=NOW + timedelta(days=400)
            )
        )
        ((_, fields),) = await r.database.read(lambda conn: trail.of_case(conn, decided.case_id))
        assert fields["recipient.0.categories"] == {"personal": "10-99"}
        assert fields["recipient.0.legal-regimes"] == ["gdpr", "professional-secrecy"]
        assert fields["recipient.0.secrecy-group"] == "legal"
        assert fields["recipient.0.act"] == "extraction"
        assert not [
            name for name in fields if name in {"sender", "owner", "at"} or name.endswith((".address", ".facts"))
        ]
