# SPDX-License-Identifier: Apache-2.0
"""Two packs: for the authority, and for who has to show that secrets were protected. Never a name of staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.privacy import access, breach, words
from dlpmilter.privacy.figures import Month, merged
from dlpmilter.privacy.paper import Language, Paper, Say, Section, Table, rows, say_in
from dlpmilter.privacy.report_month import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from dlpmilter.audit.checking import Result
    from dlpmilter.policy.schema import Policy
    from dlpmilter.privacy.dossiers import Book


def authority(
    conn: Connection, book: Book, policies: Sequence[str], checked: Result, language: Language
) -> Paper:  # fmt: skip
    """The files of Art. 33(5), the evidence of erasures, the policies, and what the trail proves."""
    say = say_in(language)
    files = book.many(conn, breach.KIND)
    table = Table(
        ("id", say("Anlass", "cause"), say("entdeckt", "detected"), say("bekannt", "aware"), say("Ergebnis", "outcome"),
         say("gemeldet", "told"), say("Verspätung", "why late")),
        rows([(one.id, one.data["cause"], _short(one.data["detected"]), _short(one.data["aware"]),
               one.data["outcome"], _short(one.data["told_authority"]), one.data["why_late"]) for one in files]),
        (4, 4, 3, 3, 3, 3, 3),
    )  # fmt: skip
    asked = [one for one in book.many(conn, access.KIND) if one.row.closed_at is not None]
    erased = Table(
        ("id", say("Wunsch", "wish"), say("eingegangen", "received"), say("beantwortet", "answered"),
         say("Ergebnis", "outcome"), say("Umfang", "extent"), say("geblieben", "kept")),
        rows([(one.id, one.data["wish"], _short(one.data["received"]), f"{one.row.closed_at:%Y-%m-%d %H:%M}",
               one.data.get("outcome", ""), _extent(one.data.get("evidence", {})),
               "; ".join(one.data.get("evidence", {}).get("kept", ()))) for one in asked]),
        (4, 2, 3, 3, 2, 2, 4),
    )  # fmt: skip
    fine = say("in Ordnung", "fine") if checked.ok else f"{checked.kind}: {checked.problem}"
    proof = (
        say(f"Prüfung: {fine}. Einträge: {checked.entries}, wie vermerkt gelöschte Felder: {checked.erased}.",
            f"Check: {fine}. Entries: {checked.entries}, fields erased as recorded: {checked.erased}."),
        say(f"Unterschrieben bis Eintrag {checked.signed_until}; Kopf {checked.head[:24]}.",
            f"Signed up to entry {checked.signed_until}; head {checked.head[:24]}."),
    )  # fmt: skip
    return Paper("authority", language, say("Unterlagen für die Aufsichtsbehörde", "File for the authority"), (), (
        Section(say("Dokumentation nach Art. 33 Abs. 5", "Record under Art. 33(5)"), *_or_none(table, say)),
        Section(say("Auskunft und Löschung", "Access and erasure"), *_or_none(erased, say)),
        Section(say("Regelwerke", "Policies"), tuple(each[:16] for each in policies) or ("-",)),
        Section(say("Nachweis", "Proof"), proof),
    ))  # fmt: skip


def _or_none(table: Table, say: Say) -> tuple[tuple[str, ...], tuple[Table, ...]]:
    return ((), (table,)) if table.rows else ((say("Keine.", "None."),), ())


def _short(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _extent(evidence: dict[str, object]) -> str:
    return f"{evidence['cases']} / {evidence['rows']} / {evidence['fields']}" if evidence else ""


def trade_secret(month: Month, policy: Policy, checked: Result, language: Language) -> Paper:
    """That secrets were protected (section 2 no. 1(b) GeschGehG): rules, what they did, that it is proven."""
    say = say_in(language)
    chosen = Table(
        (say("Regel", "rule"), say("Aktion", "action"), say("Begründung", "rationale")),
        rows([
            (rule.id, say(words.ACTIONS[rule.action.name], rule.action.name), rule.rationale) for rule in policy.rules
        ]),
        (3, 2, 6),
    )  # fmt: skip
    done = Table(
        (say("Aktion", "action"), say("Art des Empfängers", "class of recipient"), say("Empfänger", "recipients")),
        rows([(*in_words(pair, say), count) for pair, count in merged(month.decisions)]), (2, 3, 1),
    )  # fmt: skip
    head = (
        say(f"Regelwerk {policy.version[:16]}, im Monat {month.first:%Y-%m}.",
            f"Policy {policy.version[:16]}, month {month.first:%Y-%m}."),
        say("Absender erfahren von jeder gehaltenen oder abgewiesenen E-Mail, mit dem Grund und einem anderen Weg.",
            "Senders hear of each mail that is held or rejected, with the reason and another way."),
        say(f"Protokoll geprüft: {checked.entries} Einträge, unterschrieben bis {checked.signed_until}.",
            f"Trail checked: {checked.entries} entries, signed up to {checked.signed_until}."),
    )  # fmt: skip
    title = say("Nachweis angemessener Geheimhaltungsmaßnahmen", "Evidence of appropriate measures of secrecy")
    return Paper("trade-secret", language, title, head, (
        Section(say("Regeln", "Rules"), (), (chosen,)),
        Section(say("Was sie bewirkt haben", "What they did"), (), (done,)),
    ))  # fmt: skip
