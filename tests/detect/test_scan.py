# SPDX-License-Identifier: Apache-2.0
"""What a scan reports: golden texts, places, counts, tables, spellings that hide, limits."""

from __future__ import annotations

import itertools
import random

import pytest

from dlpmilter.detect.budget import CHUNK
from dlpmilter.detect.scan import DetectorSet
from dlpmilter.detect.views import HEADER_TYPE
from dlpmilter.model.content import Extract, Table
from dlpmilter.model.detector import TOO_MANY, Context, DetectorSpec
from dlpmilter.model.limits import Limits
from dlpmilter.model.verdict import Finding
from tests.detect.identifiers import nl_bsn
from tests.detect.shipped import counts, detectors

IBAN = "DE89 3704 0044 0532 0130 00"
THIRD = nl_bsn(random.Random(7)).replace(" ", "").replace(".", "")
GOLDEN = {
    "Bitte überweisen Sie auf DE89 3704 0044 0532 0130 00 und AT61 1904 3002 3457 3201.": {"iban": 2},
    "Frau Berger ist seit 3. Mai krankgeschrieben, Diagnose: F32.1, Depression. Die Krankmeldung liegt bei.": {
        "health": 3, "health-record": 1, "diagnosis-code": 1,
    },
    "Herr Weiß, geb. am 12.03.1961, Diagnose: Diabetes, Verdacht auf Herzinfarkt": {
        "date-of-birth": 1, "patient-record": 1, "health": 3,
    },
    "Our colleague Ms Carter was diagnosed with cancer and starts chemotherapy in June.": {"health": 3},
    "Gehalt Herr Maier ab 1.1.: 5.400 EUR brutto, Bonus 3.000 EUR": {"pay": 2},
    "Salary of Mr Jones: GBP 54,000, bonus GBP 3,000.": {"pay": 2},
    "Herr Kern wurde wegen Betrug verurteilt, das Führungszeugnis liegt vor.": {"criminal": 3},
    "Mr Stone has a criminal record and was convicted of fraud.": {"criminal": 3},
    "Kollege Ali ist Gewerkschaftsmitglied und konfessionslos.": {"union": 1, "religion": 1},
    "Bewerberin Frau Sommer: Lebenslauf und Zeugnisse, Gehaltsvorstellung liegt bei": {"applicant": 4},
    "STRENG VERTRAULICH\nKalkulation Projekt X: Materialgemeinkosten 8 %, Deckungsbeitrag 12.000,00 EUR, Marge 14 %": {
        "confidential-marker": 1, "calculation": 4,
    },
    "Preisliste 2026\nArtikelnummer 1 Nettopreis 12,50 EUR Staffelpreis ab 100 Stück 11,00 EUR": {"price-sheet": 4},
    "Login wie besprochen\nPasswort: Herbst!2025": {"password": 1},
    # Ordinary talk that names the same things.
    "Newsletter Gesundheit: Depression, Burnout und Diabetes - neue Therapie, mehr Krankenhaus-Betten, Krebs vorbeugen.": {},
    "Die Gewerkschaft verhandelt mit den Arbeitgebern. Die Kirche lädt zum Konzert.": {},
    "Wir zahlen ein gutes Gehalt und einen Bonus.": {},
    "Diese E-Mail ist vertraulich und nur für den Empfänger bestimmt.": {},
    "This message is confidential and intended for the addressee only.": {},
    "Rechnung 2025-004711, Auftrag 8842199, Kundennummer 1234567890, Summe 1.234,56 EUR": {},
    "Bitte das Passwort ändern. Password: required. Das Passwort ist abgelaufen.": {},
    "The court fined the company; prosecutors indicted two firms for fraud.": {},
}  # fmt: skip


@pytest.mark.parametrize("text", GOLDEN, ids=lambda text: text[:40])
def test_golden_texts(text: str) -> None:
    """German and English sentences give the findings beside them and no other."""
    assert counts(text) == GOLDEN[text]


@pytest.mark.parametrize(
    "spelt",
    [
        IBAN.replace(" ", ""),
        IBAN.replace(" ", "\u200b"),
        IBAN.replace(" ", "\u00a0"),
        IBAN.replace(" ", "-"),
        IBAN.replace(" ", "\u2011"),
        IBAN.replace(" ", "\r\n"),
        IBAN.replace("0", "0\u00ad"),
        "".join(chr(ord(each) + 0xFEE0) if each.isalnum() else each for each in IBAN),
        IBAN.translate({ord("0") + number: 0x0660 + number for number in range(10)}),
        IBAN.lower().replace(" ", ""),
        f"x\u200b{IBAN}\u200bx",
    ],
    ids=ascii,
)
def test_spellings_that_hide_are_read(spelt: str) -> None:
    """Invisible characters, odd spaces and dashes, wide and foreign digits, line ends change nothing."""
    assert counts(f"Konto {spelt} bitte").get("iban") == 1


def test_one_value_counts_once_in_a_mail() -> None:
    """The same account in text and HTML and twice in a file is one; counts add up to distinct values."""
    other = "GB33BUKB20201555555555"
    extracts = [
        Extract("1.1", "text/plain", text=f"{IBAN} {IBAN.replace(' ', '')}"),
        Extract("1.2", "text/html", text=IBAN, hidden=f"{other} {IBAN}"),
        Extract("2", "text/csv", name="a.csv", text=other),
    ]
    found = [each for each in detectors().scan(extracts) if each.detector == "iban"]
    assert found == [
        Finding("iban", 1, 0.95, "1.1", "text"),
        Finding("iban", 1, 0.95, "1.2", "hidden"),
    ]


def test_each_place_is_named() -> None:
    """Text, hidden text, header, name, table and label are told apart."""
    scan = detectors().scan
    assert scan([Extract("1", HEADER_TYPE, text=f"X-Note: {IBAN}")])[0].place == "header"
    assert scan([Extract("1", "text/plain", hidden=IBAN)])[0].place == "hidden"
    assert scan([Extract("1", "text/plain", name=f"Konto_{IBAN.replace(' ', '')}.pdf")])[0].place == "name"
    assert scan([Extract("1", "a/b", tables=(Table((("Konto", IBAN),), 1),))])[0].place == "table"
    label = scan([Extract("1", "a/b", labels=("Streng Vertraulich",))])
    assert [(each.detector, each.place) for each in label] == [("sensitivity-label", "labels")]
    assert scan([Extract("1", "a/b", labels=("Public",))]) == ()


def test_a_column_head_is_context() -> None:
    """A number that only counts beside its name counts in a column that bears the name, whatever the row."""
    rows = (("Name", "BSN", "Ort"), *(("Jansen", each, "Utrecht") for each in ("111222333", "123456782")))
    long = (
        rows[0],
        *rows[1:],
        *((f"Name {number}" * 20, "x", "y") for number in range(200)),
        ("Bos", THIRD, "Ede"),
    )
    for table, wanted in ((rows, 2), (long, 3)):
        found = detectors().scan([Extract("1", "text/csv", tables=(Table(table, len(table)),))])
        assert {each.detector: each.count for each in found} == {"nl-bsn": wanted}
    elsewhere = (("BSN", "Name", "Ort"), *long[3:-1], ("Bos", "Ede", THIRD))
    assert detectors().scan([Extract("1", "text/csv", tables=(Table(elsewhere, len(elsewhere)),))]) == ()


def test_edges_of_chunks_hide_nothing() -> None:
    """A value is found wherever it stands in a long text."""
    for offset in range(CHUNK - 30, CHUNK + 5, 3):
        text = "wort " * ((offset + 4) // 5)
        text = f"{text[: offset - 1]} {IBAN} Passwort: Sommer#2024 a.b@example.com " + "wort " * 4000
        found = counts(text)
        assert (found.get("iban"), found.get("password"), found.get("email-address")) == (1, 1, 1), offset


def test_the_order_of_parts_does_not_matter() -> None:
    """Any order of the same extracts gives the same findings."""
    extracts = [
        Extract("2", "text/plain", text=f"{IBAN} a@example.com"),
        Extract("1", "text/plain", text="a@example.com und b@example.com"),
        Extract("3", "text/plain", text=f"Konto {IBAN}"),
    ]
    answers = {detectors().scan(list(each)) for each in itertools.permutations(extracts)}
    assert len(answers) == 1


def test_too_many_candidates_are_a_finding() -> None:
    """A text with more candidates than may be checked says so, and what was found before stays."""
    few = DetectorSet(
        (DetectorSpec("digits", "Ziffern", "Digits", ("personal",), (r"\b\d{4}\b",)),), Limits(detector_candidates=20)
    )
    found = few.scan([Extract("1", "text/plain", text=" ".join(map(str, range(1000, 1100))))])
    assert [(each.detector, each.part, each.place) for each in found] == [
        ("digits", "1", "text"),
        (TOO_MANY, "1", "text"),
    ]
    assert found[0].count == 10


def test_minimum_and_distance_count() -> None:
    """Two different words within the distance are a finding; one word twice, or two far apart, are none."""
    spec = DetectorSpec("pair", "Paar", "Pair", ("special",), words=("alpha", "beta*"), minimum=2, within=50)
    scan = DetectorSet((spec,)).scan
    assert scan([Extract("1", "t", text="alpha und betas")])[0].count == 2
    assert scan([Extract("1", "t", text="alpha alpha")]) == ()
    assert scan([Extract("1", "t", text="beta betas")]) == ()
    assert scan([Extract("1", "t", text=f"alpha {'x ' * 40} beta")]) == ()


def test_context_raises_confidence() -> None:
    """A context word near the value makes it surer, one far away does not."""
    spec = DetectorSpec(
        "code", "Code", "Code", ("personal",), (r"\bK\d{5}\b",), context=Context(("kunde", "customer number"), 20),
        confidence=0.3, confidence_context=0.9,
    )  # fmt: skip
    scan = DetectorSet((spec,)).scan
    assert scan([Extract("1", "t", text="K12345")])[0].confidence == 0.3
    assert scan([Extract("1", "t", text="Kunde: K12345")])[0].confidence == 0.9
    assert scan([Extract("1", "t", text="customer-number K12345")])[0].confidence == 0.9
    assert scan([Extract("1", "t", text=f"Kunde {'x ' * 20} K12345")])[0].confidence == 0.3


def test_findings_hold_no_text() -> None:
    """Nothing of a value is in what a scan returns."""
    found = detectors().scan([Extract("1", "text/plain", text=f"{IBAN} Passwort: Herbst!2025 a.b@example.com")])
    assert found
    assert not any(piece in repr(found) for piece in ("3704", "Herbst", "example.com"))


def test_groups_and_digest() -> None:
    """Each detector has its groups; the digest changes with any definition and not with their order."""
    one = DetectorSpec("one", "Eins", "One", ("personal",), ("abc",))
    two = DetectorSpec("two", "Zwei", "Two", ("secret", "marker"), ("abd",))
    assert DetectorSet((one, two)).groups == {"one": ("personal",), "two": ("secret", "marker")}
    assert DetectorSet((one, two)).digest == DetectorSet((two, one)).digest != DetectorSet((one,)).digest
