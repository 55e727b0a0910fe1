# SPDX-License-Identifier: Apache-2.0
"""Papers made from the live configuration: Art. 30 entry, works-council statement, DPIA appendix, two packs.

Every sentence follows from configuration, policy or the product itself; never a promise beyond that, nor a name.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from dlpmilter.audit.retention import CHAIN_YEARS
from dlpmilter.holds.sweep import periods_of
from dlpmilter.model.words import Mode
from dlpmilter.privacy import words
from dlpmilter.privacy.paper import Language, Paper, Section, Table, rows, say_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpmilter.config import Config
    from dlpmilter.policy.schema import Governance, Policy
    from dlpmilter.privacy.inventory import Store


def statement_hash(paper: Paper) -> str:
    """What a works council acknowledges: the SHA-256 of the statement as data."""
    data = json.dumps(paper.as_dict(), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(data.encode()).hexdigest()


def spoken(stores: Sequence[Store], language: Language) -> list[tuple[str, str, str]]:
    """Name, content and time of each store, in words of this language."""
    if language == "en":
        return [(each.name, each.holds, each.kept) for each in stores]
    return [(each.name, words.holds_in_german(each.holds), words.kept_in_german(each.kept)) for each in stores]


def _governance(policy: Policy) -> Governance:
    if policy.governance is None:
        raise ValueError("the policy has no governance block, so nobody is named who answers for it")
    return policy.governance


def art30(policy: Policy, stores: Sequence[Store], language: Language) -> Paper:
    """The entry for the record of processing activities (Art. 30(1) GDPR)."""
    say, found, kept = say_in(language), _governance(policy), periods_of(policy)
    agreement = found.works_agreement.reference
    pairs = [
        (say("Bezeichnung", "Name"), say("Schutz ausgehender E-Mail (dlpmilter)", "Protection of outbound mail "
            "(dlpmilter)")),
        (say("Verantwortlicher", "Controller"), found.employer),
        (say("Datenschutz", "DPO"), f"{found.dpo_name}, {found.dpo_address}"),
        (say("Zwecke", "Purposes"), say(
            "Sicherheit der Verarbeitung (Art. 32), Rechenschaft (Art. 5 Abs. 2), Schutz von Geheimnissen; keine "
            "Leistungs- oder Verhaltenskontrolle",
            "security of processing (Art. 32), accountability (Art. 5(2)), secrecy; no control of performance "
            "or conduct")),
        (say("Rechtsgrundlage", "Legal basis"), say(
            f"Art. 6 Abs. 1 lit. f, c mit Art. 32 DSGVO; Betriebsvereinbarung: {agreement}",
            f"Art. 6(1)(f), (c) with 32 GDPR; works agreement: {agreement}")),
        (say("Betroffene", "Data subjects"), say(
            "Beschäftigte, die E-Mails senden; Empfänger; Personen, die in gehaltenen E-Mails vorkommen",
            "staff who send mail; recipients; persons who appear in held mail")),
        (say("Empfänger", "Recipients"), say("Prüfstellen: ", "Reviewers: ") + ", ".join(
            say(each.title.de or each.name, each.title.en or each.name) for each in found.pools)),
        (say("Drittland", "Third country"), say("keine Übermittlung durch das System", "no transfer by the system")),
        (say("Löschfristen", "Time limits"), say(
            f"Personen im Protokoll {kept.withheld.days} Tage (nicht gesendet) oder {kept.released.days} Tage "
            f"(gesendet), "
            f"Fakten {kept.facts.days} Tage, Reihenfolge {CHAIN_YEARS} Jahre; alles Weitere unten",
            f"persons in the trail {kept.withheld.days} days (not sent) or {kept.released.days} days (sent), facts "
            f"{kept.facts.days} days, order {CHAIN_YEARS} years; the rest below")),
        (say("Technische und organisatorische Maßnahmen", "Technical and organisational measures"), say(
            "gehaltene E-Mails und Personenfelder verschlüsselt, ein Schlüssel je Vorgang; Vier-Augen-Prinzip; "
            "signiertes Protokoll; Rollen ohne Rang; Inhalte nur stufenweise und mit Vermerk",
            "held mail and personal fields encrypted, one key a case; four eyes; signed trail; roles without rank; "
            "content only step by step and on record")),
    ]  # fmt: skip
    categories = Table(
        (say("Speicher", "store"), say("Inhalt", "content"), say("Frist", "kept")),
        rows(spoken(stores, language)), (2, 4, 4),
    )  # fmt: skip
    main = Table((say("Angabe", "item"), say("Inhalt", "content")), rows(pairs), (2, 5))
    title = say(
        "Verzeichnis von Verarbeitungstätigkeiten (Art. 30 DSGVO)", "Record of processing activities (Art. 30 GDPR)"
    )
    return Paper("art30", language, title, (), (
        Section(say("Eintrag", "Entry"), (), (main,)),
        Section(say("Kategorien und Fristen", "Categories and time limits"), (), (categories,)),
    ))  # fmt: skip


def works_council(config: Config, policy: Policy, stores: Sequence[Store], language: Language) -> Paper:
    """What is recorded and what is not, from the configuration as it is now."""
    say, found, kept = say_in(language), _governance(policy), periods_of(policy)
    recorded = [
        say("E-Mails, auf die eine Regel zutrifft und die gekennzeichnet, gehalten oder abgewiesen werden: Absender, "
            "Empfänger, Zeit, Regel, Begründung, Entscheidung",
            "mail that a rule matches and that is tagged, held or rejected: sender, recipient, time, rule, "
            "reason, decision"),
        say("wer einen Vorgang angesehen, geöffnet oder entschieden hat",
            "who looked at a case, opened its content or decided it"),
    ]  # fmt: skip
    if config.trail.events_personal:
        recorded.append(say("Ereignisse mit Namen gehen an das SIEM", "events with names go to the SIEM"))
    absent = say(
        "E-Mails ohne Regel-Treffer, Inhalte, Betreffzeilen nach Abschluss, private und eigene Unterlagen, Post an "
        "geschützte Stellen; Arbeitszeiten; Rangfolgen. Keine Leistungs- oder Verhaltenskontrolle, keine Auswertung "
        "nach Namen außer nach Aufdeckung durch zwei verschiedene Stellen.",
        "mail without a rule hit, content, subject lines after the end, private and own documents, mail to protected "
        "offices; working hours; rankings. No control of performance or conduct, no evaluation by name but after "
        "unmasking by two different offices.")  # fmt: skip
    told = say("erfahren davon", "are told") if found.managers_told else say("erfahren davon nichts", "are not told")
    modes = {rule.mode for rule in policy.rules}
    holding = say("hält E-Mails", "holds mail") if Mode.enforce in modes else say("hält nichts", "holds nothing")
    rules = Table(
        (say("Regel", "rule"), say("Titel", "title"), say("Aktion", "action"), say("Modus", "mode")),
        rows([(r.id, say(r.title.de or r.id, r.title.en or r.id), say(words.ACTIONS[r.action.name], r.action.name),
               say(words.MODES[r.mode.value], r.mode.value)) for r in policy.rules]),
        (3, 4, 2, 2),
    )  # fmt: skip
    times = Table((say("Speicher", "store"), say("Inhalt", "content"), say("Frist", "kept")),
                  rows(spoken(stores, language)), (2, 4, 4))  # fmt: skip
    head = (
        say(f"{found.employer}: Das System {holding}. Vorgesetzte und Personalabteilung {told}.",
            f"{found.employer}: the system {holding}. Managers and HR {told}."),
        say(f"Regelwerk {policy.version[:12]}. Private Nutzung: {words.PRIVATE_USE[found.private_use]}.",
            f"Policy {policy.version[:12]}. Private use: {found.private_use}."),
    )  # fmt: skip
    counted = say(
        "Zahl und Umfang der Sendungen je Absender an private Postfächer, verschlüsselt, höchstens 30 Tage.",
        "Number and size of mails a sender sends to private mailboxes, as keyed hashes, for 30 days at "
        "most.")  # fmt: skip
    limits = say(
        f"Personen: {kept.withheld.days} Tage (nicht gesendet), {kept.released.days} Tage (gesendet). "
        f"Fakten ohne Personen: {kept.facts.days} Tage.",
        f"Persons: {kept.withheld.days} days (not sent), {kept.released.days} days (sent). Facts without persons: "
        f"{kept.facts.days} days.")  # fmt: skip
    return Paper("works-council", language, say("Erklärung für den Betriebsrat", "Statement for the works "
        "council"), head, (
        Section(say("Aufgezeichnet wird", "What is recorded"), tuple(recorded)),
        Section(say("Nicht aufgezeichnet wird", "What is not recorded"), (absent,)),
        Section(say("Gezählt wird", "What is counted"), (counted,)),
        Section(say("Fristen", "Time limits"), (limits,), (times,)),
        Section(say("Regeln", "Rules"), (), (rules,)),
    ))  # fmt: skip


def dpia(policy: Policy, stores: Sequence[Store], language: Language) -> Paper:
    """The appendix for the impact assessment (Art. 35): flow, necessity, risks to staff and others, measures."""
    say, found = say_in(language), _governance(policy)
    flow = (
        say("Der Mailserver übergibt jede ausgehende E-Mail. Ohne Regel-Treffer geht sie weiter, nichts wird "
            "gespeichert. "
            "Sonst wird je Empfänger entschieden; Gehaltenes liegt verschlüsselt bis zu einer Entscheidung von "
            "Menschen.",
            "The mail server hands over each outbound mail. Without a rule hit it goes on and nothing is "
            "stored. Else each "
            "recipient is decided on; what is held lies encrypted until people decide."),
        say("Ohne Modell, das lernt: Regeln und Muster, deren Fassung in jedem Eintrag steht. Keine Bewertung "
            "von Personen, "
            "keine Erkennung von Gefühlen.",
            "No model that learns: rules and patterns whose version stands in each entry. No score of persons, no "
            "recognition of emotions."),
        say("Keine Ablehnung nur durch das System, wenn jemand widerspricht (Art. 22): Menschen sehen noch einmal hin.",
            "No refusal by the system alone when somebody objects (Art. 22): people look again."),
    )  # fmt: skip
    less = say(
        "Private Adressen ganz zu sperren träfe Kunden und Bewerber; Regeln ohne Inhalt hielten zu viel. "
        "Deshalb wird der "
        "Inhalt nur angesehen, wenn eine Regel für einen privaten Empfänger ihn braucht.",
        "Blocking private addresses would hit customers and applicants; rules without content would hold too much. So "
        "content is looked at only when a rule about a private recipient needs it.")  # fmt: skip
    risks = Table((say("Risiko", "risk"), say("Maßnahme", "measure"), say("Nachweis", "shown by")), rows([
        (say("Gefühl der Überwachung", "feeling watched"), say("kein Eintrag ohne Treffer, keine Rangfolge, "
            "Betroffene sehen alles",
         "no entry without a hit, no ranking, people see all of it"), "audit/fields.py, privacy inventory"),
        (say("Fehlurteil", "misjudgement"), say("Mensch entscheidet, zweiter Blick, Frist mit Erinnerung",
         "people decide, a second look, a deadline with reminders"), "holds/states.py"),
        (say("Neugier oder Missbrauch durch Admins", "curiosity or misuse by admins"), say("Inhalte "
            "verschlüsselt, jede Öffnung vermerkt, Aufdeckung nur zu zweit",
         "content encrypted, each opening on record, unmasking by two"), "audit verify, privacy unmask"),
        (say("Hinweisgeber werden sichtbar", "whistleblowers become visible"), say("geschützte Stellen "
            "ungeprüft und ohne Eintrag",
         "protected offices uninspected and unrecorded"), "policy: protected"),
        (say("Dritte in gehaltenen E-Mails", "third persons in held mail"), say("Löschung Stunden nach "
            "Abschluss, Auskunft und Löschung auf Anfrage",
         "deletion hours after the end, access and erasure on request"), "privacy access, erase"),
    ]), (2, 4, 2))  # fmt: skip
    head = (say(f"Zur Folgenabschätzung {found.dpia_reference} vom {found.dpia_date}.",
                f"Belongs to the impact assessment {found.dpia_reference} of {found.dpia_date}."),)  # fmt: skip
    times = [(name, kept) for name, _, kept in spoken(stores, language)]
    kept = Table((say("Speicher", "store"), say("Frist", "kept")), rows(times), (2, 5))
    return Paper("dpia", language, say("Anhang zur Folgenabschätzung", "Appendix to the impact assessment"), head, (
        Section(say("Ablauf", "Flow"), flow),
        Section(say("Notwendigkeit und mildere Mittel", "Necessity and lesser means"), (less,)),
        Section(say("Risiken und Maßnahmen", "Risks and measures"), (), (risks,)),
        Section(say("Fristen", "Time limits"), (), (kept,)),
        Section(say("Restrisiko", "What remains"), (say(
            "Wer Datenbank und Schlüssel zugleich hat, kann Gehaltenes lesen. Was vor dem letzten Prüfpunkt "
            "außerhalb liegt, "
            "kann auch er nicht unbemerkt ändern.",
            "Whoever has database and key together can read held mail. What lies before the last checkpoint "
            "kept elsewhere "
            "not even they can change unnoticed."),)),
    ))  # fmt: skip
