# SPDX-License-Identifier: Apache-2.0
"""The words mail programs write above an earlier mail, by language. Data, never code.

Taken from the localised strings of the programs: Thunderbird `mailnews.forward_header_originalmessage`,
Apple Mail "Begin forwarded message", Gmail and Yahoo "Forwarded message", Outlook's From/Sent/To/Subject block,
Samsung and Android "Original message". Over thirty languages; `policies/KINDS.md` says how well they do.
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
    "begin forwarded mail", "forwarded email", "forwarded e-mail", "forwarded content",
    "weitergeleitete nachrichten", "message transmis par", "e-mail transféré", "mail transféré", "courriel transmis",
    "e-mail inoltrata", "messaggio inoltrato da", "correo reenviado", "doorgezonden bericht", "doorgestuurde e-mail",
    "doorgestuurde mail", "e-mail encaminhado", "mensagem original encaminhada", "wiadomość przesłana dalej",
    "wiadomość przekazana", "przesłana wiadomość", "videresendt mail", "videresendt epost", "vidarebefordrat mejl",
    "vidarebefordrad e-post", "välitetty viesti / fwd.msg", "välitetty viesti alkaa", "lähetetty edelleen",
    "preposlaná správa --- forwarded message", "preposlaný e-mail", "přeposílaná zpráva", "přeposlaný mail",
    "továbbított e-mail", "továbbított üzenet kezdete", "începe mesajul redirecționat", "mesaj redirectionat",
    "mesaj retrimis", "перенаправленное сообщение", "пересылаемое письмо", "пересланное письмо",
    "початок пересланого повідомлення", "переслане повідомлення (fwd)", "пересланий лист", "i̇leti başlangıcı",
    "ileti başlangıcı", "iletilen ileti", "yönlendirilen ileti", "iletilmiş ileti", "yönlendirilen mesaj",
    "препратено съобщение", "начало на препратеното съобщение", "препратено писмо",
    "προωθημένο μήνυμα", "έναρξη προωθημένου μηνύματος", "αρχή προωθημένου μηνύματος", "μήνυμα που προωθήθηκε",
    "posredovano sporočilo", "začetek posredovanega sporočila", "prosleđena poruka", "прослеђена порука",
    "edasisaadetud kiri", "edasi saadetud kiri", "edastatud sõnum", "edasisaadetud sõnum",
    "pārsūtītā ziņa", "pārsūtīts ziņojums", "pārsūtītais ziņojums", "pārsūtīta vēstule",
    "persiųstas laiškas", "persiunčiamas laiškas", "persiųsta žinutė", "persiųstas pranešimas",
    "áframsent skeyti", "framsent skeyti", "missatge reenviat", "birtokba továbbított üzenet",
    "転送メッセージ", "転送されたメール", "転送メール", "以下転送されたメール", "以下、転送されたメール",
    "转发邮件", "转发邮件信息", "以下是转发的邮件", "轉寄郵件", "轉寄的郵件", "轉寄郵件內容", "已转发的邮件", "被转发邮件信息", "被转发的邮件",
    "전달된 메일", "전달된 메시지", "전달된 이메일", "전달한 메시지",
    "הודעה שהועברה", "תחילת ההודעה שהועברה", "הודעה מועברת",
    "رسالة معاد توجيهها", "رسالة تم توجيهها", "بدء الرسالة المعاد توجيهها", "الرسالة المعاد توجيهها", "رسالة مُعاد توجيهها",
    "proslijeđena poruka", "započni proslijeđenu poruku", "edastatud kiri", "転送されたメッセージ", "メッセージを転送", "转发的邮件",
)  # fmt: skip

ORIGINAL = (
    "original message", "original appointment", "ursprüngliche nachricht", "ursprünglicher termin",
    "originalnachricht", "original-nachricht", "original nachricht", "original-mail", "original mail",
    "message d'origine", "message d’origine", "message original", "messaggio originale", "mensaje original",
    "oorspronkelijk bericht", "origineel bericht", "originele bericht", "mensagem original", "wiadomość oryginalna",
    "oryginalna wiadomość", "oprindelig meddelelse", "original meddelelse", "opprinnelig melding",
    "ursprungligt meddelande", "alkuperäinen viesti", "původní zpráva", "pôvodná správa", "eredeti üzenet",
    "ursprüngliche mail", "ursprüngliche e-mail", "originalmeddelande", "alkuperäinen sähköposti", "original e-mail",
    "original email", "courriel original", "courriel d'origine", "e-mail d'origine", "mensagem de origem", "correo original",
    "oorspronkelijke e-mail", "oorspronkelijk e-mailbericht", "algne kiri", "algsõnum", "sākotnējā ziņa", "oriģinālais ziņojums",
    "oriģinālā ziņa", "pradinis laiškas", "originalus laiškas", "pirminė žinutė", "izvorno sporočilo", "originalna poruka",
    "оригинално съобщение", "первоначальное сообщение", "оригинал сообщения", "исходное письмо", "вихідне повідомлення",
    "початкове повідомлення", "αρχικό μήνυμα", "orijinal mesaj", "orijinal ileti", "upphafleg skilaboð", "missatge original",
    "元のメッセージ", "original message 元のメッセージ", "原始邮件", "原始郵件", "邮件原件", "原邮件", "원본 메일", "원본 메시지", "원본 이메일",
    "הודעה מקורית", "الرسالة الأصلية", "رسالة أصلية", "mesaj original", "исходное сообщение", "оригінальне повідомлення", "özgün ileti", "izvorna poruka",
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
_MORE_ROLES = {
    # bg el hr sl et lv lt is zh ja ko he ar, and the words Apple Mail, Notes and Zimbra use elsewhere
    "from": "от από šalje pošiljatelj saatja no nuo siuntėjas sūtītājs frá expeditorul expeditor odosielateľ від відправник "
    "отправитель подател изпраща αποστολέας sender absender avsender afsender 发件人 寄件者 寄件人 送信者 差出人 보낸사람 보낸이 발신 발신자 "
    "보내는사람 מאת שולח من المرسل",
    "to": "до към προς za prima primatelj komu saaja kam saņēmējs kam til viðtakandi gavėjas destinatarul destinatari pre "
    "одержувач получатель получател παραλήπτης empfänger mottaker modtager prejemnik adressaat 收件人 收件者 宛先 받는사람 받는이 수신 수신자 אל לכבוד נמען "
    "إلى المستلم",
    "cc": "копие κοιν κοινοποίηση kp koopia kopija kopijas afrit 抄送 副本 抄送人 副本抄送 참조 עותק העתק نسخة "
    "копію копія",
    "subject": "относно предмет θέμα predmet tema temats efni subiectul assumpte teema pealkiri 主旨 主题 主題 件名 표제 제목 נושא הנדון الموضوع موضوع",
    "date": "изпратено дата στάλθηκε ημερομηνία poslano datum saadetud kuupäev nosūtīts datums išsiųsta išsiųstas data "
    "dags dată enviat 发送时间 發送時間 寄件日期 日期 时间 時間 日付 送信日時 보낸날짜 보낸시간 날짜 일시 발신일시 נשלח תאריך "
    "التاريخ تاريخ أرسلت الإرسال",
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
        "enviada em",
        "enviada a",
        "inviato il",
        "sent on",
        "data wysłania",
        "verzonden op",
        "gesendet / sent",
        "date d'envoi",
        "дата отправления",
        "дата відправлення",
        "ημερομηνία",
        "изпратено на",
        "data trimiterii",
        "trimis la",
        "date / datum",
    ),
    "from": ("von / from", "from / von", "보낸 사람", "보내는 사람", "de la", "від кого", "от кого"),
    "to": (
        "받는 사람",
        "до кого",
        "收 件 人",
        "an / to",
        "voor wie",
        "reply to",
        "reply-to",
        "antwort an",
        "répondre à",
    ),
    "subject": ("betreff / subject", "제 목"),
}
_PHRASES["date"] += ("보낸 날짜", "보낸 시간", "تاريخ الإرسال", "تم الإرسال", "enviat el", "sent at")
LABELS: dict[str, str] = {
    word: role for table in (_MORE_ROLES, _ROLES) for role, words in table.items() for word in words.split()
} | {phrase: role for role, phrases in _PHRASES.items() for phrase in phrases}
"""Label before the colon, case-folded -> from, to, cc, subject, date."""
LABELS["reply to"] = LABELS["reply-to"] = LABELS["antwort an"] = LABELS["répondre à"] = "other"

WROTE = (
    "wrote", "schrieb", "schrieben", "a écrit", "ha scritto", "escribió", "schreef", "geschreven", "escreveu",
    "napisał", "napisała", "napisał(a)", "pisze", "skrev", "skrev følgende", "kirjoitti", "napsal", "napsala", "napsal(a)",
    "napísal", "napísal(a)", "írta", "a scris", "написал", "написала", "написал(а)", "пишет", "пише", "написав",
    "escreveu o seguinte", "ha escrit", "skrifaði", "je pisao", "je pisala", "je napisal", "je napisala", "je napisal/-a",
    "je napisal(a)", "piše", "kirjutas järgmist", "rakstīja", "rašė", "parašė", "написа", "написав(ла)", "написала", "пишеше",
    "έγραψε", "έγραψε:", "écrit", "écrivait", "scrisse", "a scris următoarele", "a scris:", "wrote on", "schrieb am",
    "寫道", "写道", "さんは書きました", "のメール", "님이 작성", "작성", "כתב", "כתבה", "כתב/ה", "כתב", "مؤلف", "كتب", "كتبت",
    "yazdı", "şunu yazdı", "je napisao", "napisao je", "je napisao/la", "kirjutas",
)  # fmt: skip
"""The verb of an attribution line: On ... wrote, Am ... schrieb."""

DEVICE_LINES = (
    "sent from", "sent with", "sent using", "get outlook for", "von meinem", "gesendet von", "gesendet mit", "gesendet über",
    "von unterwegs gesendet", "diese nachricht wurde von", "outlook für", "holen sie sich outlook", "beziehen sie outlook",
    "envoyé de", "envoyé depuis", "envoyé à partir", "envoyé avec", "obtenir outlook", "télécharger outlook", "inviato da",
    "inviato dal", "inviato con", "ottieni outlook", "scarica outlook", "enviado desde", "enviado de", "enviado do", "enviado a partir",
    "enviado con", "obtener outlook", "obter o outlook", "obtenha o outlook", "verzonden vanaf", "verzonden met", "verstuurd vanaf",
    "outlook voor", "download outlook", "sendt fra", "sendt med", "hent outlook", "få outlook", "skickat från", "skickades från",
    "hämta outlook", "lähetetty", "hanki outlook", "wysłane z", "wysłano z", "pobierz", "odesláno z", "odesláno pomocí", "odoslané z",
    "získat outlook", "získať outlook", "elküldve a", "küldve", "outlook beszerzése", "trimis de pe", "trimis din", "descărcați outlook",
    "изпратено от", "στάλθηκε από", "εστάλη από", "poslano s", "poslano z", "poslano iz", "gönderildi", "i̇phone'umdan gönderildi",
    "iphone'umdan gönderildi", "отправлено с", "отправлено из", "надіслано з", "надіслано із", "saadetud minu", "nosūtīts no",
    "išsiųsta iš", "发自我的", "從我的", "发送自", "iphoneから送信", "から送信", "나의 iphone에서 보냄", "내 iphone에서 보냄", "נשלח מה", "أرسلت من", "أُرسلت من",
    "yahoo mail", "sent via",
)  # fmt: skip
"""Beginning of the line a program or a telephone adds by itself, case-folded."""

CLOSINGS = (
    "mit freundlichen grüßen", "mit freundlichem gruß", "mit freundlichen gruessen", "mit freundlichen grüssen", "freundliche grüße",
    "freundliche grüsse", "viele grüße", "viele grüsse", "liebe grüße", "beste grüße", "schöne grüße", "herzliche grüße", "mfg", "vg", "lg",
    "grüße", "gruß", "best regards", "kind regards", "regards", "warm regards", "many thanks and regards", "best wishes",
    "sincerely", "yours sincerely", "cheers", "cordialement", "bien cordialement", "bien à vous", "cdlt", "cordiali saluti", "distinti saluti",
    "saluti", "un saludo", "saludos", "saludos cordiales", "atentamente", "met vriendelijke groet", "met vriendelijke groeten", "groeten", "mvg",
    "atenciosamente", "cumprimentos", "com os melhores cumprimentos", "med venlig hilsen", "venlig hilsen", "mvh", "vennlig hilsen",
    "med vennlig hilsen", "hilsen", "med vänliga hälsningar", "vänliga hälsningar", "hälsningar", "ystävällisin terveisin", "terveisin",
    "pozdrawiam", "z poważaniem", "s pozdravem", "s pozdravom", "üdvözlettel", "cu stimă", "cu respect", "поздрави", "с уважение",
    "με εκτίμηση", "φιλικά", "saygılarımla", "i̇yi çalışmalar", "с уважением", "з повагою", "s poštovanjem", "srdačan pozdrav", "lep pozdrav",
    "lugupidamisega", "ar cieņu", "pagarbiai", "此致", "敬具", "よろしくお願いいたします", "감사합니다", "בברכה", "مع التحية", "تحياتي",
)  # fmt: skip
"""Closing words that open a signature; mail programs put the signature above the quoted mail by themselves."""

HANDING_ON = (
    "fyi", "f.y.i.", "for your information", "for info", "for your records", "for your reference", "see below", "see mail below",
    "see the mail below", "see email below", "see the email below", "mail below", "email below", "e-mail below", "message below",
    "thread below", "below for info", "as discussed below", "forwarding", "i forward", "i'm forwarding", "passing this on",
    "pass this on", "passing along", "can you handle this", "can you take this",
    "can you look at this", "please have a look", "have a look at this", "take a look at this", "please take over", "please handle",
    "schau mal", "schau dir das", "schauen sie", "kannst du dir das", "können sie das übernehmen", "bitte übernehmen", "bitte ansehen",
    "zur kenntnis", "zur info", "zur information", "zur kenntnisnahme", "z.k.", "z. k.", "zk", "z.kts.", "zkn", "z.i.", "z. i.",
    "zur ablage", "zur weiteren bearbeitung", "zur weiteren verwendung", "mit der bitte um", "m.d.b.u.", "mdbu", "siehe unten", "s. unten",
    "s.u.", "siehe mail unten", "siehe untenstehend", "siehe nachfolgend", "siehe nachstehend", "untenstehende mail", "nachstehende mail",
    "mail unten", "unten stehende mail", "leite ich weiter", "leite dir weiter", "leite ihnen weiter", "weiterleitung", "weitergeleitet",
    "leite das mal weiter", "hier die mail", "hier die e-mail", "unten die mail", "unten die antwort",
    "pour info", "pour information", "pour ta gouverne", "voir ci-dessous", "voir plus bas", "je te transfère",
    "je vous transfère", "je transfère", "je fais suivre", "per conoscenza", "p.c.", "per info", "per tua informazione", "vedi sotto",
    "vedi mail sotto", "ti inoltro", "vi inoltro", "le inoltro", "inoltro", "para tu información", "para su información",
    "para tu conocimiento", "para su conocimiento", "ver abajo", "te reenvío", "os reenvío", "le reenvío", "reenvío",
    "ter info", "ter informatie", "ter kennisgeving", "t.k.", "zie onder", "zie hieronder", "stuur ik door", "doorgestuurd",
    "para conhecimento", "para seu conhecimento", "para sua informação", "segue abaixo", "ver abaixo", "e-mail abaixo", "encaminho",
    "reencaminho", "til info", "til orientering", "til din orientering", "se nedenfor", "se nedenstående", "videresender", "til informasjon",
    "til din info", "för kännedom", "för info", "fyk", "f.k.", "se nedan", "vidarebefordrar", "tiedoksi", "tiedoksesi", "ks. alla", "ks. alta", "katso alta",
    "välitän", "do wiadomości", "dla informacji", "patrz poniżej", "zob. poniżej", "przesyłam dalej", "przekazuję", "na vědomí",
    "pro informaci", "viz níže", "přeposílám", "na vedomie", "pre informáciu", "viď nižšie", "pozri nižšie", "preposielam", "tájékoztatásul",
    "lásd lent", "lásd alább", "továbbítom", "spre informare", "spre știință", "vezi mai jos", "redirecționez", "за информация", "за сведение",
    "виж по-долу", "вижте по-долу", "препращам", "προς ενημέρωση", "για ενημέρωση", "για ενημέρωσή σας", "δείτε παρακάτω", "βλ. παρακάτω", "προωθώ",
    "bilgi için", "bilginize", "bilgilerinize", "bilgin olsun", "iletiyorum", "для информации", "к сведению", "см. ниже",
    "смотри ниже", "пересылаю", "для інформації", "до відома", "див. нижче", "дивись нижче", "пересилаю", "za informaciju", "na znanje",
    "vidi dolje", "vidi ispod", "prosljeđujem", "v vednost", "glej spodaj", "posredujem", "teadmiseks", "vaata allpool", "edastan",
    "zināšanai", "informācijai", "skat. zemāk", "pārsūtu", "susipažinimui", "žiniai", "žr. žemiau", "persiunčiu", "til upplýsingar",
    "לידיעתך", "לידיעתכם", "לידיעה", "ראה למטה", "מעביר", "للعلم", "للاطلاع", "للإحاطة", "انظر أدناه",
)  # fmt: skip
"""What people write over a mail they hand on, case-folded; looked for in short notes only."""

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
