# SPDX-License-Identifier: Apache-2.0
"""The views of one mail: an honest mail has exactly its own parts, a hostile one costs little and is told."""

from __future__ import annotations

import base64
import email.policy
import mmap
import os
import re
import time
from collections.abc import Callable
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.mime.structure import read_structure
from dlpmilter.mime.views import read_views
from dlpmilter.model.limits import MIB, Limits
from dlpmilter.model.views import Payload, Views

CORPORA = Path(os.environ.get("DLPMILTER_CORPORA") or Path(__file__).parents[2] / ".." / "shared" / "corpora")
LIMITS = Limits()
HEAD = b"From: Anna <anna@corp.example>\r\nTo: b@c.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"


def views(raw: bytes) -> Views:
    return read_views(raw, read_structure(raw, LIMITS), LIMITS)


def mixed(*parts: bytes, kind: bytes = b"mixed") -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return HEAD + b"Content-Type: multipart/" + kind + b'; boundary="b"\r\n\r\n' + body + b"--b--\r\n"


def tree(found: Views) -> list[Payload]:
    return [payload for payload in found.payloads if payload.origin == "tree"]


def test_an_honest_mail_has_its_parts_and_nothing_else() -> None:
    """Text, HTML and a file: path, type, names, charset and octets of each, no doubt, no second reading."""
    file = os.urandom(5000)
    part = (
        b'Content-Type: application/pdf; name="a.pdf"\r\nContent-Disposition: attachment; filename="b.pdf"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(file).replace(b"\n", b"\r\n")
    )
    text = (
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe"
    )
    found = views(mixed(text, part))
    assert (found.doubts, found.uninspectable) == ((), ())
    first, second = tree(found)
    assert first == Payload("1.1", "text/plain", (), "Grüße".encode(), "utf-8", "tree", text=True)
    assert (second.path, second.type, second.data, second.text) == ("1.2", "application/pdf", file, False)
    assert second.names == ("b.pdf", "a.pdf")


def test_a_message_id_is_no_part_of_the_encoded_subject_before_it() -> None:
    """A soft break would go on in the next line; an encoded word ends with its own (RFC 2047)."""
    raw = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <m1@company.example>\r\nX: a=20=\r\n b=20c\r\n\r\nx\r\n"
    found = [payload.data for payload in views(raw).payloads]
    assert any("Grüße".encode() in each for each in found)
    assert not any(b"m1@company" in each for each in found)


def test_headers_of_every_part_and_nested_mail_are_texts() -> None:
    """Subject, X-fields and part heads, decoded, with the path of the part they stand in."""
    inner = b"Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?Geh=C3=A4lter?=\r\nX-Note: streng\r\n\r\nx\r\n"
    found = views(mixed(b"Content-Description: Liste\r\n\r\nhallo", inner))
    texts = {(header.path, header.name): header.text for header in found.headers}
    assert texts["1", "subject"] == "x"
    assert texts["1.1", "content-description"] == "Liste"
    assert texts["1.2.1", "subject"] == "Gehälter"
    assert texts["1.2.1", "x-note"] == "streng"


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "x-uuencode"])
def test_a_mail_inside_is_opened_in_any_encoding(encoding: str) -> None:
    """message/rfc822 that had to be decoded first is walked like any other."""
    import binascii
    import quopri

    inner = (
        HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(b"streng")
    )
    lines = [binascii.b2a_uu(inner[at : at + 45]) for at in range(0, len(inner), 45)]
    uu = b"begin 644 a\n" + b"".join(lines) + b"`\nend\n"
    body = {"base64": base64.encodebytes(inner), "quoted-printable": quopri.encodestring(inner), "x-uuencode": uu}[
        encoding
    ]
    part = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: " + encoding.encode() + b"\r\n\r\n" + body
    assert any(payload.data == b"streng" for payload in views(mixed(part)).payloads)


def test_a_mapped_mail_reads_the_same() -> None:
    """The worker maps the mail instead of reading it; that changes nothing."""
    raw = mixed(b"Content-Transfer-Encoding: base64\r\n\r\nQUJD", b"\r\n\r\nx\0y\rz") + b"nachher"
    with mmap.mmap(-1, len(raw)) as mapped:
        mapped.write(raw)
        assert read_views(mapped, read_structure(mapped, LIMITS), LIMITS) == views(raw)


def test_preamble_and_epilogue_are_payloads() -> None:
    """What stands before the first and after the last boundary is given as it is."""
    raw = mixed(b"\r\nhallo").replace(b"\r\n\r\n--b", b"\r\n\r\nvorher\r\n--b", 1) + b"nachher\r\n"
    data = b"".join(payload.data for payload in views(raw).payloads if payload.origin == "tolerant")
    assert b"vorher" in data
    assert b"nachher" in data
    assert b"--b" not in data


@pytest.mark.parametrize(("kind", "slug"), [("partial", "message-partial"), ("external-body", "message-external-body")])
def test_a_mail_that_is_elsewhere_is_uninspectable(kind: str, slug: str) -> None:
    """A fragment and a pointer do not hold what will be read."""
    assert slug in views(HEAD + f"Content-Type: message/{kind}; id=x\r\n\r\nx".encode()).uninspectable


@pytest.mark.parametrize(
    ("raw", "doubt"),
    [
        (mixed(b"\r\nhallo").replace(b"--b\r\n\r\n", b" --b\r\n\r\n"), "odd-delimiter"),
        (mixed(b"\r\nhallo").replace(b'"b"', b'"b "'), "odd-boundary"),
        (mixed(b"\r\nhallo").replace(b"multipart/mixed", b"text/plain"), "boundary-on-leaf"),
        (HEAD + b"Content-Type : text/plain\r\n\r\nx", "odd-field-name"),
        (HEAD + b"Content-Transfer-Encoding: base64 (7bit)\r\n\r\nQUJD", "odd-transfer-encoding"),
        (HEAD + b"Content-Type: text/plain; charset=utf-8; charset=utf-7\r\n\r\nx", "duplicate-charset"),
        (HEAD + b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD=QUJD!QUJD", "foreign-octets-in-base64"),
        (HEAD + b"Content-Type: multi\x00part/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--", "control-in-content-field"),
        (HEAD + b"X: y\rContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--", "lone-carriage-return"),
    ],
)  # fmt: skip
def test_what_programs_read_differently_is_a_doubt(raw: bytes, doubt: str) -> None:
    """Doubts the structure alone does not see; any of them makes the mail ambiguous."""
    assert doubt in views(raw).doubts


@pytest.mark.parametrize(
    "raw",
    [
        mixed(b'Content-Type: application/pdf; name="=?utf-8?b?w6QucGRm?="\r\n\r\n%PDF'),
        mixed(b"Content-Type: text/plain; charset=utf-8; format=flowed;\r\n\r\nx"),
        mixed(b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7Bit\r\n\r\n-- \r\nAnna\r\n--- a/b.c\r\n"),
        mixed(b"Content-Type: text/plain\r\n\r\n-----Original Message-----\r\nContent-Type: text/plain; charset=utf-8\r\n"),
        mixed(b"Content-Type: text\r\n\r\nx"),
        HEAD + b"Content-Type: text/plain\r\n\r\n====================\r\n=20 hallo =\r\n",
        HEAD.replace(b"\r\n", b"\n") + b"\nnur LF\n",
    ],
)  # fmt: skip
def test_usual_oddities_are_no_doubts(raw: bytes) -> None:
    """Words in names, a trailing semicolon, dashes and mail source in texts, LF only: daily bread."""
    found = views(raw)
    assert (found.doubts, found.uninspectable) == ((), ())


def test_every_slug_is_explained() -> None:
    """Each doubt and each trouble the readers of mail can name stands in policies/AMBIGUOUS.md."""
    root = Path(__file__).parents[2]
    page = (root / "policies" / "AMBIGUOUS.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((root / "dlpmilter" / "mime").glob("*.py")))
    pattern = r'(?:doubts|troubles)\["([a-z0-9-]+)"\]|(?:_Full|_TooMuch|(?:doubts|problems|troubles)\.append)\("([a-z0-9-]+)"\)'
    slugs = {first or second for first, second in re.findall(pattern, source)}
    assert len(slugs) > 25
    assert sorted(slug for slug in slugs if f"`{slug}`" not in page) == []


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=300)
NAMES = st.from_regex(r"[A-Za-z0-9äöü]{1,20}\.(pdf|txt|bin)", fullmatch=True)


@given(TEXTS, TEXTS, st.lists(st.tuples(NAMES, st.binary(max_size=400)), max_size=4))
def test_a_clean_mail_is_what_was_put_into_it(plain: str, markup: str, files: list[tuple[str, bytes]]) -> None:
    """Built by the standard library from any content: no doubt, and the tree's payloads are the parts put in."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"], message["Subject"] = "Anna <anna@corp.example>", "b@c.example", "Notiz"
    message.set_content(plain)
    message.add_alternative(markup, subtype="html")
    for name, octets in files:
        message.add_attachment(octets, maintype="application", subtype="octet-stream", filename=name)
    found = views(message.as_bytes())
    assert (found.doubts, found.uninspectable) == ((), ())
    parts = [part for part in message.walk() if not part.is_multipart()]
    wanted = [(part.get_content_type(), part.get_payload(decode=True)) for part in parts]
    seen = [(payload.type, payload.data) for payload in tree(found) if "~" not in payload.path]
    assert [(kind, _lines(octets)) for kind, octets in seen] == [(kind, _lines(octets)) for kind, octets in wanted]
    shown = [payload.names[0] for payload in tree(found) if payload.names]
    assert shown == [name for name, _ in files]


def _lines(octets: object) -> bytes:
    assert isinstance(octets, bytes)
    return octets.replace(b"\r\n", b"\n").rstrip(b"\n")


PIECES = st.sampled_from(
    [b"Content-Type: ", b"multipart/mixed", b"message/rfc822", b"text/html", b"; boundary=", b"b", b'"', b"\r\n", b"\n", b"\r", b"--b", b"--",
     b"Content-Transfer-Encoding: ", b"base64", b"quoted-printable", b"x-uuencode", b"=", b"<p>", b"QUJDREVGR0hJSktMTU5PUFFSU1Q=", b"=41",
     b"begin 644 x\n", b"M", b"`\nend\n", b"=ybegin line=1 size=1 name=x\r\n", b"=yend", b":", b"(This file", b"name*0*=", b"utf-8''%41", b"(", b")",
     b"\\", b"\0", b"\xff", b"\\u0041", b"&#65;", b"%41", b"<~", b"~>", b"=?utf-8?q?", b"?=", b"\x1b$B", b"+AEE-", b" ", b"\t", b"Subject: "]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=1500), st.lists(PIECES, max_size=120).map(b"".join)))
def test_any_octets_make_views(raw: bytes) -> None:
    """No input raises; the answer is the same each time and no larger than its bounds."""
    found = views(raw)
    assert found == views(raw)
    assert sum(len(payload.data) for payload in found.payloads) <= 4 * len(raw) + MIB + 10_000
    assert not any(slug.startswith("unreadable") for slug in found.uninspectable)
    assert all(payload.origin in ("tree", "tolerant", "brute") for payload in found.payloads)
    assert found.payloads or found.headers or not raw.strip()


def body(piece: bytes, size: int = MIB, kind: bytes = b"text/plain", encoding: bytes = b"8bit") -> bytes:
    fields = b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n"
    return HEAD + fields + piece * (size // len(piece))


PIECES_OF_BOMBS = {
    "equals": b"=", "soft-breaks": b"=\n", "escapes": b"=41", "line-feeds": b"\n", "dashes": b"--\r\n", "signs": b"QUJD", "runs": b"QUJD" * 6 + b",",
    "begin": b"begin 644 a\n", "ybegin": b"=ybegin a\n", "colons": b":\n", "percent": b"%41", "entities": b"&#65;", "unicode": b"\\u0041",
    "hex": b"41" * 13 + b"x", "base32": b"ABCDEFGH", "frames": b"<~", "fields": b"Content-Type: text/plain\r\n", "nul": b"a\0", "cr": b"a\r",
    "groups": b"abcd efgh ijkl mnop q!", "uu": b"M" + b"A" * 60 + b"\n", "paragraphs": b"QUJD RUZH\n\n", "blanks": b" ", "quotes": b"> ",
}  # fmt: skip
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "200k-parts": (lambda: b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n\r\nx\r\n" * 200_000, "too-many-parts"),
    "3000-multiparts": (
        lambda: b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000)) + b"\r\nx",
        "too-deep",
    ),
    "3000-mails": (lambda: b"Content-Type: message/rfc822\r\n\r\n" * 3000, "too-deep"),
    "20k-addresses": (lambda: b"To: " + b", ".join(b"a%d@b.example" % n for n in range(20_000)) + b"\r\n\r\nx", "header-too-big"),
    "100-mb-of-div": (lambda: body(b"<div>", 100_000_000, b"text/html"), "too-much-to-search"),
    "escapes-declared": (lambda: body(b"=ZZ=41", encoding=b"quoted-printable"), ""),
    "padding": (lambda: body(b"QQ==", encoding=b"base64"), ""),
    "junk": (lambda: body(b"QUJ!", encoding=b"base64"), ""),
    "yenc": (lambda: HEAD + b"\r\n=ybegin line=1 size=1 name=x\r\n" + b"=a" * MIB, ""),
    **{name: (partial(body, piece), "") for name, piece in PIECES_OF_BOMBS.items()},
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_seconds_at_most(name: str) -> None:
    """Time grows with size only, and what was cut has a name."""
    build, slug = BOMBS[name]
    raw = build()
    structure = read_structure(raw, LIMITS)
    start = time.process_time()
    found = read_views(raw, structure, LIMITS)
    assert time.process_time() - start < 30  # quadratic would take minutes
    assert not any(each.startswith("unreadable") for each in found.uninspectable)
    if slug:
        assert slug in found.uninspectable


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the shared corpora are not beside the project")
def test_ordinary_mail_is_hardly_ever_ambiguous() -> None:
    """Of 2,500 real mails fewer than one in 200 has a doubt, and none of them is uninspectable for its views alone."""
    files = [path for path in sorted((CORPORA / "mail-spamassassin" / "data").rglob("*")) if path.is_file()]
    doubtful = []
    for path in files:
        raw = path.read_bytes()
        structure = read_structure(raw, LIMITS)
        found = read_views(raw, structure, LIMITS)
        assert set(found.uninspectable) <= set(structure.uninspectable), path.name
        if found.doubts:
            doubtful.append(path.name)
    assert len(doubtful) < 0.005 * len(files), doubtful


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the shared corpora are not beside the project")
@pytest.mark.parametrize(
    "name",
    ["arc-suite", "cpython", "enmime", "james", "mime4j", "mox", "rspamd", "spamscope", "stalwart-auth", "webklex"],
)
def test_odd_mails_are_read_in_every_view(name: str) -> None:
    """Whatever other projects collected: no exception becomes a finding, every leaf of the structure is a payload."""
    for path in sorted((CORPORA / f"mail-{name}" / "data").rglob("*")):
        if not path.is_file():
            continue
        raw = path.read_bytes()
        structure = read_structure(raw, LIMITS)
        found = read_views(raw, structure, LIMITS)
        assert not any(slug.startswith("unreadable") for slug in found.uninspectable), path.name
        paths = {payload.path for payload in found.payloads}
        leaves = {
            p.path
            for p in structure.parts
            if not p.type.startswith(("multipart/", "message/")) and p.body_end > p.body_start
        }
        if not structure.uninspectable and not structure.doubts:
            assert leaves <= paths, path.name
