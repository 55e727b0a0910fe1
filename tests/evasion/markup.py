# SPDX-License-Identifier: Apache-2.0
"""An account number in HTML, where a browser shows it and a reader of markup may not, and in odd text formats."""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from collections.abc import Iterator
from urllib.parse import quote

from tests.evasion.whole import GERMAN, HEAD, IBAN, LETTER, SPACED, TEXT, Case, attach, body, html, multipart, part

B64 = base64.b64encode(TEXT.encode()).decode()
_EACH = list(IBAN)
_SVG64 = base64.b64encode(f'<svg xmlns="http://www.w3.org/2000/svg"><text>{TEXT}</text></svg>'.encode()).decode()

# name -> (sentence, markup)
HTML: dict[str, tuple[str, str]] = {
    "spans": ("Each letter in a span.", "".join(f"<span>{e}</span>" for e in _EACH)),
    "wbr": ("A possible line break between all.", "<wbr>".join(_EACH)),
    "shy-entities": ("A soft hyphen as an entity between all.", "&shy;".join(_EACH)),
    "zwnj-entities": ("A zero-width non-joiner as an entity between all.", "&zwnj;".join(_EACH)),
    "zwsp-named": ("A zero-width space by its long name between all.", "&ZeroWidthSpace;".join(_EACH)),
    "comments": ("A comment between all.", "<!--x-->".join(_EACH)),
    "junk-display-none": ("Junk that is not displayed between all.", "<i style='display:none'>7</i>".join(_EACH)),
    "junk-font-zero": ("Junk of size zero between all.", "<i style='font-size:0'>7</i>".join(_EACH)),
    "junk-white": ("Junk white on white between all.", "<i style='color:#fff'>7</i>".join(_EACH)),
    "junk-font-white": ("Junk white by the old attribute between all.", "<font color=white size=1>7</font>".join(_EACH)),
    "junk-class": ("Junk hidden by a class between all.", "<style>.q{display:none}</style>" + "<i class=q>7</i>".join(_EACH)),
    "junk-hidden-attribute": ("Junk with the attribute hidden between all.", "<i hidden>7</i>".join(_EACH)),
    "junk-opacity": ("Junk that is transparent between all.", "<i style='opacity:0'>7</i>".join(_EACH)),
    "junk-absolute": ("Junk far outside the window between all.", "<i style='position:absolute;left:-9999px'>7</i>".join(_EACH)),
    "junk-clip": ("Junk clipped to nothing between all.", "<i style='position:absolute;clip:rect(0,0,0,0)'>7</i>".join(_EACH)),
    "junk-mso-hide": ("Junk that only Outlook hides between all.", "<i style='mso-hide:all'>7</i>".join(_EACH)),
    "junk-visibility": ("Junk that is invisible between all.", "<i style='visibility:hidden'>7</i>".join(_EACH)),
    "junk-max-height": ("Junk of no height between all.", "<i style='max-height:0;overflow:hidden;display:inline-block'>7</i>".join(_EACH)),
    "junk-script": ("An empty script between all.", "<script>7</script>".join(_EACH)),
    "junk-title": ("A drawing with a title between all.", "<svg width=0><title>7</title></svg>".join(_EACH)),
    "all-hidden": ("Not displayed at all.", f"<div style='display:none'>{TEXT}</div>"),
    "all-white": ("White on white.", f"<div style='color:white;background:white'>{TEXT}</div>"),
    "rtl-css": ("Turned round by CSS.", f"<span style='unicode-bidi:bidi-override;direction:rtl'>{IBAN[::-1]}</span>"),
    "bdo": ("Turned round by an element.", f"<bdo dir=rtl>{IBAN[::-1]}</bdo>"),
    "rtl-class": ("Turned round by a class.", f"<style>.r{{unicode-bidi:bidi-override;direction:rtl}}</style><span class=r>{IBAN[::-1]}</span>"),
    "float-right": ("Letters that float to the right, last first.", "".join(f"<span style='float:right'>{e}</span>" for e in reversed(_EACH))),
    "flex-reverse": ("A row of boxes in reverse.", "<div style='display:flex;flex-direction:row-reverse'>" + "".join(f"<b>{e}</b>" for e in reversed(_EACH)) + "</div>"),
    "css-content": ("As content of a pseudo-element.", f"<style>p::before{{content:'Konto {IBAN}'}}</style><p></p>"),
    "css-content-escapes": ("As content of a pseudo-element, escaped.", "<style>p::after{content:'" + "".join(f"\\{ord(e):06x}" for e in f"Konto {IBAN}") + "'}</style><p></p>"),
    "css-content-attr": ("As content taken from an attribute.", f"<style>p::before{{content:attr(data-x)}}</style><p data-x='Konto {IBAN}'></p>"),
    "css-content-pieces": ("As content of many pseudo-elements, a piece each.", "<style>" + "".join(f".p{n}::before{{content:'{IBAN[n * 2 : n * 2 + 2]}'}}" for n in range(11)) + "</style>" + "".join(f"<b class=p{n}></b>" for n in range(11))),
    "css-variable": ("In a custom property.", f"<style>:root{{--k:'Konto {IBAN}'}}</style>"),
    "css-comment": ("In a comment of the style sheet.", f"<style>/* {TEXT} */ p{{color:red}}</style>"),
    "css-url": ("In an address in the style sheet.", f"<style>p{{background:url(https://x.example/?k=Konto%20{quote(SPACED)})}}</style>"),
    "css-data-url": ("In a data address in the style sheet.", f"<style>p{{background:url('data:image/svg+xml;base64,{_SVG64}')}}</style>"),
    "css-data-url-percent": ("In a data address without base64.", f"<div style=\"background:url('data:image/svg+xml,{quote(f'<svg><text>{TEXT}</text></svg>')}')\">x</div>"),
    "alt": ("In the alternative text of a picture.", f"<img src='cid:1' alt='Konto {IBAN}'>"),
    "title-attribute": ("In a tool tip.", f"<abbr title='Konto {IBAN}'>x</abbr>"),
    "aria": ("In a label for screen readers.", f"<b aria-label='Konto {IBAN}'>x</b>"),
    "placeholder": ("As the placeholder of a field.", f"<input placeholder='Konto {IBAN}'>"),
    "hidden-input": ("In a hidden field.", f"<input type=hidden name=k value='Konto {IBAN}'>"),
    "option": ("In a list to choose from.", f"<select><option>Konto {IBAN}</option></select>"),
    "textarea": ("In a text area.", f"<textarea>Konto {IBAN}</textarea>"),
    "mailto": ("In the text of a prepared mail.", f"<a href='mailto:x@y.example?body=Konto%20{quote(SPACED)}'>x</a>"),
    "href-percent": ("In an address, every letter escaped.", "<a href='https://x.example/?k=" + "".join(f"%{ord(e):02X}" for e in f"Konto {IBAN}") + "'>x</a>"),
    "href-base64": ("In an address, in base64.", f"<a href='https://x.example/?k={quote(B64)}'>x</a>"),
    "img-src-path": ("In the path of a picture.", f"<img src='https://x.example/Konto/{IBAN}.gif'>"),
    "data-html": ("A page in a data address.", f"<iframe src='data:text/html;base64,{base64.b64encode(f'<p>{TEXT}</p>'.encode()).decode()}'></iframe>"),
    "data-html-percent": ("A page in a data address, percent-escaped.", f"<iframe src='data:text/html,{quote(f'<p>{TEXT}</p>')}'></iframe>"),
    "data-html-utf-7": ("A page in a data address, in UTF-7.", "<iframe src='data:text/html;charset=utf-7,%2B" + quote(base64.b64encode(TEXT.encode("utf-16-be")).decode().rstrip("=")) + "-'></iframe>"),
    "srcdoc": ("A page in an attribute.", f"<iframe srcdoc='&lt;p&gt;{TEXT}&lt;/p&gt;'></iframe>"),
    "srcdoc-spans": ("A page in an attribute, each letter in a span.", "<iframe srcdoc='" + "".join(f"&lt;b&gt;{e}&lt;/b&gt;" for e in _EACH) + "'></iframe>"),
    "object-data": ("An object from a data address.", f"<object data='data:text/plain;base64,{B64}'></object>"),
    "script-string": ("In a script.", f"<script>var k='Konto {IBAN}'</script>"),
    "script-hex": ("In a script, escaped.", "<script>var k='" + "".join(f"\\x{ord(e):02x}" for e in TEXT) + "'</script>"),
    "script-unicode": ("In a script, escaped as code units.", "<script>var k='" + "".join(f"\\u{ord(e):04x}" for e in TEXT) + "'</script>"),
    "script-codes": ("In a script, as numbers.", "<script>document.write(String.fromCharCode(" + ",".join(str(ord(e)) for e in TEXT) + "))</script>"),
    "script-atob": ("In a script, in base64.", f"<script>document.write(atob('{B64}'))</script>"),
    "script-concat": ("In a script, in pieces that are joined.", "<script>document.write('Konto '+" + "+".join(f"'{IBAN[a : a + 4]}'" for a in range(0, 22, 4)) + ")</script>"),
    "json-ld": ("In structured data.", f'<script type="application/ld+json">{{"iban":"{IBAN}"}}</script>'),
    "noscript": ("In what is shown without scripts.", f"<noscript>{TEXT}</noscript>"),
    "template": ("In a template.", f"<template><p>{TEXT}</p></template>"),
    "shadow": ("In a declared shadow tree.", f"<div><template shadowrootmode=open><p>{TEXT}</p></template></div>"),
    "xmp": ("In an element that shows its source.", f"<xmp>{TEXT}</xmp>"),
    "plaintext": ("Behind the element after which all is text.", f"<plaintext>{TEXT}"),
    "mso-comment": ("In a comment only Outlook reads.", f"<!--[if mso]><p>{TEXT}</p><![endif]-->"),
    "mso-not": ("In a comment only others read.", f"<!--[if !mso]><!--><p>{TEXT}</p><!--<![endif]-->"),
    "mso-pieces": ("Pieces in comments only Outlook reads.", "".join(f"<!--[if mso]>{IBAN[a : a + 4]}<![endif]-->" for a in range(0, 22, 4))),
    "cdata": ("In a section of characters.", f"<svg><text><![CDATA[{TEXT}]]></text></svg>"),
    "bogus-comment": ("In a bogus comment.", f"<?{TEXT}?>"),
    "svg-tspan": ("In a drawing, each letter placed.", "<svg><text>" + "".join(f"<tspan x={n * 9}>{e}</tspan>" for n, e in enumerate(_EACH)) + "</text></svg>"),
    "svg-each-text": ("In a drawing, each letter a text of its own.", "<svg>" + "".join(f"<text x={n * 9}>{e}</text>" for n, e in enumerate(_EACH)) + "</svg>"),
    "mathml": ("As a formula.", "<math>" + "".join(f"<mi>{e}</mi>" for e in _EACH) + "</math>"),
    "ruby": ("As notes above letters.", "<ruby>" + "".join(f"x<rt>{e}</rt>" for e in _EACH) + "</ruby>"),
    "table-row": ("One letter a cell.", "<table><tr>" + "".join(f"<td>{e}</td>" for e in _EACH) + "</tr></table>"),
    "table-column": ("One letter a row.", "<table>" + "".join(f"<tr><td>{e}</td></tr>" for e in _EACH) + "</table>"),
    "divs": ("One letter a box.", "".join(f"<div style='display:inline-block'>{e}</div>" for e in _EACH)),
    "inline-divs": ("One letter a block that is set inline.", "".join(f"<div style='display:inline'>{e}</div>" for e in _EACH)),
    "breaks": ("One group a line.", SPACED.replace(" ", "<br>")),
    "paragraphs": ("One group a paragraph.", "".join(f"<p>{e}</p>" for e in SPACED.split())),
    "details": ("Behind a summary to open.", f"<details><summary>x</summary>{TEXT}</details>"),
    "dialog": ("In a dialogue that is closed.", f"<dialog>{TEXT}</dialog>"),
    "meta": ("In a description for machines.", f"<meta name=description content='Konto {IBAN}'>"),
    "meta-refresh": ("In the address of a redirection.", f"<meta http-equiv=refresh content='0;url=https://x.example/?k=Konto+{IBAN}'>"),
    "class-name": ("As the name of a class.", f"<p class='Konto {IBAN}'>x</p>"),
    "id": ("As an id.", f"<p id='Konto-{IBAN}'>x</p>"),
    "attribute-name": ("As the name of an attribute.", f"<p konto data-{IBAN.lower()}>x</p>"),
    "tag-name": ("As the name of an element.", f"<konto-{IBAN.lower()}></konto-{IBAN.lower()}>"),
    "style-font": ("As the name of a font.", f"<p style=\"font-family:'Konto {IBAN}'\">x</p>"),
    "open-tag": ("In a tag that is never closed.", f"<p data-x='Konto {IBAN}"),

    "entities-padded": ("Numbered entities with many zeros.", "".join(f"&#x000000000{ord(e):x};" for e in IBAN)),
    "entities-double": ("Entities of entities.", "".join(f"&amp;#{ord(e)};" for e in TEXT)),
}  # fmt: skip


def _yenc(octets: bytes, part_of: tuple[int, int]) -> bytes:
    data = bytes((each + 42) % 256 for each in octets)
    data = b"".join(b"=" + bytes([(each + 64) % 256]) if each in (0, 10, 13, 61) else bytes([each]) for each in data)
    begin, end = part_of
    size = len(TEXT)
    return b"=ybegin part=%d total=2 line=128 size=%d name=a.txt\r\n=ypart begin=%d end=%d\r\n%b\r\n=yend size=%d part=1\r\n" % (
        1 + (begin > 1), size, begin, end, data, end - begin + 1)  # fmt: skip


def _uu(octets: bytes, head: bytes, blank: bytes = b"`") -> bytes:
    lines = [
        binascii.b2a_uu(octets[at : at + 45], backtick=blank == b"`").rstrip(b"\n") for at in range(0, len(octets), 45)
    ]
    return b"\r\n".join([head, *lines, blank, b"end", b""])


def _text(octets: bytes, kind: str = "text/plain", *fields: str, charset: str = "us-ascii") -> bytes:
    return body(kind, octets, charset, "8bit", *fields)


PACKED = gzip.compress(TEXT.encode(), mtime=0)
# name -> (sentence, mail)
TEXTS: dict[str, tuple[str, bytes]] = {
    "base64-in-prose": ("Base64 inside a sentence.", _text(f"Der Schluessel lautet {B64} und gilt bis Freitag.".encode())),
    "base64-in-bars": ("Base64 in pieces, one a line, with bars.", _text("\r\n".join(f"| {B64[a : a + 16]} |" for a in range(0, len(B64), 16)).encode())),
    "base64-numbered": ("Base64 in pieces, lines numbered.", _text("\r\n".join(f"{n:02d}: {B64[a : a + 16]}" for n, a in enumerate(range(0, len(B64), 16))).encode())),
    "base64-commented": ("Base64 in pieces behind comment signs.", _text("\r\n".join(f"# {B64[a : a + 24]}" for a in range(0, len(B64), 24)).encode())),
    "base64-of-gzip": ("Base64 of a gzip in the text.", _text(b"Hier:\r\n" + base64.encodebytes(PACKED).replace(b"\n", b"\r\n"))),
    "base64-of-zlib": ("Base64 of a zlib stream in the text.", _text(b"Hier:\r\n" + base64.encodebytes(zlib.compress(TEXT.encode() * 3)).replace(b"\n", b"\r\n"))),
    "base64-of-deflate": ("Base64 of a raw deflate stream in the text.", _text(b"Hier:\r\n" + base64.encodebytes(zlib.compress(TEXT.encode() * 3)[2:-4]).replace(b"\n", b"\r\n"))),
    "base64-reversed": ("Base64 from back to front.", _text(b"Hier:\r\n" + base64.b64encode((TEXT * 2).encode())[::-1] + b"\r\n")),
    "hex-spaced": ("Hexadecimal with spaces.", _text(TEXT.encode().hex(" ").encode())),
    "hex-colons": ("Hexadecimal with colons.", _text(TEXT.encode().hex(":").encode())),
    "hex-0x": ("Hexadecimal as numbers of a program.", _text(", ".join(f"0x{o:02x}" for o in TEXT.encode()).encode())),
    "hex-x": ("Hexadecimal as escapes.", _text("".join(f"\\x{o:02x}" for o in TEXT.encode()).encode())),
    "hex-dump": ("The print of a hex dump without its column of text.", _text("\r\n".join(f"{a:08x}  {TEXT.encode()[a : a + 16].hex(' ')}" for a in range(0, len(TEXT), 16)).encode())),
    "octal": ("Octal escapes.", _text("".join(f"\\{o:03o}" for o in TEXT.encode()).encode())),
    "decimal": ("Decimal numbers.", _text(" ".join(str(o) for o in TEXT.encode()).encode())),
    "binary": ("Zeros and ones.", _text(" ".join(f"{o:08b}" for o in TEXT.encode()).encode())),
    "rot13": ("Letters moved by thirteen; the digits lie open.", _text(TEXT.translate(str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "NOPQRSTUVWXYZABCDEFGHIJKLM")).encode())),
    "reversed": ("From back to front.", _text(TEXT[::-1].encode())),
    "uu-odd-mode": ("Uuencode with a mode of four digits.", _text(_uu(TEXT.encode(), b"begin 0644 a.txt"))),
    "uu-no-name": ("Uuencode without a name.", _text(_uu(TEXT.encode(), b"begin 644"))),
    "uu-spaces": ("Uuencode with blanks instead of grave accents.", _text(_uu(TEXT.encode(), b"begin 644 a b c.txt", b" "))),
    "uu-quoted": ("Uuencode in a quotation.", _text(b"".join(b"> " + line + b"\r\n" for line in _uu(TEXT.encode(), b"begin 644 a.txt").split(b"\r\n")))),
    "uu-upper": ("Uuencode that begins in capitals.", _text(_uu(TEXT.encode(), b"BEGIN 644 a.txt"))),
    "uu-no-end": ("Uuencode without an end.", _text(_uu(TEXT.encode(), b"begin 644 a.txt").replace(b"`\r\nend\r\n", b""))),
    "uu-no-begin": ("Uuencode without a beginning.", _text(_uu(TEXT.encode(), b"").lstrip())),
    "yenc-parts": ("yEnc in two parts of one mail.", _text(_yenc(TEXT.encode()[:30], (1, 30)) + _yenc(TEXT.encode()[30:], (31, len(TEXT))), charset="iso-8859-1")),
    "enriched": ("Enriched text with a command between all.", _text("".join(f"<bold>{e}</bold>" for e in IBAN).encode(), "text/enriched")),
    "richtext": ("Rich text of 1992.", _text("".join(f"<italic>{e}</italic>" for e in IBAN).encode(), "text/richtext")),
    "markdown": ("Markdown with a mark round each group.", _text("".join(f"**{e}** " for e in SPACED.split()).encode(), "text/markdown")),
    "markdown-joined": ("Markdown with marks inside the number.", _text("".join(f"**{e}**" for e in SPACED.split()).encode(), "text/markdown")),
    "amp": ("Only in the part for AMP.", multipart(LETTER, part("text/x-amp-html", f"<html amp4email><body>{TEXT}</body></html>".encode()), kind="alternative")),
    "watch": ("Only in the part for watches.", multipart(LETTER, part("text/watch-html", f"<body>{TEXT}</body>".encode()), kind="alternative")),
    "calendar-attach": ("In a file inside an invitation.", body("text/calendar; method=REQUEST", f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:x\r\nATTACH;ENCODING=BASE64;VALUE=BINARY;FMTTYPE=text/plain:{B64}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")),
    "calendar-alarm": ("In the alarm of an invitation.", body("text/calendar", f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nBEGIN:VALARM\r\nDESCRIPTION:Konto DE89 3704 0044\r\n  0532 0130 00\r\nEND:VALARM\r\nX-K:{IBAN}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")),
    "calendar-folded": ("In an invitation, folded at every octet.", body("text/calendar", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:" + "\r\n ".join(f"Konto {IBAN}") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")),
    "calendar-param": ("In a parameter of an invitation.", body("text/calendar", f'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nATTENDEE;CN="Konto {IBAN}":mailto:a@b.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n')),
    "vcard-note-qp": ("In the note of a card, quoted-printable.", attach("a.vcf", ("BEGIN:VCARD\r\nVERSION:2.1\r\nN:A\r\nNOTE;ENCODING=QUOTED-PRINTABLE:" + "".join(f"={o:02X}" for o in TEXT.encode()) + "\r\nEND:VCARD\r\n").encode())),
    "vcard-photo": ("As the photo of a card.", attach("a.vcf", f"BEGIN:VCARD\r\nVERSION:3.0\r\nN:A\r\nPHOTO;ENCODING=b;TYPE=JPEG:{B64}\r\nEND:VCARD\r\n".encode())),
    "vcard-photo-gzip": ("As the photo of a card, packed.", attach("a.vcf", f"BEGIN:VCARD\r\nVERSION:4.0\r\nN:A\r\nPHOTO:data:application/gzip;base64,{base64.b64encode(PACKED).decode()}\r\nEND:VCARD\r\n".encode())),
    "vcard-xml": ("In a card written in XML.", attach("a.xml", f'<vcards xmlns="urn:ietf:params:xml:ns:vcard-4.0"><vcard><note><text>{TEXT}</text></note></vcard></vcards>'.encode())),
    "ldif": ("In base64 in an LDIF.", attach("a.ldif", f"dn: cn=x\r\ndescription:: {B64}\r\n".encode())),
    "xml-base64": ("In base64 in an element.", attach("a.xml", f"<?xml version='1.0'?><a><b>{B64}</b></a>".encode())),
    "xml-attributes": ("In an attribute with a dull name.", attach("a.xml", f"<?xml version='1.0'?><a k='Konto {IBAN}'/>".encode())),
    "xml-processing": ("In a processing instruction.", attach("a.xml", f"<?xml version='1.0'?><?konto {IBAN}?><a/>".encode())),
    "xml-entity": ("In an entity.", attach("a.xml", f"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY k 'Konto {IBAN}'>]><a>&k;</a>".encode())),
    "xml-dtd-default": ("As the default of an attribute.", attach("a.xml", f"<?xml version='1.0'?><!DOCTYPE a [<!ATTLIST a k CDATA 'Konto {IBAN}'>]><a/>".encode())),
    "xml-element-names": ("As the names of elements.", attach("a.xml", f"<?xml version='1.0'?><a><k{IBAN}/></a>".encode())),
    "xml-ebcdic": ("XML that says it is EBCDIC, and is.", attach("a.xml", f"<?xml version='1.0' encoding='IBM037'?><a>{TEXT}</a>".encode("cp037"))),
    "xml-utf-16-no-bom": ("XML in UTF-16 without a mark.", attach("a.xml", f"<?xml version='1.0' encoding='utf-16'?><a>{TEXT}</a>".encode("utf-16-le"))),
    "json-keys": ("As the key of an object.", attach("a.json", f'{{"Konto {IBAN}": 1}}'.encode())),
    "json-numbers": ("As numbers.", attach("a.json", ("[" + ",".join(str(o) for o in TEXT.encode()) + "]").encode())),
    "yaml-binary": ("In base64 in YAML.", attach("a.yaml", f"konto: !!binary |\n  {B64}\n".encode())),
    "har": ("In base64 in JSON.", attach("a.har", f'{{"log":{{"content":{{"encoding":"base64","text":"{B64}"}}}}}}'.encode())),
    "ipynb": ("In an output of a notebook.", attach("a.ipynb", f'{{"cells":[{{"outputs":[{{"data":{{"image/png":"{B64}"}}}}]}}]}}'.encode())),
    "sql": ("In a dump, as hexadecimal.", attach("a.sql", f"INSERT INTO k VALUES (0x{TEXT.encode().hex()});".encode())),
    "ps": ("In a PostScript program.", attach("a.ps", f"%!PS\n/Times findfont 12 scalefont setfont 72 720 moveto ({TEXT}) show showpage\n".encode())),
    "latex": ("In LaTeX with empty groups.", attach("a.tex", ("\\begin{document}Konto " + "{}".join(IBAN) + "\\end{document}").encode())),
    "diff": ("In a diff, one group a line.", attach("a.patch", ("--- a\n+++ b\n@@ -1 +1,7 @@\n" + "".join(f"+{e}\n" for e in SPACED.split())).encode())),
    "bat-echo": ("In a batch file with carets.", attach("a.bat", ("@echo Konto " + "^".join(IBAN) + "\r\n").encode())),
    "ansi": ("With colours of a terminal between all.", attach("a.txt", "\x1b[0m".join(f"Konto {IBAN}").encode())),
    "backspaces": ("Overstruck as for a line printer.", attach("a.txt", "".join(f"{e}\b{e}" for e in f"Konto {IBAN}").encode())),
    "nul-padded": ("A NUL behind each letter, which is UTF-16 to nobody.", attach("a.bin", b"\x07" + b"\0".join(bytes([o]) for o in TEXT.encode()))),
    "content-encoding": ("A body that says it is packed.", HEAD + b"Content-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(PACKED)),
    "cte-gzip64": ("A transfer encoding of packed base64.", HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-gzip64\r\n\r\n" + base64.encodebytes(PACKED)),
    "partial": ("One piece of a mail that is sent in two.", HEAD + b"Content-Type: message/partial; id=x; number=1; total=2\r\n\r\nSubject: y\r\nContent-Transfer-Encoding: base64\r\n\r\n" + B64.encode()[:40] + b"\r\n"),
    "external-body": ("A body that lies elsewhere, its key in the parameters.", multipart(LETTER, b'Content-Type: message/external-body; access-type=URL; URL="https://x.example/?k=Konto+' + IBAN.encode() + b'"\r\n\r\nContent-Type: text/plain\r\n\r\n')),
    "flowed": ("Flowed text that is joined again.", _text((SPACED.replace(" ", " \r\n") + "\r\n").encode(), "text/plain; format=flowed; delsp=yes")),
    "flowed-delsp": ("Flowed text, a soft break inside a group.", _text((" \r\n".join(IBAN[a : a + 5] for a in range(0, 22, 5)) + "\r\n").encode(), "text/plain; format=flowed; delsp=yes")),
    "qp-soft": ("A soft break behind each letter.", body("text/plain", "=\r\n".join(f"Konto {IBAN}").encode() + b"\r\n", "us-ascii", "quoted-printable")),
    "qp-equals": ("Quoted-printable twice, declared once.", body("text/plain", "".join(f"=3D{o:02X}" for o in TEXT.encode()).encode(), "us-ascii", "quoted-printable")),
    "german-cp1250": ("German text in a charset of middle Europe.", body("text/plain", GERMAN, "cp1250")),
}  # fmt: skip


def markup() -> Iterator[Case]:
    """All of HTML, then all other texts."""
    for name, (says, inner) in HTML.items():
        yield Case("html", name, says, html(inner))
    for name, (says, raw) in TEXTS.items():
        yield Case("texts", name, says, raw)
