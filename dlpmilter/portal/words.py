# SPDX-License-Identifier: Apache-2.0
"""Words for what programs call by slugs, in German and English. Never accuses, never names a person."""

from __future__ import annotations

from dlpmilter.holds.form import Said
from dlpmilter.holds.states import State

STATES: dict[State, Said] = {
    State.held: Said("wartet auf Ihre Antwort", "waits for your answer"),
    State.justified: Said("wartet auf eine Entscheidung", "waits for a decision"),
    State.in_review: Said("wird gerade angesehen", "is being looked at"),
    State.approved: Said("freigegeben", "approved"),
    State.rejected: Said("nicht freigegeben", "not approved"),
    State.withdrawn: Said("zurückgezogen", "withdrawn"),
    State.expired: Said("Frist vorbei, nicht gesendet", "time is up, not sent"),
    State.releasing: Said("freigegeben, auf dem Weg", "approved, on its way"),
    State.released: Said("zugestellt", "delivered"),
    State.release_failed: Said("freigegeben, aber nicht zustellbar", "approved, but could not be delivered"),
    State.sealed: Said("als Beleg gesichert", "kept as evidence"),
}
DONE: dict[str, Said] = {
    "state": Said("Danke, Ihre Angaben sind gespeichert.", "Thank you, your answers are saved."),
    "withdraw": Said("Die E-Mail ist zurückgezogen.", "The e-mail is withdrawn."),
    "to-mailbox": Said("Die E-Mail geht in Ihr Dienstpostfach.", "The e-mail goes to your business mailbox."),
    "extend": Said("Sie haben mehr Zeit.", "You have more time."),
    "ask-open": Said(
        "Die Stelle ist gefragt; Sie öffnen den Beleg gemeinsam.", "The office is asked; you open it together."
    ),
    "grant-open": Said(
        "Der Beleg lässt sich jetzt einen Tag lang öffnen.", "The evidence can be opened for a day now."
    ),
    "renew": Said("Der Beleg bleibt länger.", "The evidence stays longer."),
    "attest": Said("Danke, das ist vermerkt.", "Thank you, this is recorded."),
    "undo": Said("Die E-Mail wartet weiter.", "The e-mail waits on."),
    "appeal": Said("Jemand anderes sieht noch einmal hin.", "Somebody else will look again."),
    "claim": Said("Der Vorgang ist bei Ihnen.", "The case is yours."),
    "hand-over": Said("Der Vorgang ist abgegeben.", "The case is handed over."),
    "approve": Said("Die Freigabe ist vermerkt.", "The approval is recorded."),
    "reject": Said(
        "Die Ablehnung ist vermerkt, die Person wird informiert.", "The refusal is recorded, the person is told."
    ),
    "release": Said("Die Zustellung wird noch einmal versucht.", "Delivery is tried again."),
    "sign": Said("Unterschrieben.", "Signed."),
    "revoke": Said("Beendet.", "Ended."),
    "propose": Said("Vorgeschlagen; eine zweite Person muss unterschreiben.", "Proposed; a second person has to sign."),
    "mailbox": Said("Gespeichert.", "Saved."),
}
PROBLEMS: dict[str, Said] = {
    "missing": Said("Hier fehlt eine Antwort.", "An answer is needed here."),
    "not-a-choice": Said("Bitte eine der Antworten wählen.", "Please choose one of the answers."),
    "too-long": Said("Das ist zu lang.", "This is too long."),
    "not-a-date": Said("Bitte ein Datum angeben.", "Please give a date."),
    "past": Said("Dieser Tag ist vorbei.", "This day is over."),
    "unknown-field": Said("Diese Frage gibt es nicht.", "There is no such question."),
    "length": Said("Bitte 12 bis 200 Zeichen.", "Please 12 to 200 characters."),
    "differs": Said("Die Passwörter sind verschieden.", "The passwords differ."),
    "wrong-code": Said(
        "Der Code passt nicht. Stimmt die Uhr des Telefons?", "The code does not fit. Is the phone's clock right?"
    ),
}
_EVENTS: dict[str, Said] = {
    "decided": Said("Die E-Mail wurde angehalten", "The e-mail was held"),
    "justified": Said("Angaben gespeichert", "Answers saved"),
    "claimed": Said("Jemand sieht sich den Vorgang an", "Somebody is looking at the case"),
    "handed-over": Said("An jemand anderen abgegeben", "Handed over to somebody else"),
    "approval": Said("Eine Freigabe liegt vor, eine weitere fehlt noch", "One approval is there, one more is needed"),
    "approved": Said("Freigegeben", "Approved"),
    "rejected": Said("Nicht freigegeben", "Not approved"),
    "withdrawn": Said("Zurückgezogen", "Withdrawn"),
    "returned": Said("In das Dienstpostfach geschickt", "Sent to the business mailbox"),
    "extended": Said("Frist verlängert", "More time given"),
    "appealed": Said("Um einen zweiten Blick gebeten", "A second look asked for"),
    "sealed": Said("Als Beleg gesichert", "Kept as evidence"),
    "expired": Said("Frist vorbei", "Time was up"),
    "released": Said("Auf den Weg gebracht", "Sent on its way"),
    "outcome": Said("Der nächste Server hat geantwortet", "The next server has answered"),
    "notice": Said("Eine Mitteilung wurde verschickt", "A notice was sent"),
    "content-opened": Said("Der Inhalt wurde angesehen", "The content was looked at"),
    "allowed": Said("Mit Ihrer Angabe neu geprüft: Es spricht nichts dagegen", "Looked at again: nothing against it"),
    "evidence-asked": Said("Gebeten, den Beleg zu öffnen", "Asked to open the evidence"),
    "evidence-granted": Said("Die Stelle ist einverstanden", "The office agrees"),
    "evidence-renewed": Said("Der Beleg bleibt länger", "The evidence stays longer"),
    "deletion-attested": Said("Dort gelöscht, sagt die Person", "Deleted there, the person says"),
    "unshunted": Said("Neu geprüft: Es spricht nichts dagegen", "Looked at again: nothing against it"),
    "asked-by-mail": Said("Per E-Mail um Rücknahme gebeten", "Asked by e-mail to take it back"),
    "asked-by-mail-undone": Said(
        "Die Bitte per E-Mail gilt nicht mehr", "What was asked by e-mail does not count any more"
    ),
    "re-judged": Said("Mit Ihrer Angabe neu geprüft", "Looked at again with your statement"),
    "reminded": Said("Erinnerung verschickt", "Reminder sent"),
    "relayed": Said("Die anderen Empfänger haben sie bekommen", "The other recipients have received it"),
    "owed": Said("Die anderen Empfänger bekommen sie später", "The other recipients get it later"),
    "repeated": Said("Dieselbe E-Mail kam noch einmal", "The same e-mail came once more"),
    "releasing": Said("Freigegeben und eingereiht", "Approved and queued"),
    "release-mark": Said("Freigabe am Ausgang erkannt", "Approval recognised at the gate"),
    "release-failed": Said("Der nächste Server hat abgelehnt", "The next server refused"),
    "unsealed": Said("Aufbewahrung zu Ende", "Time of the evidence is over"),
    "purged": Said("Inhalt gelöscht", "Content deleted"),
}


def event_words(event: str) -> Said:
    """An event of the trail for people; one we have no words for stands as it is."""
    return _EVENTS.get(event, Said(event, event))


CLASSES: dict[str, Said] = {
    "internal": Said("eigene Adresse", "address of ours"),
    "partner": Said("Partner", "partner"),
    "authority": Said("Behörde", "authority"),
    "protected": Said("geschützte Stelle", "protected office"),
    "business": Said("Firma", "company"),
    "freemail": Said("privates Postfach", "private mailbox"),
    "isp": Said("privates Postfach beim Anschluss", "private mailbox of an access provider"),
    "vanity": Said("private Domain", "private domain"),
    "disposable": Said("Wegwerf-Adresse", "throw-away address"),
    "alias_relay": Said("weitergeleitete Adresse", "address that passes mail on"),
    "ai_service": Said("KI-Dienst", "AI service"),
    "mail_in": Said("Dienst, der E-Mails verarbeitet", "service that processes mail"),
    "lookalike": Said("ähnelt einer anderen Adresse", "resembles another address"),
    "unknown": Said("in keiner Liste", "in no list"),
}

WAITING_FOR: dict[State, Said] = STATES | {
    State.held: Said("wartet auf die Person", "waits for the person"),
    State.justified: Said("wartet auf Entscheidung", "waits for a decision"),
}
"""The states as who decides reads them."""
RELATIONS: dict[str, Said] = {
    "own_private": Said("eigenes privates Postfach der Person", "the person's own private mailbox"),
    "colleague_private": Said("privates Postfach aus dem Kollegium", "a colleague's private mailbox"),
    "wrote_first": Said("hat zuerst geschrieben", "wrote first"),
    "known_correspondent": Said("bekannter Kontakt", "known correspondent"),
    "customer": Said("Kunde", "customer"),
    "first_time": Said("erster Kontakt", "first contact"),
    "none": Said("keine bekannte Beziehung", "no known relation"),
}
CONSENT_STATES: dict[str, Said] = {
    "proposed": Said("vorgeschlagen, eine Unterschrift fehlt", "proposed, one signature is missing"),
    "in_force": Said("in Kraft", "in force"),
    "revoked": Said("beendet", "ended"),
    "refused": Said("abgelehnt", "refused"),
    "expired": Said("abgelaufen", "over"),
}
REFUSALS: dict[str, Said] = {
    "usage": Said(
        "So geht es nicht; bitte prüfen Sie die Angaben.", "This does not work; please check what was given."
    ),
    "nothing-chosen": Said(
        "Bitte mindestens einen Vorgang und eine Entscheidung wählen.", "Please choose a case and a decision."
    ),
    "conflict": Said(
        "Das passt nicht mehr: Inzwischen hat jemand entschieden, oder der Vorgang ist zu Ende.",
        "This does not fit any more.",
    ),
    "temporary": Said(
        "Die Datenbank antwortet gerade nicht; es wurde nichts geändert.", "The database does not answer now."
    ),
    "claimed": Said(
        "Der Vorgang ist bei jemand anderem. Bitten Sie um Übergabe, oder übernehmen Sie ihn nach einem Arbeitstag.",
        "Somebody else has the case.",
    ),
    "refused-before": Said(
        "Sie haben diesen Vorgang abgelehnt; der zweite Blick gehört jemand anderem.",
        "The second look is somebody else's.",
    ),
    "approved-already": Said(
        "Sie haben schon freigegeben; eine weitere Person muss es auch tun.", "Somebody else has to approve, too."
    ),
    "not-informed": Said(
        "Bei einem Interesse der Firma muss jemand sagen, wie die Betroffenen informiert werden, oder warum nicht.",
        "Somebody must say how the people concerned are told.",
    ),
    "evidence-stays": Said("Die E-Mail ist ein Beleg und wird nie gesendet.", "It is evidence and is never sent."),
    "extended-already": Said("Mehr Zeit gibt es einmal, höchstens 14 Arbeitstage.", "More time is given once."),
    "no-mailbox": Said("Zu diesem Absender gehört kein Postfach bei uns.", "The sender has no mailbox of ours."),
    "no-second-look": Said(
        "Hier sieht niemand ein zweites Mal hin; die Mitteilung sagt, wen Sie fragen können.",
        "Nobody looks a second time here.",
    ),
    "appealed-already": Said("Auch der zweite Blick ist beantwortet; dabei bleibt es.", "That answer stands."),
    "content-gone": Said("Der Inhalt ist gelöscht.", "The content is deleted."),
    "content-unreadable": Said("Der Inhalt lässt sich nicht anzeigen.", "The content cannot be shown."),
    "sealed": Said("Ein Beleg unter Verschluss: Niemand öffnet ihn allein.", "Nobody opens it alone."),
    "protected": Said(
        "Eine Meldung oder Beratung: Der Inhalt geht niemanden etwas an.", "Its content is nobody's business."
    ),
    "taken-back": Said(
        "Die Person hat per E-Mail gebeten, sie zurückzuziehen; bis dahin kann sie das noch ändern.",
        "The person has asked by e-mail to take it back.",
    ),
    "stays-in-group": Said(
        "Der Vorgang gehört zu einem Bereich mit Schweigepflicht und bleibt dort.", "It stays in its group."
    ),
    "no-office-for-evidence": Said(
        "Hier verwahrt niemand den Beleg mit Ihnen; die Mitteilung sagt, wen Sie fragen können.",
        "Nobody keeps it with you.",
    ),
    "not-asked": Said("Die Person hat heute nicht darum gebeten.", "The person has not asked for it today."),
    "no-office": Said("Dafür muss der Dienst laufen.", "The service has to run for that."),
    "still-broken": Said("Das Programm kann diese E-Mail noch nicht prüfen.", "The program still breaks on it."),
    "together": Said(
        "Die Person sagt, dass die E-Mail privat ist. Öffnen Sie sie nur gemeinsam mit ihr.",
        "Open it only together with the person.",
    ),
    "no-such-mailbox": Said("Dieses Postfach ist hier nicht eingetragen.", "This mailbox is not known here."),
    "own-mailbox": Said("Das sind Sie selbst.", "This is you."),
    "two-people": Said(
        "Sie haben das vorgeschlagen; unterschreiben muss eine zweite Person.", "A second person has to sign it."
    ),
}
"""The refusals of the counter for German pages; its own sentence, which knows names and times, stands behind."""
