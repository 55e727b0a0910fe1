# SPDX-License-Identifier: Apache-2.0
"""Own documents: reported when the sender is the only person, never when anybody or anything else is in it."""

from __future__ import annotations

import pytest

from dlpmilter.detect.own import OwnPerson
from dlpmilter.model.content import Extract
from tests.detect.shipped import detectors

ANNA = OwnPerson(("Berger, Anna", "Anna Berger"), ("anna.berger@firma.example", "anna@berger.example"))
PAYSLIP = (
    "Entgeltabrechnung März 2026\nFrau Anna Berger\nPersonalnummer 4711, Steuerklasse 1, geb. 12.03.1985\n"
    "Gesamtbrutto 4.200,00 EUR, Auszahlungsbetrag 2.700,00 EUR\nIBAN DE89 3704 0044 0532 0130 00\nKirchensteuer 24,00 EUR"
)
OWN_DOCUMENTS = {
    "payslip": PAYSLIP,
    "contract": "Arbeitsvertrag zwischen der Firma GmbH und Frau Anna Berger, wohnhaft Lindenweg 3, 80331 München.",
    "certificate": "Certificate of completion\nThis is to certify that Anna Maria Berger took part in the course.",
    "ticket": "Online-Ticket\nReisende: Berger, Anna\nMünchen - Köln, 3. Mai. Fragen? service@bahn.example",
    "signed contract": "Arbeitsvertrag der Firma GmbH mit Frau Anna Berger, wohnhaft Lindenweg 3, geb. 12.03.1985.\n"
    "Die Vergütung beträgt 4.200,00 EUR brutto im Monat und wird am letzten Werktag gezahlt.\nfür die Firma: Thomas Thielke",
    "booking": "Booking confirmation for Ms Anna Berger, contact anna@berger.example",
}
NOT_OWN = {
    "colleague's payslip": PAYSLIP.replace("Anna Berger", "Petra Kern"),
    "two people": f"{PAYSLIP}\nHerr Kern bekommt 4.100,00 EUR.",
    "two accounts": f"{PAYSLIP}\nKonto AT61 1904 3002 3457 3201",
    "address of another": f"{PAYSLIP}\nRückfragen an petra.kern@firma.example",
    "list of names": f"{PAYSLIP}\nKern, Petra;4100\nMaier, Jens;3900\n",
    "two birth dates": f"{PAYSLIP}\ngeb. 01.02.1990",
    "password": f"{PAYSLIP}\nPasswort: Herbst!2025",
    "marking": f"{PAYSLIP}\nSTRENG VERTRAULICH",
    "calculation": f"{PAYSLIP}\nKalkulation: Deckungsbeitrag 5.000,00 EUR, Marge 12 %, Stückkosten 3,00 EUR",
    "no such document": "Frau Anna Berger, anbei die Unterlagen zum Projekt.",
    "name only once": "Entgeltabrechnung\nBerger, Personalnummer 4711",
    "relative beside her": f"{PAYSLIP}\nKinderfreibetrag für Herrn Ines Berger",
    "birth date of another, without a title": PAYSLIP.replace(", geb. 12.03.1985", "")
    + "\n"
    + "Hinweise zur Abrechnung stehen auf der Rückseite. " * 3
    + "\nErika Muster, geboren am 01.02.1990",
    "pay of another": f"{PAYSLIP}\n"
    + "Hinweise stehen auf der Rückseite. " * 3
    + "\nPeter Maier verdient 5.100,00 EUR.",
    "other person with her surname": PAYSLIP.replace("Anna Berger", "Ines Berger"),
}


def own(text: str, person: OwnPerson | None = ANNA, more: str = "") -> bool:
    """Whether `own-document` is found."""
    extracts = [Extract("1", "text/plain", text=text)] + [Extract("2", "text/plain", text=more)] * bool(more)
    return any(each.detector == "own-document" for each in detectors().scan(extracts, person))


@pytest.mark.parametrize("kind", OWN_DOCUMENTS)
def test_own_documents_are_known(kind: str) -> None:
    """Payslip, contract, certificate, ticket and booking of the sender are his own."""
    assert own(OWN_DOCUMENTS[kind])


@pytest.mark.parametrize("kind", NOT_OWN)
def test_anything_else_in_it_and_it_is_not_own(kind: str) -> None:
    """A second person, account, address, a credential or a secret, or a missing name ends it."""
    assert not own(NOT_OWN[kind])


def test_another_part_counts() -> None:
    """An own payslip beside a list of customers is not an own document."""
    assert own(PAYSLIP, more="Guten Abend, anbei meine Abrechnung.")
    assert not own(PAYSLIP, more="Frau Petra Kern, petra.kern@kunde.example, DE44500105175407324931")


def test_nobody_known_nothing_own() -> None:
    """Without a person, with a nameless one or with one word as a name there is no answer."""
    assert not own(PAYSLIP, None)
    assert not own(PAYSLIP, OwnPerson((), ANNA.addresses))
    assert not own(PAYSLIP, OwnPerson(("Berger",), ()))


def test_it_takes_nothing_away() -> None:
    """All other findings stay as they are, whoever sends."""
    extract = [Extract("1", "text/plain", text=PAYSLIP)]
    with_own = [each for each in detectors().scan(extract, ANNA) if each.detector != "own-document"]
    assert tuple(with_own) == detectors().scan(extract, None)
