# SPDX-License-Identifier: Apache-2.0
"""The words mail programs write above an earlier mail, by language. Data, never code.

German and English are meant to be complete; the others are what was cheap to know and are measured
in a later issue.
"""

from __future__ import annotations

FORWARDED = (
    # between dashes, or alone on a line
    "forwarded message", "forwarded mail", "forwarded by", "begin forwarded message", "start of forwarded message",
    "weitergeleitete nachricht", "weitergeleitete mail", "weitergeleitete e-mail", "weitergeleitet von",
    "anfang der weitergeleiteten nachricht", "beginn der weitergeleiteten nachricht",
    "beginn der weitergeleiteten e-mail", "anfang der weitergeleiteten e-mail",
    "message transféré", "message transmis", "message réexpédié", "début du message réexpédié", "début du message transféré",
    "courriel transféré", "messaggio inoltrato", "inizio messaggio inoltrato", "inoltrato da",
    "mensaje reenviado", "inicio del mensaje reenviado", "doorgestuurd bericht", "begin doorgestuurd bericht",
    "mensagem encaminhada", "mensagem reencaminhada", "início da mensagem encaminhada",
    "início da mensagem reencaminhada", "wiadomość przekazana dalej", "przekazana wiadomość",
    "treść przekazanej wiadomości", "początek przekazywanej wiadomości", "videresendt besked", "videresendt meddelelse",
    "videresendt e-post", "videresendt melding", "start på videresendt", "vidarebefordrat meddelande",
    "vidarebefordrat brev", "välitetty viesti", "edelleenlähetetty viesti", "přeposlaná zpráva", "přeposlaný e-mail",
    "začátek přeposílané zprávy", "předaná zpráva", "preposlaná správa", "začiatok preposlanej správy",
    "továbbított üzenet", "továbbított levél", "továbbított levél kezdete", "mesaj redirecționat", "mesaj redirecţionat",
    "mesaj transmis", "începutul mesajului redirecționat", "пересылаемое сообщение", "пересланное сообщение",
    "начало переадресованного сообщения", "переадресоване повідомлення", "переслане повідомлення", "перенаправлене повідомлення",

    "початок листа, що пересилається", "iletilmiş mesaj", "iletilen mesaj", "yönlendirilmiş ileti",
    "proslijeđena poruka", "započni proslijeđenu poruku", "edastatud kiri", "転送されたメッセージ", "メッセージを転送", "转发的邮件",
)  # fmt: skip

ORIGINAL = (
    "original message", "original appointment", "ursprüngliche nachricht", "ursprünglicher termin",
    "originalnachricht", "original-nachricht", "original nachricht", "original-mail", "original mail",
    "message d'origine", "message d’origine", "message original", "messaggio originale", "mensaje original",
    "oorspronkelijk bericht", "origineel bericht", "originele bericht", "mensagem original", "wiadomość oryginalna",
    "oryginalna wiadomość", "oprindelig meddelelse", "original meddelelse", "opprinnelig melding",
    "ursprungligt meddelande", "alkuperäinen viesti", "původní zpráva", "pôvodná správa", "eredeti üzenet",
    "mesaj original", "исходное сообщение", "оригінальне повідомлення", "özgün ileti", "izvorna poruka",
)  # fmt: skip

_ROLES = {
    "from": "from von de da van fra från od от від kimden gönderen lähettäjä feladó expéditeur mittente remitente "
    "afzender remetente avsändare nadawca saatja odesílatel odesilatel odosielateľ šalje expeditor saatja 差出人 送信者 送信元 "
    "发件人 寄件者",
    "to": "to an à a para aan til till do komu dla кому vastaanottaja címzett destinataire destinatario destinatário "
    "kime alıcı către za pre mottagare adresat saaja kellele 宛先 送信先 收件人",
    "cc": "cc kopie kopi kopia copie copia bcc dw копия копія másolat másolatot kopio cópia bilgi kópia ук ccc",
    "subject": "subject betreff objet oggetto asunto onderwerp assunto temat emne ämne aihe předmět predmet tárgy "
    "subiect тема konu teema naslov 件名 主题 主旨",
    "date": "date datum sent gesendet envoyé inviato data fecha enviado enviada enviados verzonden verstuurd sendt skickat "
    "lähetetty päivämäärä päiväys odesláno odoslané wysłano dátum elküldve trimis дата отправлено відправлено надіслано "
    "gönderildi tarih kuupäev dato poslano saatmisaeg 日付 送信日時 发送时间 日期",
}
_PHRASES = {
    "cc": (
        "kopie (cc)",
        "copie à",
        "copie (cc)",
        "copia per",
        "con copia",
        "cc / kopie",
        "másolatot kap",
        "cc (kopie)",
    ),
    "date": (
        "gesendet am",
        "envoyé le",
        "enviado el",
        "enviado em",
        "inviato il",
        "sent on",
        "data wysłania",
        "verzonden op",
        "gesendet / sent",
        "date d'envoi",
    ),
    "from": ("von / from", "from / von"),
    "to": ("reply to", "reply-to", "antwort an", "répondre à", "an / to"),
    "subject": ("betreff / subject",),
}
LABELS: dict[str, str] = {word: role for role, words in _ROLES.items() for word in words.split()} | {
    phrase: role for role, phrases in _PHRASES.items() for phrase in phrases
}
"""Label before the colon, case-folded -> from, to, cc, subject, date."""
LABELS["reply to"] = LABELS["reply-to"] = LABELS["antwort an"] = LABELS["répondre à"] = "other"

WROTE = (
    "wrote", "schrieb", "schrieben", "a écrit", "ha scritto", "escribió", "schreef", "geschreven", "escreveu",
    "napisał", "napisała", "napisał(a)", "pisze", "skrev", "skrev følgende", "kirjoitti", "napsal", "napsala", "napsal(a)",
    "napísal", "napísal(a)", "írta", "a scris", "написал", "написала", "написал(а)", "пишет", "пише", "написав",
    "yazdı", "şunu yazdı", "je napisao", "napisao je", "je napisao/la", "kirjutas",
)  # fmt: skip
"""The verb of an attribution line: On ... wrote, Am ... schrieb."""

MARKUP = (
    ("moz-forward-container", "forward-marker", "mozilla-forward"),
    ('id="divrplyfwdmsg', "header-block", "outlook-divider"),
    ("id=divrplyfwdmsg", "header-block", "outlook-divider"),
    ("mail-editor-reference-message-container", "markup", "outlook-mobile-reference"),
    ("ms-outlook-mobile-reference-message", "markup", "outlook-mobile-reference"),
    ('class="gmail_quote', "markup", "gmail-quote"),
    ('type="cite"', "markup", "cite"),
    ("yahoo_quoted", "markup", "yahoo-quoted"),
    ("moz-cite-prefix", "markup", "mozilla-cite"),
    ("olk_src_body_section", "markup", "outlook-mac-quote"),
    ("protonmail_quote", "markup", "proton-quote"),
    ('name="messagereplysection"', "markup", "reply-section"),
)
"""Lower-case piece of HTML -> style and signal."""
