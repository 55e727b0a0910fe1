# SPDX-License-Identifier: Apache-2.0
"""Golden table of own_private: who writes, from which address, to which mailbox, and what it must be."""

from __future__ import annotations

import pytest

from dlpmilter.engine.relations import relate
from dlpmilter.model.verdict import Sender
from dlpmilter.model.words import RecipientClass, Relation

FREE, ISP, VANITY = RecipientClass.freemail, RecipientClass.isp, RecipientClass.vanity
UNKNOWN, BUSINESS = RecipientClass.unknown, RecipientClass.business
ALIAS, AI, MAIL_IN = RecipientClass.alias_relay, RecipientClass.ai_service, RecipientClass.mail_in

OWN = [
    # display name, own address, recipient, class
    ("Anna Berger", "anna.berger@corp.example", "anna.berger@gmx.de", FREE),
    ("Anna Berger", "a.berger@corp.example", "annaberger@gmx.de", FREE),
    ("Anna Berger", "a.berger@corp.example", "anna_berger84@web.de", FREE),
    ("Anna Berger", "a.berger@corp.example", "berger.anna@t-online.de", ISP),
    ("Anna Berger", "a.berger@corp.example", "bergeranna@gmail.com", FREE),
    ("Anna Berger", "info@corp.example", "anna.m.berger@gmail.com", FREE),
    ("Anna Berger", "x17@corp.example", "anna.berger+work@gmail.com", FREE),
    ("Anna Berger", "x17@corp.example", "a.berger@gmx.net", FREE),
    ("Anna Berger", "x17@corp.example", "aberger77@gmx.net", FREE),
    ("Anna Berger", "x17@corp.example", "berger.a@gmx.net", FREE),
    ("Anna Berger", "x17@corp.example", "bergera@gmx.net", FREE),
    ("Anna Berger", "x17@corp.example", "berger84@gmx.net", FREE),
    ("Anna Berger", "x17@corp.example", "familie.berger@gmx.net", FREE),
    ("Anna Berger", "x17@corp.example", "familieberger@gmx.net", FREE),
    ("Anna Berger", "x17@corp.example", "anna.b@gmx.net", FREE),
    ("Anna Berger", "x17@corp.example", "anna-b84@gmx.net", FREE),
    ("Berger, Anna", "x17@corp.example", "anna.berger@gmx.de", FREE),
    ("BERGER Anna", "x17@corp.example", "a.berger@gmx.de", FREE),
    ("Dr. Anna Berger", "x17@corp.example", "dr.anna.berger@gmx.de", FREE),
    ("Prof. Dr. med. Anna Berger, MBA", "x17@corp.example", "anna.berger@gmx.de", FREE),
    ("Anna Berger (Vertrieb)", "x17@corp.example", "annaberger1984@yahoo.de", FREE),
    ("Anna Berger | Corp GmbH", "x17@corp.example", "annaberger@yahoo.de", FREE),
    ("Anna Berger - Corp GmbH", "x17@corp.example", "annaberger@yahoo.de", FREE),
    ("Anna Berger via Teams", "x17@corp.example", "annaberger@yahoo.de", FREE),
    ("Jörg Müller", "x17@corp.example", "joerg.mueller@gmx.de", FREE),
    ("Jörg Müller", "x17@corp.example", "jorg.muller@gmail.com", FREE),
    ("Joerg Mueller", "x17@corp.example", "jorg.muller@gmail.com", FREE),
    ("Jörg Müller", "x17@corp.example", "j.mueller@gmx.de", FREE),
    ("Jörg Müller", "x17@corp.example", "jmueller1970@gmx.de", FREE),
    ("Jürgen Groß", "x17@corp.example", "juergen.gross@gmx.de", FREE),
    ("René Lefèvre", "x17@corp.example", "rene.lefevre@orange.fr", ISP),
    ("Łukasz Wójcik", "x17@corp.example", "lukasz.wojcik@wp.pl", FREE),
    ("Anna-Lena Berger-Voss", "x17@corp.example", "annalena.voss@gmx.de", FREE),
    ("Anna-Lena Berger-Voss", "x17@corp.example", "anna.berger@gmx.de", FREE),
    ("Anna-Lena Berger-Voss", "x17@corp.example", "lena.bergervoss@gmx.de", FREE),
    ("Alexander Thielke", "x17@corp.example", "alex.thielke@gmx.de", FREE),
    ("Katharina Thielke", "x17@corp.example", "kathi.thielke@gmx.de", FREE),
    ("Thomas Thielke", "x17@corp.example", "tom_thielke@gmx.de", FREE),
    ("Michael Thielke", "x17@corp.example", "michithielke@gmx.de", FREE),
    ("Karl-Heinz von der Heide", "x17@corp.example", "kh.heide@gmx.de", FREE),
    ("Anna Kim", "x17@corp.example", "a.kim@gmail.com", FREE),
    ("Anna Kim", "x17@corp.example", "annakim@gmail.com", FREE),
    ("", "anna.berger@corp.example", "annaberger@gmail.com", FREE),
    ("Anna Recht", "anna.recht@corp.example", "anna.recht@gmx.de", FREE),
    ("Recht, Peter", "recht@corp.example", "recht@t-online.de", ISP),
    ("Dr. Petra Post", "p.post@corp.example", "p.post@gmx.de", FREE),
    ("", "anna.berger@corp.example", "berger_anna@gmail.com", FREE),
    ("", "aberger@corp.example", "aberger@gmail.com", FREE),
    ("", "thielke@corp.example", "thielke@gmail.com", FREE),
    ("Vertrieb", "anna.berger@corp.example", "anna.berger@gmx.de", FREE),
    ("anna.berger@corp.example", "x17@corp.example", "anna.berger@gmx.de", FREE),
    ("Anna Berger", "x17@corp.example", "anna.berger@duck.com", ALIAS),
    # domains of the family
    ("Anna Berger", "x17@corp.example", "anna@berger-privat.de", UNKNOWN),
    ("Anna Berger", "x17@corp.example", "post@annaberger.de", UNKNOWN),
    ("Anna Berger", "x17@corp.example", "mail@anna-berger.net", UNKNOWN),
    ("Anna Berger", "x17@corp.example", "anna@berger.name", UNKNOWN),
    ("Anna Berger", "x17@corp.example", "a@berger-online.de", UNKNOWN),
    ("Anna Berger", "x17@corp.example", "anna@familie-berger.de", UNKNOWN),
    ("Anna Berger", "x17@corp.example", "anna@familieberger.de", UNKNOWN),
    ("Anna Berger", "x17@corp.example", "me@berger.dyndns.example", VANITY),
    ("Jörg Müller", "x17@corp.example", "joerg@xn--mller-privat-dlb.de", UNKNOWN),
    ("Jörg Müller", "x17@corp.example", "joerg@mueller-privat.de", UNKNOWN),
    ("Anna Berger", "x17@corp.example", "anna.berger@berger-bau.de", UNKNOWN),
    # other spellings of one mailbox
    ("Anna Berger", "x17@corp.example", '"anna.berger"@gmx.de', FREE),
    ("Anna Berger", "x17@corp.example", '"anna.ber\\ger"@gmx.de', FREE),
    ("Anna Berger", "x17@corp.example", '"\\a\\n\\n\\a.berger"@gmx.de', FREE),
    ("Anna Berger", "x17@corp.example", '"anna berger"@gmx.de', FREE),
    ("Anna Berger", "x17@corp.example", '"anna.berger+x"@gmx.de', FREE),
    ("Anna Berger", "x17@corp.example", "ANNA.BERGER@gmx.de", FREE),
    ("Anna Berger", "x17@corp.example", "anna\u200b.berger@gmx.de", FREE),
    ("Anna Berger", "x17@corp.example", "\uff41nna.berger@gmx.de", FREE),
    ("Anna Berger", "x17@corp.example", "anna+berger@gmx.de", FREE),
    ("", '"anna.berger"@corp.example', "annaberger@gmx.de", FREE),
    ("", "aberger@corp.example", '"aber\\ger"@gmx.de', FREE),
    # an address literal is nobody's business domain
    ("Anna Berger", "x17@corp.example", "anna.berger@[212.227.17.8]", UNKNOWN),
    ("", "anna.berger@corp.example", "anna.berger@[IPv6:2001:db8::1]", UNKNOWN),
    ("", "aberger@corp.example", "aberger@[212.227.17.8]", UNKNOWN),
]

NOT_OWN = [
    ("Anna Berger", "anna.berger@corp.example", "anna.schmidt@gmx.de", FREE),
    ("Team Recht", "recht@corp.example", "recht@gmx.de", FREE),
    ("Post", "post@corp.example", "post@gmx.de", FREE),
    ("Anna Berger - Vertrieb", "vertrieb@corp.example", "vertrieb@gmx.de", FREE),
    ("Anna Berger (Recht)", "recht@corp.example", "recht@gmx.de", FREE),
    ("Anna Berger", "anna.berger@corp.example", "anna@gmx.de", FREE),
    ("Anna Berger", "anna@corp.example", "anna@gmx.de", FREE),
    ("", "anna@corp.example", "anna@gmx.de", FREE),
    ("", "tom@corp.example", "tom@gmx.de", FREE),
    ("Anna Berger", "x17@corp.example", "anna1984@gmx.de", FREE),
    ("Anna Berger", "x17@corp.example", "thomas.berger@gmx.de", FREE),
    ("Anna Berger", "x17@corp.example", "t.berger@gmx.de", FREE),
    ("Anna Berger", "x17@corp.example", "tberger@gmx.de", FREE),
    ("Anna Berger", "x17@corp.example", "hannah.bergermann@gmx.de", FREE),
    ("Anna Berger", "x17@corp.example", "sabine.neuberger@gmx.de", FREE),
    ("Anna Berger", "x17@corp.example", "ab@gmx.de", FREE),
    ("Anna Berger", "x17@corp.example", "kunde4711@web.de", FREE),
    ("Anna Berger", "x17@corp.example", "johanna.berger-klein@web.de", FREE),
    ("Anna Müller", "x17@corp.example", "mueller@gmx.de", FREE),
    ("Anna Müller", "x17@corp.example", "familie.mueller@gmx.de", FREE),
    ("Anna Müller", "x17@corp.example", "thomas.mueller@gmx.de", FREE),
    ("Jana Li", "x17@corp.example", "ali@gmx.de", FREE),
    ("Anna Li", "x17@corp.example", "ali@gmx.de", FREE),
    ("Maria Nowak", "x17@corp.example", "marian@gmx.de", FREE),
    ("Peter Hansen", "x17@corp.example", "petra.hansen@gmx.de", FREE),
    ("Jan Weiss", "x17@corp.example", "januar.angebot@gmx.de", FREE),
    ("Service Team", "service@corp.example", "service@gmx.de", FREE),
    ("", "info@corp.example", "info@gmx.de", FREE),
    ("Info Corp", "info@corp.example", "info@web.de", FREE),
    ("Scanner Etage 3", "scan@corp.example", "scan@gmx.de", FREE),
    ("Anna Berger", "info@corp.example", "info@gmx.de", FREE),
    ("Buchhaltung", "buchhaltung@corp.example", "buchhaltung@t-online.de", ISP),
    ("Anna Berger", "x17@corp.example", "info@berger-bau.de", UNKNOWN),
    ("Anna Berger", "x17@corp.example", "info@berger.de", UNKNOWN),
    ("Anna Berger", "x17@corp.example", "thomas@berger-privat.de", UNKNOWN),
    ("Anna Berger", "x17@corp.example", "einkauf@bergermann-gmbh.de", UNKNOWN),
    ("Anna Berger", "x17@corp.example", "thomas.klein@berger-transporte.de", UNKNOWN),
    ("Anna Berger", "x17@corp.example", "anna.schulze@neuberger.de", UNKNOWN),
    ("Anna Müller", "x17@corp.example", "post@mueller.de", UNKNOWN),
    ("Anna Berger", "anna.berger@corp.example", "anna.berger@kunde.example", UNKNOWN),
    ("Anna Berger", "anna.berger@corp.example", "anna.berger@partner.example", RecipientClass.partner),
    ("Anna Berger", "anna.berger@corp.example", "anna.berger@konzern.example", BUSINESS),
    ("Anna Berger", "anna.berger@corp.example", "anna.berger@corp.example", RecipientClass.internal),
    ("Anna Berger", "anna.berger@corp.example", "anna.berger_x@kindle.com", MAIL_IN),
    ("Anna Berger", "anna.berger@corp.example", "anna.berger@ai.example", AI),
    ("Thomas Klein", "x17@corp.example", "thomas@gmx.de", FREE),
    ("Stefan Frank", "x17@corp.example", "frank@gmx.de", FREE),
    ("Max Otto", "x17@corp.example", "otto.huber@gmx.de", FREE),
    ("Anna Berger", "anna.berger@corp.example", "kunde+anna.berger@gmail.com", FREE),
    ("Anna Berger", "anna.berger@corp.example", "thomas.mueller+berger@gmail.com", FREE),
    ("Anna Berger", "anna.berger@corp.example", '"anna.schmidt"@gmx.de', FREE),
    ("Anna Berger", "anna.berger@corp.example", "anna.schmidt@[212.227.17.8]", UNKNOWN),
    ("Anna Berger", "info@corp.example", "info@[212.227.17.8]", UNKNOWN),
]


def _relate(name: str, own: str, recipient: str, recipient_class: RecipientClass) -> Relation:
    sender = Sender(own, "envelope", internal=True, names=(name,) if name else ())
    return relate(sender, recipient, recipient_class).relation


@pytest.mark.parametrize(("name", "own", "recipient", "recipient_class"), OWN)
def test_own_mailbox_is_recognised(name: str, own: str, recipient: str, recipient_class: RecipientClass) -> None:
    """The sender's own private mailbox is found by name, in any of the usual spellings."""
    assert _relate(name, own, recipient, recipient_class) is Relation.own_private


@pytest.mark.parametrize(("name", "own", "recipient", "recipient_class"), NOT_OWN)
def test_somebody_elses_mailbox_is_not_taken_for_the_own_one(
    name: str, own: str, recipient: str, recipient_class: RecipientClass
) -> None:
    """Customers, relatives, roles and companies with a similar name stay what they are."""
    assert _relate(name, own, recipient, recipient_class) is Relation.none


@pytest.mark.parametrize(
    ("own", "known", "recipient"),
    [
        ("vertrieb@corp.example", ("anna.berger", "vertrieb"), "annaberger@gmx.de"),
        ("x17@corp.example", ("aberger", "x17"), "aberger@gmx.de"),
        ("boss@corp.example", ("anna.berger",), "anna.berger@[192.0.2.1]"),
    ],
)
def test_login_and_envelope_are_both_evidence(own: str, known: tuple[str, ...], recipient: str) -> None:
    """Whoever answers for the mail, every local part the sender is known by is compared."""
    found = UNKNOWN if "[" in recipient else FREE
    assert relate(Sender(own, "login", internal=True), recipient, found).relation is Relation.none
    assert relate(Sender(own, "login", internal=True, locals=known), recipient, found).relation is Relation.own_private


def test_a_sender_from_outside_has_no_own_mailbox_here() -> None:
    """Mail that comes in is nobody's own private mail."""
    sender = Sender("anna.berger@gmx.de", "envelope", internal=False, names=("Anna Berger",))
    assert relate(sender, "anna.berger@web.de", FREE).relation is Relation.none


def test_the_table_is_large_enough_to_mean_something() -> None:
    """At least sixty rows, and both sides of the line."""
    assert len(OWN) >= 40
    assert len(NOT_OWN) >= 30
