# SPDX-License-Identifier: Apache-2.0
"""Mails whose structure one program reads so and another one otherwise, each with a secret where only one looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

from tests.evasion.secrets import CRLF, Hidden, Trick, hidden_in_every_encoding, mail

HARMLESS = b"Content-Type: text/plain\r\n\r\nGuten Tag, anbei nichts.\r\n"
_numbers = count(1)


def mixed(*parts: bytes, boundary: bytes = b"b0", close: bool = True) -> bytes:
    """The body of a multipart."""
    body = b"".join(b"--" + boundary + CRLF + part + CRLF for part in parts)
    return body + (b"--" + boundary + b"--" + CRLF if close else b"")


# Values of Content-Transfer-Encoding; %s is the true encoding.
ENCODING_FIELDS: dict[str, bytes] = {
    "comment-behind": b"%s (7bit)",
    "comment-before": b"(7bit) %s",
    "comment-glued": b"%s(x)",
    "comment-nested": b"((a)b) %s",
    "comment-open": b"%s (7bit",
    "quoted": b'"%s"',
    "single-quoted": b"'%s'",
    "semicolon": b"%s;",
    "parameter": b"%s; x=7bit",
    "parameter-before": b"x=7bit; %s",
    "comma": b"%s, 7bit",
    "comma-before": b"7bit, %s",
    "two-words": b"%s 7bit",
    "two-words-before": b"7bit %s",
    "upper": b"%s",
    "tab": b"\t%s\t",
    "folded": b"\r\n %s",
    "folded-twice": b"\r\n \r\n %s",
    "folded-bare-lf": b"\n %s",
    "encoded-word": b"=?us-ascii?q?%s?=",
    "nul": b"%s\x00",
    "nul-before": b"\x00%s",
    "vertical-tab": b"\x0b%s",
    "nbsp": b"\xc2\xa0%s",
    "dot": b"%s.",
    "equals": b"=%s",
    "colon": b": %s",
    "angle": b"<%s>",
    "del": b"%s\x7f",
    "x-prefix": b"x-%s",
    "empty-first": b"\r\nContent-Transfer-Encoding: %s",
    "twice-7bit-last": b"%s\r\nContent-Transfer-Encoding: 7bit",
    "twice-7bit-first": b"7bit\r\nContent-Transfer-Encoding: %s",
    "three-times": b"7bit\r\nContent-Transfer-Encoding: %s\r\nContent-Transfer-Encoding: 8bit",
    "binary-first": b"binary\r\ncontent-transfer-encoding: %s",
}

# How the field itself is written; %n is its name, %v its value.
FIELD_FORMS: dict[str, bytes] = {
    "space-before-colon": b"%n : %v",
    "tab-before-colon": b"%n\t: %v",
    "no-space": b"%n:%v",
    "nul-in-name": b"%n\x00: %v",
    "nul-before-name": b"\x00%n: %v",
    "underscore": b"Content_Transfer_Encoding: %v",
    "spaces-in-name": b"Content - Transfer - Encoding: %v",
    "indented": b" %n: %v",
    "behind-junk-line": b"this is no field\r\n%n: %v",
    "behind-blank-looking-line": b"X-A: b\r\n \t\r\n%n: %v",
    "behind-lone-cr": b"X-A: b\r%n: %v",
    "behind-lone-lf": b"X-A: b\n%n: %v",
    "behind-cr-cr-lf": b"X-A: b\r\r\n%n: %v",
    "behind-form-feed": b"X-A: b\x0c%n: %v",
    "behind-nel": b"X-A: b\x85%n: %v",
    "upper-case": b"CONTENT-TRANSFER-ENCODING: %v",
    "colon-on-next-line": b"%n\r\n : %v",
    "in-a-folded-field": b"X-A: b\r\n\t%n: %v",
    "x-field": b"X-%n: %v",
    "no-colon": b"%n %v",
    "equals-for-colon": b"%n= %v",
    "soft-hyphen-in-name": b"Content-\xc2\xadTransfer-Encoding: %v",
    "full-width-colon": b"%n\xef\xbc\x9a %v",
    "bom-before-name": b"\xef\xbb\xbf%n: %v",
    "mbox-line-before": b"From x@y Mon Jan  1 00:00:00 2026\r\n%n: %v",
}

# Values of Content-Type for a body whose true boundary is b0; "other" lines are in no body.
TYPE_FIELDS: dict[str, bytes] = {
    "comment": b"multipart/mixed (text/plain); boundary=b0",
    "comment-in-type": b"multi(x)part/mixed; boundary=b0",
    "comment-before": b"(x) multipart/mixed; boundary=b0",
    "comment-with-boundary": b"multipart/mixed (; boundary=other); boundary=b0",
    "comment-open": b"multipart/mixed (; boundary=b0",
    "spaces-in-type": b"multipart / mixed; boundary=b0",
    "quoted-type": b'"multipart/mixed"; boundary=b0',
    "list": b"text/plain, multipart/mixed; boundary=b0",
    "list-behind": b"multipart/mixed, text/plain; boundary=b0",
    "encoded-word": b"=?us-ascii?q?multipart/mixed?=; boundary=b0",
    "nul": b"multipart/mixed\x00; boundary=b0",
    "nul-inside": b"multi\x00part/mixed; boundary=b0",
    "semicolon-first": b"; multipart/mixed; boundary=b0",
    "unknown-subtype": b"multipart/x-strange; boundary=b0",
    "upper": b"MULTIPART/MIXED; BOUNDARY=b0",
    "no-subtype": b"multipart; boundary=b0",
    "empty-subtype": b"multipart/; boundary=b0",
    "two-slashes": b"multipart/mixed/x; boundary=b0",
    "no-semicolon": b"multipart/mixed boundary=b0",
    "comma": b"multipart/mixed, boundary=b0",
    "two-semicolons": b"multipart/mixed;; boundary=b0",
    "empty-parameter": b"multipart/mixed; =x; boundary=b0",
    "boundary-in-quotes-first": b'multipart/mixed; x="; boundary=other"; boundary=b0',
    "boundary-in-quotes-true": b'multipart/mixed; x="; boundary=b0; y="',
    "unterminated-parameter": b'multipart/mixed; x="y; boundary=b0',
    "escaped-quote": b'multipart/mixed; x="\\"; boundary=other; y="; boundary=b0',
    "space-before-equals": b"multipart/mixed; boundary =b0",
    "space-behind-equals": b"multipart/mixed; boundary= b0",
    "quoted": b'multipart/mixed; boundary="b0"',
    "single-quoted": b"multipart/mixed; boundary='b0'",
    "quote-open": b'multipart/mixed; boundary="b0',
    "quote-closed-only": b'multipart/mixed; boundary=b0"',
    "behind-quote": b'multipart/mixed; boundary="b0"x',
    "quote-inside": b'multipart/mixed; boundary=b"0"',
    "two-words": b"multipart/mixed; boundary=b0 x",
    "trailing-space": b'multipart/mixed; boundary="b0 "',
    "leading-space": b'multipart/mixed; boundary=" b0"',
    "trailing-tab": b'multipart/mixed; boundary="b0\t"',
    "boundary-comment": b"multipart/mixed; boundary=b0(x)",
    "boundary-comment-before": b"multipart/mixed; boundary=(x)b0",
    "rfc2231": b"multipart/mixed; boundary*=us-ascii''b0",
    "rfc2231-percent": b"multipart/mixed; boundary*=us-ascii''%620",
    "rfc2231-pieces": b"multipart/mixed; boundary*0=b; boundary*1=0",
    "rfc2231-and-plain": b"multipart/mixed; boundary=other; boundary*=us-ascii''b0",
    "plain-and-rfc2231": b"multipart/mixed; boundary*=us-ascii''other; boundary=b0",
    "quoted-pair": b'multipart/mixed; boundary="\\b\\0"',
    "two-boundaries-last": b"multipart/mixed; boundary=other; boundary=b0",
    "two-boundaries-first": b"multipart/mixed; boundary=b0; boundary=other",
    "nul-in-name": b"multipart/mixed; bound\x00ary=b0",
    "nul-behind": b'multipart/mixed; boundary="b0\x00"',
    "word-boundary": b'multipart/mixed; boundary="=?us-ascii?q?b0?="',
    "percent-boundary": b"multipart/mixed; boundary=%62%30",
    "colon-for-equals": b"multipart/mixed; boundary:b0",
    "longer-name": b"multipart/mixed; xboundary=b0",
    "folded-in-quotes": b'multipart/mixed; boundary="b\r\n 0"',
    "folded-everywhere": b"multipart/mixed\r\n ;\r\n boundary\r\n =\r\n b0",
    "text-first": b"text/plain\r\nContent-Type: multipart/mixed; boundary=b0",
    "text-last": b"multipart/mixed; boundary=b0\r\nContent-Type: text/plain",
    "other-boundary-first": b"multipart/mixed; boundary=other\r\nContent-Type: multipart/mixed; boundary=b0",
    "other-boundary-last": b"multipart/mixed; boundary=b0\r\nContent-Type: multipart/mixed; boundary=other",
    "empty-first": b"\r\nContent-Type: multipart/mixed; boundary=b0",
    "leaf-with-boundary": b"text/plain; boundary=b0",
    "octets-with-boundary": b"application/octet-stream; boundary=b0",
    "unknown-type": b"x-unknown/x; boundary=b0",
    "no-boundary": b"multipart/mixed",
    "empty-boundary": b'multipart/mixed; boundary=""',
    "html": b"text/html",
    "message": b"message/rfc822",
    "image": b"image/png",
    "pgp": b"application/pgp-signature",
    "high-octets": b"multipart/mixed; x=\xe4\xf6; boundary=b0",
    "bom": b"\xef\xbb\xbfmultipart/mixed; boundary=b0",
    "digest": b"multipart/digest; boundary=b0",
    "alternative": b"multipart/alternative; boundary=b0",
    "signed": b"multipart/signed; boundary=b0; protocol=application/pgp-signature",
    "related": b"multipart/related; boundary=b0; start=x",
    "appledouble": b"multipart/appledouble; boundary=b0",
    "byteranges": b"multipart/byteranges; boundary=b0",
    "vertical-tabs": b"multipart/mixed;\x0bboundary=b0",
}

MIXED = b"Content-Type: multipart/mixed; boundary=b0"


def _body(body: bytes) -> bytes:
    return mail(MIXED, body=body)


# Where in the body the delimiters lie; h is the hidden part.
BODIES: dict[str, Callable[[Hidden], bytes]] = {
    "indented-delimiter": lambda h: _body(b"--b0\r\n" + HARMLESS + b" --b0\r\n" + h.part + b"\r\n--b0--\r\n"),
    "tabbed-delimiter": lambda h: _body(b"--b0\r\n" + HARMLESS + b"\t--b0\r\n" + h.part + b"\r\n--b0--\r\n"),
    "junk-behind-delimiter": lambda h: _body(b"--b0\r\n" + HARMLESS + b"--b0 x\r\n" + h.part + b"\r\n--b0--\r\n"),
    "blank-behind-delimiter": lambda h: _body(b"--b0\r\n" + HARMLESS + b"--b0 \t \r\n" + h.part + b"\r\n--b0--\r\n"),
    "glued-delimiter": lambda h: _body(b"--b0\r\n" + HARMLESS + b"--b0x\r\n" + h.part + b"\r\n--b0--\r\n"),
    "three-dashes": lambda h: _body(b"--b0\r\n" + HARMLESS + b"---b0\r\n" + h.part + b"\r\n--b0--\r\n"),
    "one-dash": lambda h: _body(b"--b0\r\n" + HARMLESS + b"-b0\r\n" + h.part + b"\r\n--b0--\r\n"),
    "no-dashes": lambda h: _body(b"--b0\r\n" + HARMLESS + b"b0\r\n" + h.part + b"\r\n--b0--\r\n"),
    "space-in-delimiter": lambda h: _body(b"--b0\r\n" + HARMLESS + b"-- b0\r\n" + h.part + b"\r\n--b0--\r\n"),
    "upper-case-delimiter": lambda h: _body(b"--b0\r\n" + HARMLESS + b"--B0\r\n" + h.part + b"\r\n--b0--\r\n"),
    "lone-cr-delimiter": lambda h: _body(b"--b0\r\n" + HARMLESS + b"x\r--b0\r" + h.part + b"\r\n--b0--\r\n"),
    "lone-lf-delimiter": lambda h: _body(b"--b0\r\n" + HARMLESS + b"x\n--b0\n" + h.part + b"\r\n--b0--\r\n"),
    "nul-before-delimiter": lambda h: _body(b"--b0\r\n" + HARMLESS + b"\0--b0\r\n" + h.part + b"\r\n--b0--\r\n"),
    "delimiter-at-line-end": lambda h: _body(b"--b0\r\n" + HARMLESS + b"x --b0\r\n" + h.part + b"\r\n--b0--\r\n"),
    "quoted-delimiter": lambda h: _body(b"--b0\r\n" + HARMLESS + b">--b0\r\n" + h.part + b"\r\n--b0--\r\n"),
    "closed-too-early": lambda h: _body(b"--b0\r\n" + HARMLESS + b"--b0--\r\n--b0\r\n" + h.part + b"\r\n--b0--\r\n"),
    "half-closed": lambda h: _body(b"--b0\r\n" + HARMLESS + b"--b0-\r\n" + h.part + b"\r\n--b0--\r\n"),
    "closed-with-junk": lambda h: _body(b"--b0\r\n" + HARMLESS + b"--b0--x\r\n" + h.part + b"\r\n--b0--\r\n"),
    "never-closed": lambda h: _body(b"--b0\r\n" + HARMLESS + b"--b0\r\n" + h.part),
    "cut-off-in-delimiter": lambda h: _body(b"--b0\r\n" + h.part + b"\r\n--b"),
    "preamble": lambda h: _body(h.part + b"\r\n--b0\r\n" + HARMLESS + b"--b0--\r\n"),
    "bare-preamble": lambda h: _body(h.body + b"\r\n--b0\r\n" + HARMLESS + b"--b0--\r\n"),
    "epilogue": lambda h: _body(b"--b0\r\n" + HARMLESS + b"--b0--\r\n" + h.part),
    "bare-epilogue": lambda h: _body(b"--b0\r\n" + HARMLESS + b"--b0--\r\n" + h.body),
    "epilogue-other-boundary": lambda h: _body(b"--b0\r\n" + HARMLESS + b"--b0--\r\n--b1\r\n" + h.part + b"\r\n--b1--\r\n"),
    "no-blank-line": lambda h: _body(b"--b0\r\n" + h.head + h.body + b"--b0--\r\n"),
    "blank-looking-line": lambda h: _body(b"--b0\r\n" + h.head + b" \r\n" + h.body + b"\r\n--b0--\r\n"),
    "cr-cr-lf-line": lambda h: _body(b"--b0\r\n" + h.head + b"\r\r\n" + h.body + b"\r\n--b0--\r\n"),
    "lf-lf-after-head": lambda h: _body(b"--b0\r\n" + h.head.rstrip() + b"\n\n" + h.body + b"\r\n--b0--\r\n"),
    "cr-cr-after-head": lambda h: _body(b"--b0\r\n" + h.head.rstrip() + b"\r\r" + h.body + b"\r\n--b0--\r\n"),
    "head-behind-blank-line": lambda h: _body(b"--b0\r\n\r\n" + h.part + b"\r\n--b0--\r\n"),
    "head-behind-blanks": lambda h: _body(b"--b0\r\n  \r\n" + h.part + b"\r\n--b0--\r\n"),
    "part-without-head": lambda h: _body(b"--b0\r\n\r\n" + h.body + b"\r\n--b0--\r\n"),
    "head-only": lambda h: _body(b"--b0\r\nX-A: b\r\nX-B: " + h.body.rstrip().replace(CRLF, b"\r\n ") + b"\r\n--b0--\r\n"),
    "other-boundary-only": lambda h: _body(mixed(h.part, boundary=b"b1")),
    "longer-boundary-only": lambda h: _body(mixed(h.part, boundary=b"b0b0")),
    "shorter-boundary-only": lambda h: _body(mixed(h.part, boundary=b"b")),
    "delimiter-inside-body": lambda h: _body(b"--b0\r\n" + h.head + CRLF + _torn(h.body, b"--b0x\r\n") + b"\r\n--b0--\r\n"),
    "headed-tear": lambda h: _body(b"--b0\r\n" + h.head + CRLF + _torn(h.body, b"--b0\r\n" + h.head + CRLF) + b"\r\n--b0--\r\n"),
    "nested-equal": lambda h: _body(mixed(MIXED + CRLF + CRLF + mixed(HARMLESS, h.part))),
    "nested-prefix": lambda h: _body(mixed(b"Content-Type: multipart/mixed; boundary=b00\r\n\r\n" + mixed(HARMLESS, h.part, boundary=b"b00"))),
    "nested-suffix": lambda h: mail(b"Content-Type: multipart/mixed; boundary=b00", body=mixed(MIXED + CRLF + CRLF + mixed(h.part), boundary=b"b00")),
    "child-closes-parent": lambda h: _body(b"--b0\r\nContent-Type: multipart/mixed; boundary=b1\r\n\r\n--b1\r\n" + HARMLESS + b"--b0--\r\n--b1\r\n" + h.part + b"--b1--\r\n"),
    "crossed": lambda h: _body(b"--b0\r\nContent-Type: multipart/mixed; boundary=b1\r\n\r\n--b1\r\n" + HARMLESS + b"--b0\r\n" + HARMLESS + b"--b1\r\n" + h.part + b"--b0--\r\n"),
    "hidden-in-delimiter-line": lambda h: _body(b"--b0\r\n" + HARMLESS + b"--b0 " + h.body.replace(CRLF, b" ") + b"\r\n" + HARMLESS + b"--b0--\r\n"),
    "many-empty-parts": lambda h: _body(b"--b0\r\n\r\n" * 200 + b"--b0\r\n" + h.part + b"\r\n--b0--\r\n"),
    "behind-1200-parts": lambda h: _body(b"--b0\r\n\r\n" * 1200 + b"--b0\r\n" + h.part + b"\r\n--b0--\r\n"),
    "no-multipart-at-all": lambda h: mail(b"Content-Type: text/plain", body=b"Hallo\r\n\r\n" + h.part),
    "html-comment": lambda h: mail(b"Content-Type: text/html", body=b"<p>Hallo</p><!--\r\n" + h.body + b"\r\n-->"),
    "cut-in-two-mails-forms": lambda h: mail(b"Content-Type: text/plain", body=b"Teil 1:\r\n" + h.body),
}  # fmt: skip


TEXTS_ONLY = frozenset({"headed-tear"})
"""Half a file in each of two parts is two broken files to every program; two texts are read one after the other."""


def _torn(body: bytes, between: bytes) -> bytes:
    lines = body.splitlines(keepends=True)
    middle = max(1, len(lines) // 2)
    return b"".join(lines[:middle]) + between + b"".join(lines[middle:])


def _wrapped(h: Hidden, kind: bytes, encoding: bytes, encode: Callable[[bytes], bytes]) -> bytes:
    inner = mail(*h.head.rstrip().split(CRLF), body=h.body)
    head = b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n"
    return _body(mixed(HARMLESS, head + encode(inner)))


# What the hidden part is wrapped in.
WRAPPINGS: dict[str, Callable[[Hidden], bytes]] = {}


def _wrappings() -> dict[str, Callable[[Hidden], bytes]]:
    from tests.evasion.secrets import in_base64, in_quoted_printable, in_uuencode

    found: dict[str, Callable[[Hidden], bytes]] = {}
    encoders = {
        b"7bit": lambda octets: octets,
        b"base64": in_base64,
        b"quoted-printable": in_quoted_printable,
        b"x-uuencode": in_uuencode,
    }
    for kind in (
        b"message/rfc822",
        b"message/global",
        b"application/octet-stream; name=a.eml",
        b"text/plain",
        b"message/http",
        b"x/y",
    ):
        for encoding, encode in encoders.items():
            name = f"{kind.decode().split(';')[0]}-{encoding.decode()}"
            found[name] = lambda h, k=kind, e=encoding, f=encode: _wrapped(h, k, e, f)  # type: ignore[misc]
    for encoding, encode in encoders.items():
        found[f"encoded-multipart-{encoding.decode()}"] = lambda h, e=encoding, f=encode: mail(  # type: ignore[misc]
            MIXED, b"Content-Transfer-Encoding: " + e, body=f(mixed(HARMLESS, h.part))
        )
    for position in range(3):
        found[f"alternative-{position}"] = lambda h, p=position: mail(  # type: ignore[misc]
            b"Content-Type: multipart/alternative; boundary=b0",
            body=mixed(*[HARMLESS] * p, h.part, *[HARMLESS] * (2 - p)),
        )
    for depth in (5, 20, 45, 70):
        found[f"nested-{depth}"] = lambda h, d=depth: _deep(h, d)  # type: ignore[misc]
        found[f"nested-mails-{depth}"] = lambda h, d=depth: mail(  # type: ignore[misc]
            b"Content-Type: message/rfc822", body=b"Content-Type: message/rfc822\r\n\r\n" * d + h.part
        )
    found["report"] = lambda h: mail(
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b0",
        body=mixed(HARMLESS, b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\n", h.part),
    )
    found["text-headers"] = lambda h: _body(mixed(b"Content-Type: text/rfc822-headers\r\n\r\n" + mail(body=h.part)))
    return found


def _deep(h: Hidden, depth: int) -> bytes:
    part = h.part
    for level in range(depth, 0, -1):
        boundary = b"n%d-" % level
        part = b"Content-Type: multipart/mixed; boundary=" + boundary + b"\r\n\r\n" + mixed(part, boundary=boundary)
    return mail(MIXED, body=mixed(part))


WRAPPINGS |= _wrappings()


def structures() -> Iterator[Trick]:
    """All of them in all encodings."""
    for name, value in ENCODING_FIELDS.items():
        for h in hidden_in_every_encoding(next(_numbers)):
            encoding = h.encoding.upper() if name == "upper" else h.encoding
            head = b"Content-Type: " + h.type + b"\r\nContent-Transfer-Encoding: " + value.replace(b"%s", encoding)
            yield h.trick("transfer encoding field", name, _body(mixed(HARMLESS, head + CRLF + CRLF + h.body)))
            yield h.trick("transfer encoding field", f"{name}-root", mail(*head.split(CRLF), body=h.body))
    for name, form in FIELD_FORMS.items():
        for h in hidden_in_every_encoding(next(_numbers)):
            field = form.replace(b"%n", b"Content-Transfer-Encoding").replace(b"%v", h.encoding)
            head = b"Content-Type: " + h.type + CRLF + field
            yield h.trick("field form", name, _body(mixed(HARMLESS, head + CRLF + CRLF + h.body)))
            field = form.replace(b"%n", b"Content-Type").replace(b"%v", b"multipart/mixed; boundary=b0")
            if b"Transfer" not in form:
                yield h.trick("field form", f"{name}-type", mail(field, body=mixed(HARMLESS, h.part)))
    for name, value in TYPE_FIELDS.items():
        for h in hidden_in_every_encoding(next(_numbers)):
            yield h.trick("type field", name, mail(b"Content-Type: " + value, body=mixed(HARMLESS, h.part)))
    for family, table in (("delimiters", BODIES), ("wrappings", WRAPPINGS)):
        for name, build in table.items():
            for h in hidden_in_every_encoding(next(_numbers)):
                if name not in TEXTS_ONLY or h.text:
                    yield h.trick(family, name, build(h))
