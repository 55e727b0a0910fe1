# SPDX-License-Identifier: Apache-2.0
"""The words of the simulation report in German and English. Never accuses anybody: it counts mails."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "point": ".",
        "title": "Policy simulation",
        "lead": "What would have happened to the mails of these archives. Nothing was sent, stored or changed.",
        "policy": "Policy tried",
        "against": "Compared with",
        "version": "version",
        "counts_only": "This policy only counts: it holds nothing. `--as-enforced` shows what it would hold.",
        "as_enforced": "All rules were judged as if they were enforced.",
        "content_closed": (
            "Mails whose content a rule would have opened: {count}. Nothing was opened here, so they count as if"
            " nothing was found in them; --content opens them."
        ),
        "content_opened": "Mails whose content a rule asked for: {count}. Each was opened in the sandbox.",
        "mails": "Mails",
        "recipients": "Recipients",
        "held": "Held or rejected",
        "held_before": "Before",
        "newly_held": "Newly held",
        "newly_released": "Newly released",
        "tagged": "Tagged",
        "not_judged": "Not judged",
        "of_mails": "of all mails",
        "gates": "Gates",
        "met": "met",
        "failed": "failed",
        "gate": "Gate",
        "allowed": "Allowed",
        "counted": "Counted",
        "by_class": "By class of recipient",
        "class": "Class",
        "by_rule": "By rule that decided",
        "rule": "Rule",
        "action": "Action",
        "by_week": "By week",
        "week": "Week",
        "share": "Share held",
        "examples": "Mails with a change",
        "examples_held": "Mails that are held or rejected",
        "examples_note": "The first {count} recipients in the order of the archives.",
        "place": "Where it stands",
        "sender": "Sender",
        "recipient": "Recipient",
        "now": "Now",
        "method": "How to read this",
        "method_text": (
            "Sender and recipients are taken from the headers (Return-Path or From; To, Cc, Bcc): an archive has no"
            " envelope. A mail counts as held when at least one recipient is held or rejected. Who wrote first is not"
            " known, so replies to private persons may be judged more strictly than in real use. Weeks follow the"
            " Date field."
        ),
        "none": "none",
        "unknown": "unknown",
        "relay": "relay",
        "tag": "tag",
        "rewrite": "rewrite",
        "hold": "hold",
        "reject": "reject",
        "no-case": "no rule",
        "not-a-mail": "file that is not a mail",
        "not-readable": "not readable",
        "too-big": "over the size limit",
        "ended-the-worker": "ended the process that read it",
        "failed-mail": "could not be judged",
        "no-recipient": "mail without a recipient in its headers",
        "judge-failed": "judged without its content, because the judge broke",
        "timed-out": "judged without its content, because reading it took too long",
        "content-not-opened": "judged without its attachments, because opening them failed or took too long",
    },
    "de": {
        "point": ",",
        "title": "Probelauf der Richtlinie",
        "lead": "Was mit den Mails dieser Archive geschehen wäre. Nichts wurde verschickt, gespeichert oder geändert.",
        "policy": "Erprobte Richtlinie",
        "against": "Verglichen mit",
        "version": "Version",
        "counts_only": "Diese Richtlinie zählt nur: Sie hält nichts an. `--as-enforced` zeigt, was sie anhalten würde.",
        "as_enforced": "Alle Regeln wurden so geprüft, als wären sie in Kraft.",
        "content_closed": (
            "Mails, deren Inhalt eine Regel geöffnet hätte: {count}. Hier wurde nichts geöffnet; sie zählen so, als"
            " wäre nichts in ihnen gefunden worden. Mit --content werden sie geöffnet."
        ),
        "content_opened": (
            "Mails, nach deren Inhalt eine Regel gefragt hat: {count}. Jede wurde abgeschottet geöffnet (Sandbox)."
        ),
        "mails": "Mails",
        "recipients": "Empfänger",
        "held": "Angehalten oder abgewiesen",
        "held_before": "Vorher",
        "newly_held": "Neu angehalten",
        "newly_released": "Neu frei",
        "tagged": "Markiert",
        "not_judged": "Nicht geprüft",
        "of_mails": "aller Mails",
        "gates": "Grenzen",
        "met": "eingehalten",
        "failed": "überschritten",
        "gate": "Grenze",
        "allowed": "Erlaubt",
        "counted": "Gezählt",
        "by_class": "Nach Klasse des Empfängers",
        "class": "Klasse",
        "by_rule": "Nach der Regel, die entschied",
        "rule": "Regel",
        "action": "Aktion",
        "by_week": "Nach Woche",
        "week": "Woche",
        "share": "Anteil angehalten",
        "examples": "Mails, bei denen sich etwas ändert",
        "examples_held": "Mails, die angehalten oder abgewiesen werden",
        "examples_note": "Die ersten {count} Empfänger in der Reihenfolge der Archive.",
        "place": "Fundstelle",
        "sender": "Absender",
        "recipient": "Empfänger",
        "now": "Jetzt",
        "method": "So ist das zu lesen",
        "method_text": (
            "Absender und Empfänger stammen aus den Kopfzeilen (Return-Path oder From; To, Cc, Bcc): Ein Archiv hat"
            " keinen Umschlag. Eine Mail gilt als angehalten, wenn mindestens ein Empfänger angehalten oder abgewiesen"
            " wird. Wer zuerst geschrieben hat, ist nicht bekannt; Antworten an Privatpersonen können hier strenger"
            " geprüft sein als im Betrieb. Die Wochen folgen dem Feld Date."
        ),
        "none": "keine",
        "unknown": "unbekannt",
        "relay": "durchlassen",
        "tag": "markieren",
        "rewrite": "ändern",
        "hold": "anhalten",
        "reject": "abweisen",
        "no-case": "keine Regel",
        "not-a-mail": "Datei, die keine Mail ist",
        "not-readable": "nicht lesbar",
        "too-big": "größer als erlaubt",
        "ended-the-worker": "beendete den lesenden Prozess",
        "failed-mail": "konnte nicht geprüft werden",
        "no-recipient": "Mail ohne Empfänger in den Kopfzeilen",
        "judge-failed": "ohne Inhalt geprüft, weil die Prüfung abbrach",
        "timed-out": "ohne Inhalt geprüft, weil das Lesen zu lange dauerte",
        "content-not-opened": "ohne Anhänge geprüft, weil das Öffnen nicht gelang oder zu lange dauerte",
    },
}
