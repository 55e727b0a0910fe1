# SPDX-License-Identifier: Apache-2.0
"""The reasons a sender may give, R1 to R11, in plain words. Never says what follows from one: that is the workflow's.

Source: domain.md section 6. deploy/relayhost.md shows the same table.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Words(NamedTuple):
    """One reason in both languages; not the policy's type, because `--help` must not load its libraries."""

    de: str
    en: str


REASONS: dict[str, Words] = {
    "R1": Words("Gerät oder IT ist ausgefallen", "A device or our IT does not work"),
    "R2": Words("Arbeit unterwegs oder zu Hause", "Work on the way or at home"),
    "R3": Words(
        "Der Empfänger ist Kunde, Bewerber, Patient oder Mitglied",
        "The recipient is a customer, applicant, patient or member",
    ),
    "R4": Words(
        "Eigene Unterlage (Lohnabrechnung, Vertrag, Zeugnis, Buchung)",
        "A document of my own (payslip, contract, certificate, booking)",
    ),
    "R5": Words(
        "Beweis zum eigenen Schutz; wird aufbewahrt, nie gesendet", "Evidence to protect myself; it is kept, never sent"
    ),
    "R6": Words(
        "Meldung, Beschwerde, Rechtsrat, Gewerkschaft, Betriebsrat; kein Text nötig",
        "A report, complaint, legal advice, union, works council; no text needed",
    ),
    "R7": Words("Rein privat", "Purely private"),
    "R8": Words("Falscher Empfänger; bitte zurückziehen", "Wrong recipient; please withdraw it"),
    "R9": Words(
        "Externer Partner mit privater Adresse (freie Mitarbeit, Ehrenamt, Rat)",
        "An outside partner with a private address (freelancer, volunteer, council member)",
    ),
    "R10": Words(
        "Hilfsmittel (E-Reader, Notizen, KI) zur Arbeitserleichterung",
        "A tool that makes work easier (e-reader, notes, AI)",
    ),
    "R11": Words("Anderer Grund, oder ich weiß es nicht", "Another reason, or I do not know"),
}


def known(code: str) -> str:
    """The code as it is recorded. Raises ValueError, which names all of them, for any other text."""
    if (found := code.strip().upper()) in REASONS:
        return found
    raise ValueError(f"{code[:40]!r} is not a reason code; known are\n{table()}\nChoose the nearest; R11 is any other")


def table(language: Literal["de", "en"] = "en") -> str:
    """One line a code."""
    german = language == "de"
    return "\n".join(f"  {code:<4} {words.de if german else words.en}" for code, words in REASONS.items())
