# SPDX-License-Identifier: Apache-2.0
"""An explanation for people: what kind of mail, who the recipient is, which rule decides and why. Never adds a fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpmilter.cli import explain_words as words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpmilter.policy.schema import Policy

_SIGNS = 8
"""Signs that are told; a thread of a year has hundreds."""


def as_text(result: Mapping[str, Any], policy: Policy) -> str:
    """The explanation of one file as a colleague would tell it."""
    if "error" in result:
        return f"{result['file']}: {result['error']}"
    lines = [f"{result['file']}: {result['verdict']}", *_message(result["message"])]
    lines += [f"  {each}" for each in _findings(result["findings"])]
    for each in result["recipients"]:
        lines += _recipient(each, policy)
    if not result["recipients"]:
        lines.append("  It has no recipient: name one with --rcpt.")
    return "\n".join(lines)


def _message(message: Mapping[str, Any]) -> Iterator[str]:
    yield f"  Kind: {message['kind']} (confidence {message['confidence']:.2f})"
    shown = message["evidence"][:_SIGNS]
    for each in shown:
        yield f"    - {_sign(each)}"
    if len(message["evidence"]) > len(shown):
        yield f"    - and {len(message['evidence']) - len(shown)} more signs (--json shows all)"
    if message["earlier_mail"]:
        yield "  It contains earlier mail."
    if message["ambiguous"]:
        yield "  Mail programs may read it differently."
    for slug in message["uninspectable"]:
        yield f"  It could not be read whole: {words.TROUBLES.get(slug, slug)}."
    for part in message["parts"]:
        if "body_start" in part:
            yield f"  Part {part['path']} ({part['type']}): {_place(part)}."
        if part["status"] not in {"read", "skipped"}:
            yield f"  Part {part['path']} ({part['name'] or part['type']}): {part['status']}."


def _place(part: Mapping[str, Any]) -> str:
    octets = f"header at octet {part['header_start']}, body {part['body_start']} to {part['body_end']}"
    return f"{octets} of the part that holds it" if part["inside"] else octets


def _sign(each: Mapping[str, str]) -> str:
    sentence = words.SIGNS.get(each["signal"])
    where = words.PLACES.get(each["where"], each["where"])
    if sentence is None:
        return f"{each['signal']} in {where}" + (f" ({each['detail']})" if each["detail"] else "")
    told = sentence.format(where=where, detail=each["detail"])
    return told.replace(" ()", "")


def _findings(findings: list[Mapping[str, Any]]) -> Iterator[str]:
    for each in findings[:_SIGNS]:
        place = f" in {each['part']}" if each["part"] else ""
        yield f"Found: {each['detector']}, {each['count']} times, confidence {each['confidence']:.2f}{place}."


def _recipient(each: Mapping[str, Any], policy: Policy) -> Iterator[str]:
    yield f"  To {each['address']}: {each['action']}"
    kind = words.CLASSES.get(each["class"], each["class"])
    source = "" if each["class_source"] in {"none", "lookalike"} else f", by {each['class_source']}"
    yield f"    The domain is {kind} (class {each['class']}{source})."
    yield from (f"    {line}" for line in _relation(each))
    if each["took_part"] is not None:
        part = "stands" if each["took_part"] else "does not stand"
        yield f"    This address {part} in the quoted conversation."
    yield from (f"    {line}" for line in _reasons(each, policy))


def _relation(each: Mapping[str, Any]) -> Iterator[str]:
    sentence = words.RELATIONS.get(each["relation"])
    if sentence is None:
        return
    prefix = f"{each['relation'].replace('_', '-')}-by-"
    grounds = [reason.removeprefix(prefix) for reason in each["reasons"] if reason.startswith(prefix)]
    yield f"{sentence}: {words.GROUNDS.get(grounds[0], grounds[0])}." if grounds else f"{sentence}."


def _reasons(each: Mapping[str, Any], policy: Policy) -> Iterator[str]:
    deciding = set()
    for reason in each["reasons"]:
        rule = policy.rule(reason)
        if reason in words.REASONS and rule is None:
            yield words.REASONS[reason]
        elif reason.startswith("lookalike-of-"):
            yield f"Did you mean {reason.removeprefix('lookalike-of-')}?"
        elif reason.startswith(("agreement-", "exemption-")):
            kind, _, number = reason.partition("-")
            yield f"Covered by {kind} {number}."
        elif rule is not None and rule.action.name != each["action"]:
            continue  # a raise went above it: it stands among those that matched, too
        elif rule is not None:
            deciding.add(reason)
            yield f'Rule {rule.id}: "{rule.title.in_language("en")}", so it {words.VERBS[rule.action.name]}.'
            yield f"  Why: {rule.rationale}"
        elif "-by-" not in reason:
            yield f"Reason: {reason}."
    quiet = [name for name in each["rules"] if name not in deciding]
    if quiet:
        yield f"Rules that matched, too, without changing this: {', '.join(dict.fromkeys(quiet))}."
