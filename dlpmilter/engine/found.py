# SPDX-License-Identifier: Apache-2.0
"""What the content of a mail means for the rules: counts by group of detectors, rows, shares. Never sees a text.

Counts only grow with what is found: no hit ever lowers another (design invariant 7). Where a text offered more than
could be looked at, what was counted is a least count, and as a fact it satisfies every threshold: padding a mail with
what looks like data never takes a rule out of reach. Whether a document is
about the sender alone is the one fact that may open a way, and the policy decides whether it does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpmilter.model.content import ContentReport
from dlpmilter.model.detector import TOO_MANY
from dlpmilter.policy.match import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpmilter.model.verdict import MessageJudgement
    from dlpmilter.policy.schema import Policy

NOTHING_FOUND = ContentReport()
OWN_DOCUMENT = "own-document"
ENCRYPTED = "encrypted"
AT_LEAST = 10**12
"""What a count stands for that was not counted to its end: more than any mail holds and any policy asks for."""
_COUNTED = ("message.attachments",)
_OPENED = ("message.uninspectable", "message.ambiguous", "message.encrypted")
OPENED_FACTS = (*_OPENED, *_COUNTED)
"""Facts that headers or structure begin to tell and the content may add to."""
GROUP_FACTS: Mapping[str, str] = {
    "personal": "findings.personal",
    "special": "findings.special",
    "criminal": "findings.criminal",
    "secret": "findings.credentials",
    "trade-secret": "findings.trade_secret",
    "marker": "findings.marker",
}
"""Group of detectors -> the fact that counts its hits. `contact` is in none: every signature has some."""
CONTENT_FACTS = (
    *GROUP_FACTS.values(),
    *("findings.own_document", "findings.table_rows", "findings.register_rows", "findings.licensed_rows"),
    *("findings.register_share", "findings.document_share"),
    *("message.image_only", "message.documents", "message.text_chars"),
)
"""Facts that only the content tells."""


def content_facts(report: ContentReport, policy: Policy) -> dict[str, object]:
    """The facts `findings.*` and what only the content can tell about the message."""
    counts = dict.fromkeys(GROUP_FACTS.values(), 0)
    for finding in report.findings:
        for group in policy.groups.get(finding.detector, ()):
            if group in GROUP_FACTS:
                counts[GROUP_FACTS[group]] += finding.count
    if TOO_MANY in report.uninspectable:
        counts = {name: max(count, AT_LEAST) for name, count in counts.items()}
    shares = [100 * len(hit.rows) // hit.register_rows for hit in report.registers if hit.register_rows]
    return {
        **counts,
        "findings.own_document": any(each.detector == OWN_DOCUMENT for each in report.findings),
        "findings.table_rows": report.table_rows,
        "findings.register_rows": sum(len(hit.rows) for hit in report.registers),
        "findings.licensed_rows": sum(len(hit.rows) for hit in report.registers if hit.licensed),
        "findings.register_share": max(shares, default=0),
        "findings.document_share": max((int(100 * hit.containment) for hit in report.fingerprints), default=0),
        "message.image_only": report.image_only,
        "message.documents": max(report.documents, report.attachments),
        "message.text_chars": report.text_chars,
    }


def opened_facts(values: Mapping[str, object], report: ContentReport | None) -> dict[str, object]:
    """What the content changes of OPENED_FACTS; before it was read only what is proven already stays known.

    A mail that looks readable from outside may hold an encrypted archive, so `false` waits for the content.
    """
    if report is None:
        return {name: UNKNOWN for name in OPENED_FACTS if values.get(name, UNKNOWN) is not True}
    found: dict[str, object] = {}
    if isinstance(attached := values.get("message.attachments", UNKNOWN), int):
        found["message.attachments"] = max(attached, report.attachments)  # a file need not be called one
    if values.get("message.uninspectable", UNKNOWN) is not UNKNOWN or report.uninspectable:
        found["message.uninspectable"] = values.get("message.uninspectable") is True or bool(report.uninspectable)
    if values.get("message.ambiguous", UNKNOWN) is not UNKNOWN or report.doubts:
        found["message.ambiguous"] = values.get("message.ambiguous") is True or bool(report.doubts)
    if values.get("message.encrypted", UNKNOWN) is not UNKNOWN or ENCRYPTED in report.uninspectable:
        found["message.encrypted"] = values.get("message.encrypted") is True or ENCRYPTED in report.uninspectable
    return found


def with_content(judgement: MessageJudgement, report: ContentReport | None) -> MessageJudgement:
    """The judgement of the message with what the content adds: parts and members, what could not be read."""
    if report is None or report is NOTHING_FOUND:
        return judgement
    return replace(
        judgement,
        ambiguous=judgement.ambiguous or bool(report.doubts),
        uninspectable=tuple(dict.fromkeys((*judgement.uninspectable, *report.uninspectable))),
        parts=report.parts or judgement.parts,
    )
