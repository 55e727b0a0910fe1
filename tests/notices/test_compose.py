# SPDX-License-Identifier: Apache-2.0
"""Notices are truthful, short, kind and correct mails."""

from __future__ import annotations

import itertools
import re
from datetime import datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from dlpmilter.model.words import Kind, RecipientClass, Relation, Stated
from dlpmilter.notices import compose as room
from dlpmilter.notices import words
from dlpmilter.notices.compose import choose_languages, compose, notice_envelope
from dlpmilter.notices.facts import HeldRecipient, Language, NoticeFacts, NoticeKind, StoredField
from dlpmilter.notices.mark import is_own_notice
from tests.notices.samples import BANNED, KEY, LATER, LETTERHEAD, NOW, OWN_BOX, facts, parsed, plain_of, text_of

LANGUAGES: tuple[Language, ...] = ("de", "en")
BUSINESS = HeldRecipient("info@handel.example", RecipientClass.unknown, Relation.none)
FULL_STORE: tuple[StoredField, ...] = get_args(StoredField)

# What may be switched on or off, and the sentence that belongs to it in each language.
Case = tuple[str, dict[str, Any], dict[str, Any], dict[Language, str]]
HOLD: list[Case] = [
    ("private", {"recipients": (OWN_BOX,)}, {"recipients": (BUSINESS,)},
     {"de": "Wer solche Daten für eigene Zwecke nutzt", "en": "Someone who uses such data"}),
    ("alternatives", {"alternatives": {"de": "das Firmenlaufwerk", "en": "the company drive"}}, {},
     {"de": "Anders lösen: das Firmenlaufwerk", "en": "Use another way: the company drive"}),
    ("reviewer", {"reviewer": {"de": "das Datenschutz-Team", "en": "the privacy team"}}, {},
     {"de": "Einsicht hat nur: das Datenschutz-Team", "en": "Seen only by: the privacy team"}),
    ("works council", {"works_council": "br@firma.example"}, {}, {"de": "br@firma.example", "en": "br@firma.example"}),
    ("dpo", {"dpo": "dsb@firma.example"}, {}, {"de": "dsb@firma.example", "en": "dsb@firma.example"}),
    ("reminder", {"reminder": True}, {}, {"de": "Wir erinnern Sie vorher", "en": "We remind you first"}),
    ("stored", {"stored_fields": FULL_STORE, "stored_days": 180}, {},
     {"de": "Gespeichert:", "en": "Stored:"}),
    ("name", {"person_name": "Anna Beispiel"}, {}, {"de": "Guten Tag Anna Beispiel", "en": "Hello Anna Beispiel"}),
]  # fmt: skip
TOLD = {True: {"de": "Ihre Führungskraft wird informiert", "en": "Your manager is told"},
        False: {"de": "werden nicht informiert", "en": "Your manager and HR are not told"}}  # fmt: skip
OTHERS = {
    "relayed": {"de": "haben wir sie nicht angehalten", "en": "We did not stop it for the other recipients"},
    "delivered": {"de": "haben wir sie weitergegeben", "en": "We passed it on to the other recipients"},
}
UNCHECKED = {"de": "prüft dieses System nicht", "en": "is not checked by this system"}


def _hold_text(language: Language, **changes: Any) -> str:
    filling = room.values(facts(**changes), language)
    return " ".join(room.render("hold.txt", filling, language).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hold_notice_says_nothing_whose_predicate_is_false(language: Language) -> None:
    """In every combination of predicates a sentence stands there exactly when its predicate holds."""
    for switches in itertools.product((True, False), repeat=len(HOLD)):
        changes: dict[str, Any] = {}
        for (_, on, off, _), switched in zip(HOLD, switches, strict=True):
            changes |= on if switched else off
        text = _hold_text(language, **changes)
        for (name, _, _, sentence), switched in zip(HOLD, switches, strict=True):
            assert (sentence[language] in text) is switched, (name, text)
        offices = "Schreiben Sie an" if language == "de" else "write to"
        assert (offices in text) is (switches[3] or switches[4])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("told", [True, False, None])
@pytest.mark.parametrize("others", ["none", "relayed", "delivered"])
@pytest.mark.parametrize("unchecked", [True, False])
@pytest.mark.parametrize("dpo", ["", "dsb@firma.example"])
def test_sentences_with_more_than_two_answers(
    language: Language, told: bool | None, others: str, unchecked: bool, dpo: str
) -> None:
    """Managers, other recipients and unchecked offices are told as they are, or not at all."""
    text = _hold_text(
        language, managers_told=told, dpo=dpo, protected_unchecked=unchecked,
        other_recipients=others != "none", others_delivered=others == "delivered",
    )  # fmt: skip
    for value, sentence in TOLD.items():
        assert (sentence[language] in text) is (told is value)
    for name, sentence in OTHERS.items():
        assert (sentence[language] in text) is (others == name)
    assert (UNCHECKED[language] in text) is (unchecked and bool(dpo))


ADDRESS_WORDS = {
    RecipientClass.freemail: ("privaten Postfach", "private mailbox"),
    RecipientClass.isp: ("privaten Postfach", "private mailbox"),
    RecipientClass.vanity: ("privaten Postfach", "private mailbox"),
    RecipientClass.disposable: ("Wegwerf-Adressen", "throw-away"),
    RecipientClass.alias_relay: ("unbekanntes Postfach", "do not know"),
    RecipientClass.ai_service: ("KI-Dienst", "AI service"),
    RecipientClass.mail_in: ("Notizen, Aufgaben", "notes, tasks"),
    RecipientClass.lookalike: ("Tippfehler", "typing mistake"),
}


@pytest.mark.parametrize("recipient_class", RecipientClass)
@pytest.mark.parametrize("number", [0, 1])
def test_the_address_is_described_as_what_it_is(recipient_class: RecipientClass, number: int) -> None:
    """Each class has its own words, and no notice calls an address private, AI or mistyped that is not."""
    text = words.address_sentence([HeldRecipient("x@y.example", recipient_class)], LANGUAGES[number])
    own = ADDRESS_WORDS.get(recipient_class)
    for phrases in ADDRESS_WORDS.values():
        assert (phrases[number] in text) is (own is not None and phrases[number] == own[number])


def test_own_box_on_an_unlisted_domain_is_called_private() -> None:
    """The relation counts as much as the class; several addresses are not all called private."""
    vanity = HeldRecipient("a@beispiel.example", RecipientClass.unknown, Relation.own_private)
    assert words.address_sentence([vanity], "en") == "The address looks like a private mailbox."
    both = words.address_sentence([vanity, BUSINESS], "en")
    assert both == "One of the addresses looks like a private mailbox."


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("state", ["", "encrypted", "uninspectable"])
@pytest.mark.parametrize("attachments", [0, 1, 3])
@pytest.mark.parametrize("earlier", [True, False])
def test_the_content_is_described_as_far_as_it_was_seen(
    language: Language, kind: Kind, state: str, attachments: int, earlier: bool
) -> None:
    """A forward is named only for a forward, attachments only when they were counted in a readable mail."""
    given = facts(kind=kind, attachments=attachments, earlier_mail=earlier, **({state: True} if state else {}))
    text = words.content_sentences(given, language)
    index = LANGUAGES.index(language)
    forwards = {Kind.forward, Kind.forward_attachment, Kind.resent}
    assert (("gibt eine frühere weiter", "passes on an earlier")[index] in text) is (kind in forwards and not state)
    assert (("automatisch weitergeleitet", "automatically")[index] in text) is (kind is Kind.auto_forward)
    automatic = kind is Kind.auto_forward
    assert (("verschlüsselt", "encrypted")[index] in text) is (state == "encrypted" and not automatic)
    counted = attachments > 0 and not state
    assert bool(re.search(r"Anh[aä]ng|attachment", text)) is counted
    assert ("3" in text) is (counted and attachments == 3)


LONGEST: dict[str, Any] = {
    "person_name": "Maximiliane von Beispiel-Musterfrau",
    "recipients": (OWN_BOX, HeldRecipient("b@y.example", RecipientClass.lookalike), BUSINESS),
    "other_recipients": True,
    "reviewer": {"de": "das Datenschutz-Team", "en": "the privacy team"},
    "alternatives": {
        "de": "Firmenhandy, Freigabe-Ordner oder der Fernzugang; die IT hilft Ihnen dabei",
        "en": "company phone, shared folder or remote access; IT helps you with it",
    },
    "dpo": "dsb@firma.example",
    "works_council": "betriebsrat@firma.example",
    "reporting_office": "meldestelle@firma.example",
    "protected_unchecked": True,
    "managers_told": False,
    "reminder": True,
    "stored_fields": ("sender", "recipient", "times", "rule", "justification", "decision"),
    "stored_days": 180,
    "attachments": 3,
    "answer": "mail-answer+fmex-dsz7-tzjt.abcdefghijklmnopqrstuvwx@firma.example",
    "asked_until": LATER,
    "purpose": "Der Kunde braucht das Angebot heute Abend, und der Fernzugang ist ausgefallen",
    "delete_by": LATER,
    "delivered_at": LATER,
    "decision_reason": "Für diesen Zweck gibt es den Kundenbereich, und dort sind die Daten geschützt",
    "second_look": {"de": "die Datenschutzbeauftragte", "en": "the data protection officer"},
    "content_until": LATER,
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", NoticeKind)
@pytest.mark.parametrize(
    "filling", [{}, LONGEST, LONGEST | {"answer": ""}], ids=["short", "longest", "longest-without-answers"]
)
def test_notices_are_short_and_kind(kind: NoticeKind, language: Language, filling: dict[str, Any]) -> None:
    """At most 230 words in a hold notice and 120 in the others; no banned word, no exclamation mark."""
    text = text_of(compose(kind, facts(**filling), language, letterhead=LETTERHEAD, now=NOW))
    assert len(text.split()) <= (230 if kind is NoticeKind.hold else 120), text
    assert not [word for word in BANNED if word in text.lower()]
    assert "!" not in text
    assert "K7Q2M9" in text
    assert "0711 4000" in text
    assert "None" not in text and ".." not in text and " ." not in text and "( " not in text
    assert "http" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_longest_notice_of_all_stays_short(language: Language) -> None:
    """Everything there is to say, with a link and with answers by mail: 230 words."""
    filling = LONGEST | {"link": "https://dlp.firma.example/c/token"}
    text = text_of(compose(NoticeKind.hold, facts(**filling), language, letterhead=LETTERHEAD, now=NOW))
    assert len(text.split()) <= 230, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_templates_is_kind(language: Language) -> None:
    """The sources themselves hold no banned word, so no branch can."""
    for name in room._templates().list_templates():
        source = (room._templates().loader.get_source(room._templates(), name)[0]).lower()  # type: ignore[union-attr]
        assert not [word for word in BANNED if word in source], name
        assert "!" not in source, name


CLOSING: list[tuple[NoticeKind, str, Any, dict[Language, str]]] = [
    (NoticeKind.approved, "purpose", "Angebot für den Kunden", {"de": "Zweck: Angebot", "en": "Purpose: Angebot"}),
    (NoticeKind.approved, "delete_by", LATER, {"de": "Bitte löschen Sie", "en": "Please delete them by"}),
    (NoticeKind.approved, "delivered_at", LATER, {"de": "wurde am", "en": "was sent on at"}),
    (NoticeKind.hold, "answer", "a+k.x@firma.example", {"de": "mit 1, 2 oder 3 und", "en": "with 1, 2, or 3 and"}),
    (NoticeKind.reminder, "answer", "a+k.x@firma.example", {"de": "Oder antworten Sie mit 1", "en": "Or answer with 1"}),
    (NoticeKind.answered, "answered", "withdraw", {"de": "gebeten, Ihre E-Mail", "en": "you asked to withdraw"}),
    (NoticeKind.answered, "answered", "undone", {"de": "wartet wieder wie vorher", "en": "is waiting again as before"}),
    (NoticeKind.answered, "asked_until", LATER, {"de": "Antworten Sie bis dahin mit 0", "en": "Answer with 0"}),
    (NoticeKind.allowed, "delivered_at", LATER, {"de": "wurde am", "en": "was sent on at"}),
    (NoticeKind.allowed, "stated", Stated.private, {"de": "rein privat", "en": "purely private"}),
    (NoticeKind.allowed, "unread", True, {"de": "Niemand hat sie gelesen.", "en": "Nobody has read it."}),
    (NoticeKind.allowed, "forgotten", True, {"de": "Die Kopie hier wird", "en": "The copy here is deleted"}),
    (NoticeKind.rejected, "decision_reason", "Dafür gibt es den Kundenbereich.",
     {"de": "Grund: Dafür gibt es den Kundenbereich.", "en": "Reason: Dafür gibt es den Kundenbereich."}),
    (NoticeKind.rejected, "alternatives", "das Laufwerk", {"de": "So geht es stattdessen", "en": "What works instead"}),
    (NoticeKind.reminder, "alternatives", "das Laufwerk", {"de": "Was stattdessen geht", "en": "What works instead"}),
    (NoticeKind.expired, "alternatives", "das Laufwerk", {"de": "Falls sie noch wichtig ist", "en": "If it still matters"}),
]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "field", "value", "sentence"), CLOSING)
@pytest.mark.parametrize("given", [True, False])
def test_later_notices_are_bound_to_their_facts_too(
    kind: NoticeKind, field: str, value: object, sentence: dict[Language, str], given: bool, language: Language
) -> None:
    """Purpose, dates, reason and alternatives appear only when they are known."""
    text = text_of(compose(kind, facts(**({field: value} if given else {})), language, letterhead=LETTERHEAD, now=NOW))
    assert (sentence[language] in text) is given


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_second_look_needs_an_end(language: Language) -> None:
    """Nobody is promised a second look without the day until which it is possible."""
    role = {"de": "die Beauftragte", "en": "the officer"}
    marker = {"de": "Sie sehen das anders?", "en": "You see this differently?"}[language]
    for look, until in itertools.product(({}, role), (None, LATER)):
        given = facts(second_look=look, content_until=until)
        text = text_of(compose("rejected", given, language, letterhead=LETTERHEAD, now=NOW))
        assert (marker in text) is bool(look and until)
        assert ("gelöscht" if language == "de" else "deleted") in text


def test_the_mail_is_one_any_server_takes() -> None:
    """ASCII only, CRLF only, lines below 79 octets, quoted-printable, umlauts intact."""
    raw = compose("hold", facts(**LONGEST), ("de", "en"), letterhead=LETTERHEAD, now=NOW)
    assert raw.isascii()
    assert raw.replace(b"\r\n", b"").count(b"\n") == raw.replace(b"\r\n", b"").count(b"\r") == 0
    assert max(map(len, raw.split(b"\r\n\r\n", 1)[1].split(b"\r\n"))) <= 76
    assert max(map(len, raw.split(b"\r\n"))) < 200
    assert {part["Content-Transfer-Encoding"] for part in parsed(raw).iter_parts()} == {"quoted-printable"}
    assert "schützen, zurückholen oder löschen" in text_of(raw)


def test_the_headers_are_complete_and_thread() -> None:
    """Postmaster as sender, stable Message-ID, automatic, marked, and in reply to the held mail."""
    raw = compose("hold", facts(message_id="<a1@client.example>"), "de", letterhead=LETTERHEAD, now=NOW)
    mail = parsed(raw)
    assert mail["From"] == "dlpmilter <postmaster@firma.example>"
    assert mail["To"] == "anna.beispiel@firma.example"
    assert re.fullmatch(r"<K7Q2M9\.hold\.[0-9a-f]{12}@mx\.firma\.example>", mail["Message-ID"])
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["In-Reply-To"] == mail["References"] == "<a1@client.example>"
    assert mail["Date"].datetime == NOW
    assert is_own_notice(mail["X-Dlpmilter-Notice"], KEY)
    assert raw == compose("hold", facts(message_id="<a1@client.example>"), "de", letterhead=LETTERHEAD, now=NOW)


@pytest.mark.parametrize("broken", ["", "a1@client", "<a b@c>", "<a@b>\r\nBcc: x@y.example", "<a@b> <c@d>", "<ä@b>"])
def test_a_broken_message_id_is_left_out(broken: str) -> None:
    """A Message-ID that is not one never reaches our header."""
    raw = compose("hold", facts(message_id=broken), "de", letterhead=LETTERHEAD, now=NOW)
    assert "In-Reply-To" not in parsed(raw)
    assert b"Bcc" not in raw


def test_both_languages_when_the_person_is_unknown() -> None:
    """One mail holds both versions, first the company's first language, each under its heading."""
    raw = compose("hold", facts(), choose_languages(("de", "en")), letterhead=LETTERHEAD, now=NOW)
    text = plain_of(raw).replace("\r\n", "\n")
    assert text.startswith("(English text below.)\n\nGuten Tag")
    assert "\nEnglish\n\nHello" in text
    assert parsed(raw)["Content-Language"] == "de, en"
    assert "wartet noch / Your e-mail is still waiting" in parsed(raw)["Subject"]


@pytest.mark.parametrize(
    ("configured", "person", "chosen"),
    [
        (("de",), None, ("de",)),
        (("de", "en"), None, ("de", "en")),
        (("de", "en"), "en", ("en",)),
        (("de",), "en", ("de",)),
        ((), None, ("en",)),
        (("en", "en"), None, ("en",)),
    ],
)
def test_choice_of_language(
    configured: tuple[Language, ...], person: Language | None, chosen: tuple[Language, ...]
) -> None:
    """A known language stands alone, an unknown one gets every configured language once."""
    assert choose_languages(configured, person) == chosen


def test_times_are_said_in_the_zone_of_the_people() -> None:
    """Date, time and zone of the value that was given, in both languages."""
    when = datetime(2026, 7, 3, 17, 5, tzinfo=ZoneInfo("Europe/Berlin"))
    assert words.moment(when, "de") == "03.07.2026, 17:05 Uhr (CEST)"
    assert words.moment(when, "en") == "3 July 2026, 17:05 (CEST)"


@pytest.mark.parametrize(
    ("days", "de", "en"), [(1, "1 Tag", "1 day"), (30, "1 Monat", "1 month"), (180, "6 Monate", "6 months"),
                           (365, "1 Jahr", "1 year"), (1095, "3 Jahre", "3 years"), (100, "100 Tage", "100 days")],
)  # fmt: skip
def test_periods_are_said_in_usual_units(days: int, de: str, en: str) -> None:
    """Years and months where the number of days is a whole one."""
    assert (words.period(days, "de"), words.period(days, "en")) == (de, en)


def test_many_recipients_are_counted_not_listed() -> None:
    """A notice about forty addresses stays readable."""
    held = tuple(HeldRecipient(f"a{number}@x.example") for number in range(40))
    assert words.recipients(held, "de").endswith("a2@x.example und 37 weitere Adressen")


def test_the_envelope_is_a_null_sender() -> None:
    """Nothing can bounce back; an internationalised address asks for SMTPUTF8 and stays out of the header."""
    sender, recipient = notice_envelope("anna@firma.example")
    assert sender.mailbox.null and not sender.parameters
    assert recipient.mailbox.raw == b"anna@firma.example"
    sender, _ = notice_envelope("ännä@firma.example")
    assert sender.parameters == (("SMTPUTF8", b""),)
    raw = compose("hold", facts(person_address="ännä@firma.example"), "de", letterhead=LETTERHEAD, now=NOW)
    assert raw.isascii()
    assert b"\r\nTo: undisclosed-recipients:;\r\n" in raw


@pytest.mark.parametrize(
    "changes",
    [{"case_id": "a b"}, {"case_id": ""}, {"recipients": ()}, {"received_at": datetime(2026, 1, 1)}],  # noqa: DTZ001
)
def test_facts_that_cannot_be_told_are_refused(changes: dict[str, Any]) -> None:
    """A bad case id, no recipient or a time without a zone is a programming error, said at once."""
    with pytest.raises(ValueError):  # noqa: PT011 - the texts differ
        facts(**changes)


def test_a_hold_without_deadline_is_refused() -> None:
    """The notice may not promise a time that does not exist."""
    with pytest.raises(ValueError, match="deadline"):
        compose("hold", facts(deadline=None), "de", letterhead=LETTERHEAD, now=NOW)


def test_foreign_text_cannot_add_a_paragraph() -> None:
    """Line breaks and control characters in a reason or name stay inside their line."""
    reason = "ja\r\n\r\nVorgang geschlossen\x1b[2J\u2028neu\u202e"
    given: NoticeFacts = facts(decision_reason=reason, person_name="A\r\nBcc: x@y.example")
    body = plain_of(compose("rejected", given, "de", letterhead=LETTERHEAD, now=NOW))
    assert "\n\nVorgang geschlossen" not in body
    assert "\x1b" not in body and "\u202e" not in body
