# SPDX-License-Identifier: Apache-2.0
"""Sentences around made-up identifiers, contacts and secrets: what each detector must find and must leave alone."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import dataclass

from tests.detect import identifiers as make
from tests.detect.identifiers import Maker, digits, letters, spoil_last

ALNUM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True)
class Vector:
    """One text; `wanted` says whether the detector must find something in it."""

    detector: str
    text: str
    wanted: bool


NAMED = (
    "{word}: {value}",
    "{word} {value}",
    "Ihre {word} lautet {value}, bitte prüfen Sie das.",
    "Guten Tag,\n\nwie besprochen die {word}:\n{value}\n\nMit freundlichen Grüßen",
    "Bitte übernehmen Sie {value} ({word}) in die Akte.",
    "Please note the {word} {value} for the file.",
    "{word} = {value}; status ok",
    "* {word}\n  {value}",
    "Hallo, unsere {word} {value}. Danke!",
    "The {word} is {value}.",
)
BARE = (
    "Wir haben {value} notiert.",
    "{value}",
    "Siehe {value}, Seite 3.",
    "Attached: {value} as agreed on 12 May.",
    "Müller\t{value}\tKöln",
    "({value})",
)

# id -> maker, maker of wrong ones, words of the context; the second "bare" says whether it is found without them.
IDENTIFIERS: dict[str, tuple[Maker, Maker, tuple[str, ...], bool]] = {
    "iban": (make.iban, make.iban_wrong, ("IBAN", "Bankverbindung", "Konto", "account"), True),
    "payment-card": (make.card, spoil_last(make.card), ("Kartennummer", "Kreditkarte", "card number", "Visa"), True),
    "de-tax-id": (make.de_tax_id, spoil_last(make.de_tax_id), ("Steuer-ID", "Steueridentifikationsnummer", "IdNr", "tax ID"), True),
    "de-social-insurance": (make.de_social, spoil_last(make.de_social), ("Sozialversicherungsnummer", "SV-Nummer", "Rentenversicherungsnummer"), True),
    "de-health-insurance": (make.de_health, spoil_last(make.de_health), ("KVNR", "Krankenversichertennummer", "Versichertennummer"), True),
    "de-id-card": (make.de_id_card, make.de_id_card_wrong, ("Personalausweis", "Ausweisnummer", "Personalausweisnummer", "identity card"), False),
    "de-passport": (make.de_passport, make.de_passport_wrong, ("Reisepass", "Reisepassnummer", "Pass-Nr", "passport number"), False),
    "mrz": (make.mrz, make.mrz_wrong, ("Ausweis", "MRZ"), True),
    "de-licence-plate": (make.plate, make.plate_wrong, ("Kennzeichen", "Kfz-Kennzeichen", "Dienstwagen", "vehicle"), False),
    "at-social-insurance": (make.at_social, spoil_last(make.at_social), ("Sozialversicherungsnummer", "SVNR", "SV-Nummer"), False),
    "ch-ahv": (make.ch_ahv, spoil_last(make.ch_ahv), ("AHV-Nummer", "AHV-Nr", "AVS"), True),
    "fr-nir": (make.fr_nir, spoil_last(make.fr_nir), ("NIR", "numéro de sécurité sociale", "sécurité sociale"), True),
    "it-fiscal-code": (make.it_fiscal, make.it_fiscal_wrong, ("codice fiscale", "Steuernummer", "fiscal code"), True),
    "es-nif": (make.es_nif, make.es_nif_wrong, ("DNI", "NIE", "NIF"), True),
    "nl-bsn": (make.nl_bsn, spoil_last(make.nl_bsn), ("BSN", "burgerservicenummer"), False),
    "pl-pesel": (make.pl_pesel, spoil_last(make.pl_pesel), ("PESEL", "numer PESEL"), True),
    "uk-nino": (make.uk_nino, make.uk_nino_wrong, ("National Insurance", "NINO", "NI number"), True),
    "uk-nhs": (make.uk_nhs, spoil_last(make.uk_nhs), ("NHS number", "NHS no"), False),
    "us-ssn": (make.us_ssn, make.us_ssn_wrong, ("SSN", "Social Security number"), False),
    "be-national-number": (make.be_number, spoil_last(make.be_number), ("rijksregisternummer", "numéro national", "Nationalregisternummer"), False),
    "dk-cpr": (make.dk_cpr, make.dk_cpr_wrong, ("CPR", "CPR-nr"), False),
    "se-personnummer": (make.se_number, spoil_last(make.se_number), ("personnummer", "Personennummer"), False),
    "no-fodselsnummer": (make.no_number, spoil_last(make.no_number), ("fødselsnummer", "Personennummer"), False),
    "fi-hetu": (make.fi_hetu, make.fi_hetu_wrong, ("henkilötunnus", "hetu"), True),
    "cz-rodne-cislo": (make.cz_number, spoil_last(make.cz_number), ("rodné číslo", "Geburtsnummer"), False),
    "ie-pps": (make.ie_pps, make.ie_pps_wrong, ("PPS number", "PPSN"), False),
    "pt-nif": (make.pt_nif, spoil_last(make.pt_nif), ("NIF", "contribuinte"), False),
    "ro-cnp": (make.ro_cnp, spoil_last(make.ro_cnp), ("CNP", "cod numeric personal"), True),
}  # fmt: skip


def _phone(r: random.Random) -> str:
    mobile, size = r.choice([("151", 8), ("170", 7), ("171", 7), ("172", 7), ("175", 7), ("176", 8), ("179", 7)])
    body = f"{r.randint(2, 9)}{digits(r, size - 1)}"
    return r.choice([
        f"+49 {mobile} {body}", f"0{mobile} {body}", f"0{mobile}/{body}", f"0049 {mobile} {body}", f"+49 (0){mobile} {body}",
        f"+49 89 {r.randint(2, 9)}{digits(r, 6)}", f"089 / {r.randint(2, 9)}{digits(r, 6)}", f"(030) {r.randint(2, 9)}{digits(r, 6)}",
        f"+43 664 {digits(r, 7)}", f"+41 79 {r.randint(200, 999)} {digits(r, 2)} {digits(r, 2)}", f"+44 20 7946 {digits(r, 4)}",
        f"+33 6 {r.randint(10, 69)} {digits(r, 2)} {digits(r, 2)} {digits(r, 2)}", f"+1 212-{r.randint(200, 999)}-{digits(r, 4)}",
    ])  # fmt: skip


def _no_phone(r: random.Random) -> str:
    return r.choice([
        f"Rechnung {r.randint(10_000, 99_999_999)}", f"{r.randint(1, 28)}.{r.randint(1, 12)}.{r.randint(1990, 2030)}", f"Art. 4711-{digits(r, 6)}",
        f"{r.randint(1, 99)}.{digits(r, 3)},{digits(r, 2)} EUR", f"+999 {digits(r, 9)}", f"192.168.{r.randint(0, 255)}.{r.randint(1, 254)}",
        f"Bestellung 2024/{digits(r, 6)}", f"Version 10.{r.randint(0, 99)}.{r.randint(0, 99)}", f"ISBN 978-3-{digits(r, 5)}-{digits(r, 3)}-{digits(r, 1)}",
    ])  # fmt: skip


def _mailbox(r: random.Random) -> str:
    name = r.choice(
        [
            "anna.berger",
            "j.doe",
            "max_muster",
            "info",
            "k-h.schulz",
            "a.b+news",
            "office2",
            "o'neil"[:2] + "neil",
            "vertrieb.nord",
        ]
    )
    return f"{name}{r.choice(['', str(r.randint(1, 99))])}@{r.choice(['example.com', 'firma.example.org', 'mail.kunde.de', 'x-y.co.uk', 'muster.museum', 'a1.at'])}"


def _no_mailbox(r: random.Random) -> str:
    return r.choice(
        [
            "anna at example.com",
            "@handle",
            "user@",
            "a@b",
            "foo@bar@",
            "name@-bad-.de",
            "git@",
            f"pkg@{r.randint(1, 9)}.{r.randint(0, 9)}.{r.randint(0, 9)}",
            "@media screen",
            "3 @ 5 EUR",
            "root@localhost",
            "x@y.1",
        ]
    )


def _birth(r: random.Random) -> str:
    when = make.day(r)
    shape = r.choice(["%d.%m.%Y", "%d.%m.%y", "%Y-%m-%d", "%d/%m/%Y", "{d}.{m}.{y}", "%d %B %Y", "%B %d, %Y"])
    return when.strftime(shape).format(d=when.day, m=when.month, y=when.year)


def _address(r: random.Random) -> str:
    street = r.choice(
        [
            "Musterstraße",
            "Hauptstr.",
            "Lange Straße",
            "Am Markt",
            "Bahnhofsweg",
            "Rosenallee",
            "Goetheplatz",
            "Unter den Linden",
            "Lindenweg",
            "An der Aue",
        ]
    )
    city = r.choice(["München", "Berlin", "Köln", "Wien", "Bern", "Hamburg", "Frankfurt am Main"])
    return r.choice([
        f"{street} {r.randint(1, 199)}{r.choice(['', 'a', ' b'])}{r.choice([', ', chr(10)])}{r.randint(10_000, 99_998)} {city}",
        f"{r.randint(1, 250)} {r.choice(['High', 'Station', 'Church', 'Park'])} {r.choice(['Street', 'Road', 'Lane', 'Avenue'])}{r.choice([', ', chr(10)])}London SW1A {r.randint(1, 9)}AA",
        f"{r.randint(1, 2500)} {r.choice(['Maple', 'Oak', 'Main'])} {r.choice(['Street', 'Ave', 'Drive'])}, Springfield, IL {r.randint(10_000, 99_999)}",
    ])  # fmt: skip


def _no_address(r: random.Random) -> str:
    return r.choice([
        f"Auf dem Weg {r.randint(1, 9)} neue Ideen, wie {r.randint(10_000, 99_999)} zeigt", "auf dem Platz 3 der Liste", f"Seite {r.randint(1, 9)} von {r.randint(10, 99)}",
        "Street food market in town", "the way 3 people went", f"Hauptstr. wird gesperrt, Umleitung {r.randint(1, 9)} km", "Ring 3 des Protokolls, 12 Punkte",
    ])  # fmt: skip


def _b64(data: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data, separators=(",", ":")).encode()).decode().rstrip("=")


def _jwt(r: random.Random) -> str:
    head = _b64({"alg": r.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"})
    return f"{head}.{_b64({'sub': digits(r, 10), 'iat': r.randint(10**9, 2 * 10**9)})}.{letters(r, 43, ALNUM + '_-')}"


def _no_jwt(r: random.Random) -> str:
    return r.choice(
        [
            f"eyJ{letters(r, 20, ALNUM)}",
            f"eyJ{letters(r, 12, 'abcdef')}.{letters(r, 20, 'ghij')}.{letters(r, 20, 'klm')}",
            "abc.def.ghi",
            "eyJhbGciOiJIUzI1NiJ9",
        ]
    )


def _token(r: random.Random) -> str:
    return r.choice([
        f"AKIA{letters(r, 16, make.UPPER + '234567')}", f"ghp_{letters(r, 36, ALNUM)}", f"github_pat_{letters(r, 22, ALNUM)}_{letters(r, 59, ALNUM)}",
        f"glpat-{letters(r, 20, ALNUM)}", f"xoxb-{digits(r, 12)}-{digits(r, 13)}-{letters(r, 24, ALNUM)}", f"sk_live_{letters(r, 24, ALNUM)}",
        f"AIza{letters(r, 35, ALNUM)}", f"npm_{letters(r, 36, ALNUM)}", f"pypi-AgEIcHlwaS5vcmc{letters(r, 60, ALNUM)}", f"SG.{letters(r, 22, ALNUM)}.{letters(r, 43, ALNUM)}",
        f"AccountKey={letters(r, 86, ALNUM)}==", f"https://hooks.slack.com/services/T{letters(r, 8, make.UPPER)}/B{letters(r, 8, make.UPPER)}/{letters(r, 24, ALNUM)}",
        f"hf_{letters(r, 34, ALNUM)}", f"ya29.{letters(r, 60, ALNUM)}", f"GOCSPX-{letters(r, 28, ALNUM)}", f"sk-proj-{letters(r, 48, ALNUM)}", f"dckr_pat_{letters(r, 27, ALNUM)}",
    ])  # fmt: skip


def _no_token(r: random.Random) -> str:
    return r.choice([
        "AKIAIOSFODNN7EXAMPLE", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "sk_live_your_key_here_please", "AKIA", f"sk-{digits(r, 4)}", "npm_install_all",
        f"glpat-{letters(r, 5, ALNUM)}", f"commit {letters(r, 40, '0123456789abcdef')}", f"{letters(r, 8, 'abcdef0123456789')}-1234-4abc-8def-{letters(r, 12, 'abcdef0123456789')}",
        "xoxb-your-token-here", "SG.example.key", "AIzaSyEXAMPLEexampleEXAMPLEexample12345", "pypi-<token>",
    ])  # fmt: skip


def _password(r: random.Random) -> str:
    chosen = r.choice(
        [
            "Sommer2024!",
            "Winter_23",
            "geheim#77",
            "Tr0ub4dor&3",
            "x9K!mmp2",
            "Passw0rd!",
            "Hund-Katze-88",
            f"Start{digits(r, 4)}!",
            letters(r, 12, ALNUM) + "1aB",
        ]
    )
    return r.choice(
        [
            "Passwort: {}",
            "Password: {}",
            "Ihr Kennwort lautet: {}",
            "password={}",
            "PW ist klar, Passwort = {}",
            "passwd: {}",
            "DB_PASSWORD={}",
            "Das Passwort ist {}",
            "pwd: {}",
            "Zugang: admin\nKennwort: {}",
        ]
    ).format(chosen)


def _no_password(r: random.Random) -> str:
    return r.choice([
        "Passwort: siehe Brief", "Password: required", "Passwort vergessen?", "password: ********", "Kennwort: folgt per SMS", "Password: <your password>", "Das Passwort ist abgelaufen.",
        "password = getpass.getpass()", "Passwort: bitte ändern", "the password is not valid", "password: ${DB_PASSWORD}", "Ihr Passwort lautet wie bisher", "pwd: changeme-please", "passwd: files systemd",
    ])  # fmt: skip


def _key(r: random.Random) -> str:
    kind = r.choice(["RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED ", "DSA "])
    lines = "\n".join(letters(r, 64, ALNUM + "+/") for _ in range(r.randint(3, 12)))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


def _no_key(r: random.Random) -> str:
    return r.choice([
        "-----BEGIN PRIVATE KEY-----", "-----BEGIN PUBLIC KEY-----\n" + letters(r, 64, ALNUM) + "\n-----END PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----\n" + letters(r, 64, ALNUM),
        "The file starts with -----BEGIN RSA PRIVATE KEY----- and then", "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----", "-----BEGIN PGP SIGNATURE-----\n" + letters(r, 64, ALNUM),
    ])  # fmt: skip


def _connection(r: random.Random) -> str:
    secret = letters(r, r.randint(8, 16), ALNUM)
    return r.choice(
        [
            "postgresql://app:{}@db.intern:5432/crm",
            "mysql://root:{}@10.0.0.5/shop",
            "mongodb+srv://svc:{}@cluster0.example.net",
            "https://deploy:{}@git.example.com/repo.git",
            "redis://:{}@cache:6379/0",
            "amqp://bus:{}@mq.example.org",
        ]
    ).format(secret)


def _no_connection(r: random.Random) -> str:
    return r.choice(
        [
            "postgresql://app@db.intern/crm",
            "https://example.com/a:b@c",
            "http://user:password@host",
            "mysql://root:<password>@db",
            "https://example.com:8443/path",
            "amqp://${USER}:${PASS}@mq",
            "mailto:a@example.com",
        ]
    )


OTHERS: dict[str, tuple[Maker, Maker, tuple[str, ...], bool]] = {
    "phone": (_phone, _no_phone, ("Telefon", "Mobil", "phone"), True),
    "email-address": (_mailbox, _no_mailbox, ("E-Mail", "contact"), True),
    "date-of-birth": (_birth, lambda r: f"{r.randint(32, 39)}.{r.randint(13, 19)}.19{digits(r, 2)}", ("geb.", "geboren am", "Geburtsdatum", "date of birth", "DOB"), False),
    "postal-address": (_address, _no_address, ("Anschrift", "Adresse", "address"), True),
    "jwt": (_jwt, _no_jwt, ("Token", "Authorization: Bearer"), True),
    "api-token": (_token, _no_token, ("Schlüssel", "key"), True),
    "password": (_password, _no_password, ("Zugang", "Login"), True),
    "private-key": (_key, _no_key, ("Schlüssel", "key file"), True),
    "connection-string": (_connection, _no_connection, ("Datenbank", "DSN"), True),
}  # fmt: skip


def vectors(detector: str, count: int = 200) -> list[Vector]:
    """`count` texts with a right value and as many with a wrong one, the same at every call."""
    good, bad, words, bare = {**IDENTIFIERS, **OTHERS}[detector]
    r = random.Random(f"vectors of {detector}")
    found = []
    for number in range(count):
        for maker, wanted in ((good, True), (bad, False)):
            shape = r.choice(BARE if bare and number % 2 else NAMED)
            found.append(Vector(detector, shape.format(word=r.choice(words), value=maker(r)), wanted))
    return found


ALL = (*IDENTIFIERS, *OTHERS)
