# SPDX-License-Identifier: Apache-2.0
"""A verdict as the JSON that scripts rely on (design section 6). Never adds, never judges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlpmilter.model.verdict import Disposition, MessageJudgement, Verdict


def explanation(file: str, verdict: Verdict) -> dict[str, Any]:
    """The contract of `explain --json` for one file."""
    return {
        "file": file,
        "message": _message(verdict.message),
        "findings": [
            {"detector": each.detector, "count": each.count, "confidence": each.confidence, "part": each.part}
            for each in verdict.findings
        ],
        "recipients": [_recipient(each) for each in verdict.dispositions],
        "verdict": verdict.action.name,
        "policy_version": verdict.policy_version,
    }


def _message(message: MessageJudgement) -> dict[str, Any]:
    return {
        "kind": message.kind.value,
        "confidence": message.confidence,
        "evidence": [{"signal": each.signal, "where": each.where, "detail": each.detail} for each in message.evidence],
        "earlier_mail": message.earlier_mail,
        "ambiguous": message.ambiguous,
        "uninspectable": list(message.uninspectable),
        "parts": [
            {
                "path": each.path,
                "type": each.type,
                "name": each.name,
                "text_chars": each.text_chars,
                "status": each.status,
            }
            for each in message.parts
        ],
    }


def _recipient(each: Disposition) -> dict[str, Any]:
    return {
        "address": each.recipient.mailbox.text,
        "class": each.recipient_class.value,
        "class_source": each.class_source,
        "relation": each.relation.value,
        "took_part": each.took_part,
        "action": each.action.name,
        "rules": [hit.id for hit in each.rules],
        "reasons": list(each.reasons),
    }
