# SPDX-License-Identifier: Apache-2.0
"""The answer to a request for access, and the record of a breach, as papers. Never adds a fact to what it is given."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from dlpmilter.privacy.paper import Language, Paper, Say, Section, Table, say_in


def access_paper(one: Mapping[str, Any], language: Language) -> Paper:
    """What is kept about a person, for that person (Art. 15 GDPR)."""
    say, report = say_in(language), one["report"]
    about = [
        (say("Anfrage", "Request"), one["id"] or say("eigene Ansicht", "own view")),
        (say("Zu", "About"), ", ".join(report["about"])),
        (say("Erstellt", "Made"), report["made"]), (say("Zweck", "Purpose"), report["purpose"][language]),
        (say("Herkunft", "Source"), report["source"][language]),
    ]  # fmt: skip
    none = say("Nichts.", "Nothing.")
    return Paper("access", language, say("Auskunft nach Art. 15 DSGVO", "Access under Art. 15 GDPR"),
        (report["rights"][language],), (
            Section(say("Anfrage", "Request"), (), (_pairs(about, say),)),
            _section(say("Ihre E-Mails, die gewartet haben", "Your e-mails that waited"),
                     [table for case in report["cases"] for table in _case(case, say)], none),
            _section(say("Was aufgezeichnet ist", "What is on record"),
                     [_event(each, say) for each in report["events"]], none),
            _section(say("Wo Sie sonst genannt sind", "Where else you are named"),
                     [_event(each, say) for each in report["named"]], none),
            _section(say("Weitere Stellen", "Other places"),
                     [_pairs(report["elsewhere"].items(), say)] if report["elsewhere"] else [], none),
            Section(say("Zähler", "Counters"), (report["counters"][language],)),
        ))  # fmt: skip


def breach_paper(one: Mapping[str, Any], language: Language) -> Paper:
    """The record of Art. 33(5): facts, effects, what was done; with what Art. 33(3) asks for."""
    say = say_in(language)
    facts = [
        (say("Datei", "File"), one["id"]), (say("Vorgang", "Case"), one.get("case") or "-"),
        (say("Anlass", "Cause"), one["cause"]), (say("Gesehen", "Seen"), one["seen"]),
        (say("Worte", "Words"), one["words"]), (say("Entdeckt", "Detected"), one["detected"]),
        (say("Bekannt", "Aware"), one["aware"]), (say("Frist", "Notify by"), one["notify_by"]),
        (say("Ergebnis", "Outcome"), one["outcome"]),
        (say("Behörde informiert", "Authority told"), one["told_authority"]),
        (say("Personen informiert", "Persons told"), one["told_persons"]),
        (say("Verspätung", "Why late"), one["why_late"]),
    ]  # fmt: skip
    course = [(each["at"], f"{each['event']} {each['by']}".strip()) for each in one["history"]]
    none = say("Noch nichts.", "Nothing yet.")
    title = say("Dokumentation nach Art. 33 Abs. 5 DSGVO", "Record under Art. 33(5) GDPR")
    return Paper("breach", language, title, (), (
        Section(say("Was geschah", "What happened"), (), (_pairs(facts, say),)),
        _section(say("Bewertung", "Assessment"), [_pairs(one["sheet"].items(), say)] if one["sheet"] else [], none),
        _section(say("Verlauf", "Course"), [_pairs(course, say)] if course else [], none),
    ))  # fmt: skip


def _section(title: str, tables: list[Table], none: str) -> Section:
    return Section(title, (), tuple(tables)) if tables else Section(title, (none,))


def _case(case: Mapping[str, Any], say: Say) -> list[Table]:
    own = [(name, value) for name, value in case.items() if name != "recipients" and value not in (None, "")]
    return [_pairs(own, say), *(_pairs(each.items(), say) for each in case["recipients"])]


def _event(event: Mapping[str, Any], say: Say) -> Table:
    what = f"{event['day']} · {event['event']} · {event['action']}"
    return _pairs([(say("Ereignis", "event"), what), *event["fields"].items()], say)


def _pairs(pairs: Iterable[tuple[str, Any]], say: Say) -> Table:
    head = (say("Angabe", "item"), say("Inhalt", "content"))
    return Table(head, tuple((name, _word(value, say)) for name, value in pairs), (2, 5))


def _word(value: object, say: Say) -> str:
    if isinstance(value, bool):
        return say("ja", "yes") if value else say("nein", "no")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
