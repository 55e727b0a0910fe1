# SPDX-License-Identifier: Apache-2.0
"""The monthly report, one for compliance, DPO and works council. Never a person, a ranking, a number under five."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.privacy import words
from dlpmilter.privacy.figures import Month, merged, shown
from dlpmilter.privacy.paper import Language, Paper, Say, Section, Table, rows, say_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpmilter.audit.checking import Result
    from dlpmilter.policy.schema import Policy
    from dlpmilter.privacy.inventory import Store

_ENDS = {
    "released": ("zugestellt nach Freigabe", "delivered after approval"),
    "rejected": ("nicht freigegeben", "not approved"),
    "withdrawn": ("zurückgezogen", "withdrawn"),
    "expired": ("Frist abgelaufen", "expired"),
    "returned": ("ins eigene Dienstpostfach", "to the own business mailbox"),
    "sealed": ("als Beleg gesichert", "kept as evidence"),
    "release-failed": ("nicht zustellbar", "not deliverable"),
    "": ("andere", "others"),
}  # fmt: skip


def monthly(month: Month, policy: Policy, stores: Sequence[Store], checked: Result, language: Language) -> Paper:
    """One month in one language."""
    say = say_in(language)
    name = f"{month.first:%Y-%m}"
    return Paper(
        "monthly", language, say(f"Monatsbericht {name}", f"Monthly report {name}"),
        (say("Ohne Personen und ohne Rangfolgen. Zahlen unter fünf werden zusammengefasst oder nicht gezeigt.",
             "No persons and no rankings. Numbers under five are merged or not shown."),),
        (_decisions(month, say), _ends(month, say), _people(month, say), _rules(month, policy, say),
         _stores(stores, checked, say)),
    )  # fmt: skip


def in_words(pair: tuple[str, str] | str, say: Say) -> tuple[str, str]:
    """Action and class of a row of figures; "" is the merged rest."""
    if not isinstance(pair, tuple):
        return say("andere", "others"), say("andere", "others")
    return say(words.ACTIONS[pair[0]], pair[0]), pair[1]


def _decisions(month: Month, say: Say) -> Section:
    table = Table(
        (say("Aktion", "action"), say("Art des Empfängers", "class of recipient"), say("Empfänger", "recipients")),
        rows([(*in_words(pair, say), count) for pair, count in merged(month.decisions)]),
        (2, 3, 1),
    )
    return Section(
        say("Entscheidungen des Filters", "Decisions of the filter"),
        _nothing(table, say),
        (table,) if table.rows else (),
    )


def _nothing(table: Table, say: Say) -> tuple[str, ...]:
    return () if table.rows else (say("Keine.", "None."),)


def _ends(month: Month, say: Say) -> Section:
    table = Table(
        (say("Ausgang", "outcome"), say("Vorgänge", "cases")),
        rows([(say(*_ENDS[name]), number) for name, number in merged(month.ends)]), (4, 1),
    )  # fmt: skip
    reasons = Table(
        (say("angegebener Grund", "reason given"), say("Vorgänge", "cases")),
        rows([(name or say("andere", "others"), n) for name, n in merged(month.reasons)]), (4, 1),
    )  # fmt: skip
    few = say("zu wenige für eine Angabe", "too few to say")
    half, most = (
        few if hours is None else say(f"{hours:.1f} h".replace(".", ","), f"{hours:.1f} h")
        for hours in (month.median_hours, month.most_hours)
    )
    lines = (
        say(f"Entscheidungszeit: die Hälfte bis {half}, 95 von 100 bis {most}.",
            f"Time to decide: half within {half}, 95 of 100 within {most}."),
        say(f"Ohne Not gehalten (freigegeben nach R3, R4, R7): {shown(month.false_holds)}.",
            f"Held without need (released as R3, R4, R7): {shown(month.false_holds)}."),
        say(f"Freigaben, bei denen die Betroffenen noch nicht informiert sind: {shown(month.uninformed)}.",
            f"Approvals whose people concerned are not informed yet: {shown(month.uninformed)}."),
        say(f"Ungeklärte Verantwortung: {shown(month.undetermined)}. Bestätigte Löschungen: {shown(month.attested)}.",
            f"Controller undetermined: {shown(month.undetermined)}. Deletions attested: {shown(month.attested)}."),
    )  # fmt: skip
    return Section(
        say("Was daraus wurde", "What became of them"), lines, tuple(each for each in (table, reasons) if each.rows)
    )


def _people(month: Month, say: Say) -> Section:
    looks = sum(month.openings.values())
    unmasked = sum(month.unmaskings.values())
    lines = (
        say(f"Inhalte geöffnet: {shown(looks)}. Jede Öffnung sieht die Person selbst in ihrem Vorgang.",
            f"Content opened: {shown(looks)}. The person sees each opening in the own case."),
        say(f"Aufdeckungen durch zwei Stellen: {shown(unmasked)}.", f"Unmaskings by two offices: {shown(unmasked)}."),
        say(f"Anfragen nach Art. 15 und 17: {month.requests} eingegangen, {month.requests_answered} beantwortet.",
            f"Requests under Art. 15 and 17: {month.requests} received, {month.requests_answered} answered."),
        say(f"Vorgänge nach Art. 33: {month.breaches}, davon {month.breaches_late} mit verspäteter Meldung.",
            f"Files under Art. 33: {month.breaches}, {month.breaches_late} of them told late."),
        say(f"Absprachen in Kraft: {month.consents['agreement']}, Ausnahmen: {month.consents['exemption']}.",
            f"Agreements in force: {month.consents['agreement']}, exemptions: {month.consents['exemption']}."),
    )  # fmt: skip
    return Section(say("Menschen und ihre Rechte", "People and their rights"), lines)


def _rules(month: Month, policy: Policy, say: Say) -> Section:
    versions = ", ".join(each[:12] for each in month.policies) or "-"
    lines = (
        say(f"Regelwerke, die im Monat entschieden haben: {versions}. In Kraft: {policy.version[:12]}.",
            f"Policies that decided in this month: {versions}. In force: {policy.version[:12]}."),
    )  # fmt: skip
    return Section(say("Regelwerk", "Policy"), lines)


def _stores(stores: Sequence[Store], checked: Result, say: Say) -> Section:
    late = [each for each in stores if each.overdue]
    table = Table(
        (say("Speicher", "store"), say("Anzahl", "count"), say("überfällig", "overdue")),
        rows([(each.name, each.count, each.overdue) for each in late]), (4, 1, 1),
    )  # fmt: skip
    fine = say("in Ordnung", "fine") if checked.ok else f"{checked.kind}: {checked.problem}"
    lines = (
        say(f"Prüfung des Protokolls: {fine}; {checked.entries} Einträge, {checked.erased} Felder wie vermerkt "
            f"gelöscht.",
            f"Check of the trail: {fine}; {checked.entries} entries, {checked.erased} fields erased as recorded."),
        say(f"Unterschrieben bis Eintrag {checked.signed_until}.", f"Signed up to entry {checked.signed_until}."),
        say("Nichts ist überfällig.", "Nothing is overdue.") if not late else
        say("Überfällig ist:", "Overdue:"),
    )  # fmt: skip
    return Section(say("Aufbewahrung und Nachweis", "Retention and proof"), lines, (table,) if late else ())
