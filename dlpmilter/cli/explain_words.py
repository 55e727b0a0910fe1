# SPDX-License-Identifier: Apache-2.0
"""The sentences of `dlpmilter explain`: what a sign, a relation, a reason means. Never decides, never accuses.

A slug without a sentence is shown as it is, so that nothing is hidden.
"""

from __future__ import annotations

from collections.abc import Mapping

SIGNS: Mapping[str, str] = {
    "forward-prefix": 'the subject begins with "{detail}", which says forward',
    "reply-prefix": 'the subject begins with "{detail}", which says reply',
    "x-forwarded-message-id": "the header field X-Forwarded-Message-Id names the mail that is sent on (Thunderbird)",
    "forward-marker": "{where} holds the line a mail program writes above a forwarded mail ({detail})",
    "original-message": '{where} holds an "original message" line, as replies and forwards have it ({detail})',
    "header-block": "{where} holds From, Sent, To and Subject of an earlier mail ({detail})",
    "attribution": '{where} holds a line "... wrote:" ({detail})',
    "quote-lines": "{where} holds lines that begin with >",
    "markup": "{where} holds the marks a mail program puts round a quoted mail ({detail})",
    "attached": "{where} is a whole mail ({detail})",
    "above-the-quote": "above the quoted mail stands: {detail}",
    "in-reply-to": "In-Reply-To or References names the mail it answers",
    "writes-to-quoted-sender": "it goes to somebody who stands in the quoted mail",
    "not-to-quoted-people": "it goes to nobody who stands in the quoted mail",
    "quoted-subject-without-prefix": "its subject is the quoted one without the prefix",
    "reaches-none-of-many": "it reaches none of the {detail} people in the quoted mail",
    "calendar-object": "it is a calendar item",
    "resent": "the Resent- fields say that it was sent again",
    "report": "it is a report of a mail server or mail program ({detail})",
    "null-sender-returns-mail": "it has no sender and returns a mail",
    "gmail-caf-sender": "the envelope sender is the one Gmail writes when it forwards by itself ({detail})",
    "srs-sender": "the envelope sender was rewritten by a forwarding server (SRS, {detail})",
    "sieve-redirect": "a Sieve rule sent it on ({detail})",
    "exchange-inbox-rule": "an inbox rule in Exchange sent it on ({detail})",
    "exchange-mailbox-forwarding": "the mailbox in Exchange forwards by itself ({detail})",
    "exchange-autoforwarded": "Exchange marks it as forwarded by itself ({detail})",
    "exchange-rules-agent": "the rules agent of Exchange made it ({detail})",
    "auto-forwarded": "Auto-Submitted says that it was forwarded by itself",
    "auto-submitted": "Auto-Submitted says that a program sent it on ({detail})",
    "arrived-before": "it came in from outside before it left again ({detail})",
    "signed-outside": "it carries a signature of another domain, so it was not written here ({detail})",
    "was-addressed-to-us": "it was addressed to one of us, not to this recipient ({detail})",
    "foreign-author-and-sender": "author and envelope sender are from outside ({detail})",
    "envelope-differs-from-author": "envelope sender and author differ ({detail})",
    "x-forwarded-to": "X-Forwarded-To names where it was sent on to ({detail})",
    "x-forwarded-for": "X-Forwarded-For names who sent it on ({detail})",
    "resent-from": "Resent-From names who sent it on ({detail})",
}
PLACES: Mapping[str, str] = {"envelope": "the envelope", "body": "the body"}
CLASSES: Mapping[str, str] = {
    "internal": "one of our own domains",
    "partner": "a partner",
    "authority": "an authority",
    "protected": "a protected channel",
    "business": "a business",
    "freemail": "a free mailbox provider",
    "isp": "a mailbox of an access provider",
    "vanity": "a private domain",
    "disposable": "a provider of disposable addresses",
    "alias_relay": "an alias service that hides a private mailbox",
    "ai_service": "an AI service",
    "mail_in": "a service that takes mail (e-reader, notes, tasks, print, fax)",
    "lookalike": "in no list, but looks like a known domain",
    "unknown": "in no list, most often a business",
}
RELATIONS: Mapping[str, str] = {
    "own_private": "It is probably the sender's own private mailbox",
    "colleague_private": "It is a colleague's private mailbox",
    "wrote_first": "This person wrote first",
    "known_correspondent": "This person has written to the company before",
    "customer": "This is a customer",
    "first_time": "Nobody has seen this mailbox before",
}
GROUNDS: Mapping[str, str] = {
    "registry": "it stands in the registry of private mailboxes",
    "given-name-and-surname": "the address holds his or her given name and surname",
    "initial-and-surname": "the address holds an initial and the surname",
    "surname": "the address holds the surname",
    "given-name-and-initial": "the address holds the given name and the first letter of the surname",
    "same-single-name": "the address holds the same name",
    "same-local-part": "the part before the @ is the same",
    "surname-in-domain": "the domain holds the surname",
    "list": "the list of customers names it",
    "register": "the register of customers holds it",
    "system-sender": "a system writes that writes to customers only",
    "message-id": "the mail answers one of theirs",
    "inbound": "by what came in",
}
REASONS: Mapping[str, str] = {
    "no-case": "No case matched, so it passes.",
    "uninspectable-to-private": "It cannot be looked at, and the mailbox is private: somebody looks first.",
    "null-sender-not-held": "It has no sender who could be asked, so it is refused instead of held.",
    "judge-failed": "The judge broke on this mail; its class decided.",
    "failed-open": "The policy lets this class pass unjudged; it is on record.",
    "released-by-reviewer": "A reviewer released it.",
}
TROUBLES: Mapping[str, str] = {
    "encrypted": "part of it is encrypted",
    "too-deep": "it is nested too deep",
    "too-many-parts": "it has too many parts",
    "header-too-big": "its header is too big",
    "too-many-fields": "its header has too many fields",
    "text-too-long": "a text is too long to be read whole",
    "timed-out": "reading it took too long",
    "out-of-memory": "reading it took too much memory",
    "inspection-crashed": "the process that read it ended",
    "unknown-charset": "a text has an unknown character set",
    "unknown-transfer-encoding": "a part has an unknown encoding",
}
VERBS: Mapping[str, str] = {
    "relay": "passes",
    "tag": "passes with a tag",
    "rewrite": "passes changed",
    "hold": "is held",
    "reject": "is refused",
}
