# SPDX-License-Identifier: Apache-2.0
"""The German of what the inventory says in English, and of a few words in reports. Never a sentence of its own.

A test asks for the German of every store, so none can be forgotten.
"""

from __future__ import annotations

import re

_HOLDS = {
    "cases: sender, owner, subject while held, form": "Vorgänge: Absender, Betreff solange gehalten, Formular",
    "held recipients and who decides": "gehaltene Empfänger und wer entscheidet",
    "who approved what": "wer was freigegeben hat",
    "who asked to open evidence": "wer einen Beleg öffnen wollte",
    "held mail and notices, encrypted in pieces": "gehaltene E-Mails und Mitteilungen, verschlüsselt",
    "mail we owe": "E-Mails, die noch zugestellt werden",
    "to whom we owe it": "an wen",
    "keyed hashes of mails, to know a retry": "Prüfwerte von E-Mails, um Wiederholungen zu erkennen",
    "who was told about which case": "wer zu welchem Vorgang eine Mitteilung bekam",
    "who gets a digest about which cases": "wer eine Sammelmitteilung bekommt",
    "releases on their way": "Freigaben unterwegs",
    "to whom they may go": "an wen sie gehen dürfen",
    "keyed hashes: mails to private mailboxes, for the counter": "Prüfwerte: E-Mails an private Postfächer, zum Zählen",
    "keyed hashes: registered rows a private mailbox got": "Prüfwerte: registrierte Zeilen, die ein Postfach bekam",
    "keyed hashes: who wrote first": "Prüfwerte: wer zuerst geschrieben hat",
    "keyed hashes: who writes here": "Prüfwerte: wer hierher schreibt",
    "agreements and exemptions": "Absprachen und Ausnahmen",
    "keyed hashes and sealed addresses of own private mailboxes": "Prüfwerte und versiegelte eigene private Adressen",
    "names of customer registers": "Namen von Kundenregistern",
    "keyed hashes of customers' addresses": "Prüfwerte von Kundenadressen",
    "accounts of the portal": "Konten des Portals",
    "who is signed in": "wer angemeldet ist",
    "links and keys for signing in": "Links und Schlüssel zur Anmeldung",
    "requests, unmaskings, breaches, sealed": "Anfragen, Aufdeckungen, Datenpannen, versiegelt",
    "policies that judged, without people": "Regelwerke, ohne Personen",
    "signed checkpoints, without people": "unterschriebene Prüfpunkte, ohne Personen",
    "hashes of the tree": "Prüfwerte des Baums",
    "where the sweep and the trail stand": "Stand von Löschlauf und Protokoll",
    "keys of the trail's personal fields, one a case": "Schlüssel der Personenfelder, einer je Vorgang",
    "fields of the trail: facts, and personal fields under those keys": "Felder: Fakten und Personenfelder",
    "keyed hashes: which field names whom": "Prüfwerte: welches Feld wen nennt",
    "the order of events, without people": "Reihenfolge der Ereignisse, ohne Personen",
    "held mail, notices and releases on their way: their keys": "Schlüssel gehaltener E-Mails und Mitteilungen",
    "outcomes the database could not take": "Ergebnisse, die die Datenbank nicht annahm",
    "keyed indexes of registered data": "Prüfwerte registrierter Daten",
    "who works here": "wer hier arbeitet",
    "events for a SIEM": "Ereignisse für ein SIEM",
}
_KEPT = {
    "with its case": "mit dem Vorgang", "with its key": "mit dem Schlüssel", "with the mail": "mit der E-Mail",
    "with the mark": "mit der Freigabe", "with the register": "mit dem Register", "with the field": "mit dem Feld",
    "until the next one": "bis zur nächsten", "until the mark ends": "bis die Freigabe endet",
    "until taken back": "bis sie zurückgenommen werden", "until replaced or removed": "bis ersetzt oder entfernt",
    "until taken away": "bis sie entzogen werden", "until they end": "bis sie enden", "three years": "drei Jahre",
    "as long as the trail": "so lange wie das Protokoll", "always": "immer",
    "until it takes them": "bis sie sie annimmt",
    "some hours after the case ended (hold.retention)": "einige Stunden nach dem Ende (hold.retention)",
    "as long as it is named in [directory]": "solange sie in [directory] steht",
    "by logrotate and the SIEM, not by dlpmilter": "durch logrotate und SIEM, nicht durch dlpmilter",
}  # fmt: skip
_NUMBERED = (
    (r"(\d+) days", r"\1 Tage"), (r"(\d+) hours", r"\1 Stunden"), (r"(\d+) years", r"\1 Jahre"),
    (r"(\d+) days at most", r"höchstens \1 Tage"), (r"(\d+) days after the content went", r"\1 Tage nach dem Inhalt"),
    (r"(\d+) days after they ended", r"\1 Tage nach ihrem Ende"),
    (r"(\d+) days when it stayed, (\d+) when it left", r"\1 Tage wenn nicht gesendet, \2 wenn gesendet"),
    (r"(\d+) days when it stayed, (\d+) when it left; (\d+) under a legal hold",
     r"\1 Tage wenn nicht gesendet, \2 wenn gesendet; \3 angehalten"),
    (r"facts (\d+) days, personal fields with their key", r"Fakten \1 Tage, Personenfelder mit ihrem Schlüssel"),
)  # fmt: skip
ACTIONS = {"relay": "durchgelassen", "tag": "gekennzeichnet", "rewrite": "geändert", "hold": "gehalten",
           "reject": "abgewiesen"}  # fmt: skip
MODES = {"count": "zählen", "advise": "hinweisen", "enforce": "durchsetzen"}
PRIVATE_USE = {"forbidden": "untersagt", "tolerated": "geduldet", "allowed": "erlaubt"}


def holds_in_german(text: str) -> str:
    """What lies in a store. Raises KeyError for what has no German yet."""
    return _HOLDS[text]


def kept_in_german(text: str) -> str:
    """How long it is kept. Raises KeyError for what has no German yet."""
    for pattern, german in _NUMBERED:
        if match := re.fullmatch(pattern, text):
            return match.expand(german)
    return _KEPT[text]
