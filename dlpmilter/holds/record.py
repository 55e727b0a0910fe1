# SPDX-License-Identifier: Apache-2.0
"""What a record says about the data, without saying what they are: kinds, bands, the law they stand under.

Derived from the facts a rule asked for, so what nobody asked is absent, not "none". Never a count a person could be
known by, never an offence: it says `extraction`, not what a court might call it (domain.md section 1, D4 and W4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.model.words import PRIVATE_CLASSES, Relation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpmilter.audit.trail import Value
    from dlpmilter.model.verdict import Disposition

_CATEGORIES = {
    "findings.personal": "personal", "findings.special": "special", "findings.criminal": "criminal",
    "findings.credentials": "credentials", "findings.trade_secret": "trade-secret", "findings.marker": "marked",
    "findings.table_rows": "table", "findings.register_rows": "registered", "findings.licensed_rows": "licensed",
}  # fmt: skip
_BANDS = ((9, "1-9"), (99, "10-99"), (999, "100-999"), (9_999, "1000-9999"))
_REGIMES = (
    ("gdpr", ("personal", "special", "criminal", "registered")),
    ("gdpr-art-9", ("special",)),
    ("gdpr-art-10", ("criminal",)),
    ("trade-secret", ("trade-secret", "credentials", "marked")),
    ("database-own", ("registered",)),
    ("database-licensed", ("licensed",)),
)
"""Several at once: they stand beside each other (D7)."""


def band(count: int) -> str:
    """How many, roughly."""
    return next((name for most, name in _BANDS if count <= most), "10000-")


def categories(facts: Mapping[str, object]) -> dict[str, str]:
    """Which kinds of data were found, each with its band."""
    found = {}
    for fact, name in _CATEGORIES.items():
        count = facts.get(fact)
        if isinstance(count, int) and not isinstance(count, bool) and count > 0:
            found[name] = band(count)
    return found


def regimes(kinds: Mapping[str, str], secrecy_group: str) -> list[str]:
    """The laws the data stand under, as far as kinds and sender say."""
    found = [name for name, wanted in _REGIMES if any(each in kinds for each in wanted)]
    return [*found, *(["professional-secrecy"] if secrecy_group else [])]


def act_of(one: Disposition) -> str:
    """What the sending is: copying out to the own mailbox, handing to somebody's private one, or to others (D8)."""
    if one.relation is Relation.own_private:
        return "extraction"
    return "disclosure-private" if one.recipient_class in PRIVATE_CLASSES else "disclosure"


def about_data(one: Disposition) -> dict[str, Value]:
    """The facts of a recipient's record that outlive its personal fields."""
    facts = dict(one.facts)
    kinds, group = categories(facts), str(facts.get("sender.secrecy_group", ""))
    fields: dict[str, Value] = {"act": act_of(one), "class-source": one.class_source}
    if kinds:
        fields["categories"] = kinds
    if laws := regimes(kinds, group):
        fields["legal-regimes"] = laws
    if group:
        fields["secrecy-group"] = group
    return fields
