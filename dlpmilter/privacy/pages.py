# SPDX-License-Identifier: Apache-2.0
"""Answers and files as pages to be read or printed: one HTML file, no script, nothing loaded. Never adds a fact."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #ccc}"
    "@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr{break-inside:avoid}}"
)


def person_page(one: Mapping[str, Any]) -> str:
    """The answer to a request for access, German and English side by side in the headings."""
    report = one["report"]
    parts = [
        _pairs([
            ("Anfrage / Request", one["id"]), ("Zu / About", ", ".join(report["about"])),
            ("Erstellt / Made", report["made"]), ("Zweck / Purpose", report["purpose"]),
            ("Herkunft / Source", report["source"]),
        ]),
        f"<p>{_e(report['rights']['de'])}</p><p lang=en>{_e(report['rights']['en'])}</p>",
        _section("Ihre E-Mails, die gewartet haben / Your e-mails that waited", map(_case, report["cases"])),
        _section("Was aufgezeichnet ist / What is on record", map(_event, report["events"])),
        _section("Wo Sie sonst genannt sind / Where else you are named", map(_event, report["named"])),
        _section("Weitere Stellen / Other places", [_pairs(report["elsewhere"].items())] * bool(report["elsewhere"])),
        f"<p>{_e(report['counters'])}</p>",
    ]  # fmt: skip
    return _page("Auskunft nach Art. 15 DSGVO / Access under Art. 15 GDPR", parts)


def breach_page(one: Mapping[str, Any]) -> str:
    """The file of Art. 33(5): facts, effects, what was done, and the answers that Art. 33(3) asks for."""
    facts = [
        ("Datei / File", one["id"]), ("Vorgang / Case", one.get("case") or "-"), ("Gesehen / Seen", one["seen"]),
        ("Worte / Words", one["words"]), ("Entdeckt / Detected", one["detected"]), ("Bekannt / Aware", one["aware"]),
        ("Frist / Notify by", one["notify_by"]), ("Ergebnis / Outcome", one["outcome"]),
        ("Behörde / Authority told", one["told_authority"]), ("Personen / Persons told", one["told_persons"]),
        ("Verspätung / Why late", one["why_late"]),
    ]  # fmt: skip
    history = [_pairs([(each["at"], f"{each['event']} {each['by']}".strip())]) for each in one["history"]]
    parts = [_pairs(facts), _section("Bewertung / Assessment", [_pairs(one["sheet"].items())] if one["sheet"] else []),
             _section("Verlauf / Course", history)]  # fmt: skip
    return _page("Dokumentation nach Art. 33 Abs. 5 DSGVO / Record under Art. 33(5) GDPR", parts)


def _case(case: Mapping[str, Any]) -> str:
    pairs = [(name, value) for name, value in case.items() if name != "recipients" and value not in (None, "")]
    return _pairs(pairs) + "".join(_pairs(each.items()) for each in case["recipients"])


def _event(event: Mapping[str, Any]) -> str:
    return _pairs([("", f"{event['day']} · {event['event']} · {event['action']}"), *event["fields"].items()])


def _section(title: str, blocks: Iterable[str]) -> str:
    inner = "".join(blocks) or "<p>Nichts / Nothing</p>"
    return f"<h2>{_e(title)}</h2>{inner}"


def _pairs(pairs: Iterable[tuple[str, Any]]) -> str:
    rows = "".join(f"<tr><th scope=row>{_e(name)}<td>{_e(_word(value))}" for name, value in pairs)
    return f"<table>{rows}</table>"


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "ja / yes" if value else "nein / no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _e(text: str) -> str:
    return html.escape(text)


def _page(title: str, parts: Sequence[str]) -> str:
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = f'<meta charset=utf-8><meta http-equiv=Content-Security-Policy content="{policy}"><title>{_e(title)}</title>'
    body = f"<h1>{_e(title)}</h1>{''.join(parts)}"
    return f"<!doctype html><html lang=de><head>{head}<style>{_STYLE}</style></head><body>{body}</body></html>\n"
