# SPDX-License-Identifier: Apache-2.0
"""The MIME tree: offsets, attached mails in every wrapping, doubts, limits, and the known bombs."""

from __future__ import annotations

import base64
import quopri
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpmilter.mime.structure import read_structure
from dlpmilter.model.limits import Limits
from dlpmilter.model.message import Structure

LIMITS = Limits()
INNER = (
    b"From: Karin Holm <k.holm@kunde.example>\r\nTo: anna@corp.example\r\nSubject: x\r\nDate: y\r\n\r\nGuten Tag\r\n"
)


def mixed(*parts: bytes, kind: bytes = b"mixed") -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return b"Content-Type: multipart/" + kind + b'; boundary="b"\r\n\r\n' + body + b"--b--\r\n"


def read(raw: bytes) -> Structure:
    return read_structure(raw, LIMITS)


def test_offsets_are_those_of_the_message() -> None:
    """Each part says where its header and its body lie, to the octet."""
    raw = mixed(b"Content-Type: text/plain\r\n\r\none", b'Content-Type: image/png; name="a.png"\r\n\r\ntwo')
    _, first, second = read(raw).parts
    assert raw[first.body_start : first.body_end] == b"one"
    assert raw[second.body_start : second.body_end] == b"two"
    assert raw[second.header_start : second.body_start].startswith(b"Content-Type: image/png")
    assert (first.path, second.path, second.name) == ("1.1", "1.2", "a.png")
    assert read(raw).attachments == 1


@pytest.mark.parametrize(
    "part",
    [
        b"Content-Type: message/rfc822\r\n\r\n" + INNER,
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(INNER),
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n"
        + quopri.encodestring(INNER),
        b"Content-Type: application/octet-stream; name=x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(INNER),
        b"Content-Type: text/plain; name=mail.eml\r\n\r\n" + INNER,
        b"Content-Type: application/eml; name=mail.eml\r\n\r\n" + INNER,
    ],
)
def test_an_attached_mail_is_seen_in_every_wrapping(part: bytes) -> None:
    """Its people and its text are read, whatever type and encoding it was given."""
    found = read(mixed(b"\r\nsee below", part))
    assert found.attached_mail
    assert found.attachments == 1
    assert found.quotes[0].senders == ("k.holm@kunde.example",)
    assert found.quotes[0].receivers == ("anna@corp.example",)
    assert any(each.type == "text/plain" and each.path.startswith("1.2.1") for each in found.parts)


@pytest.mark.parametrize(
    "part",
    [
        b"Content-Type: application/vnd.ms-outlook; name=a.msg\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.b64encode(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)),
        b"Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.b64encode(b"\x78\x9f\x3e\x22" + bytes(20)),
    ],
)
def test_outlook_wrappings_count_as_attached_mail(part: bytes) -> None:
    """A .msg file and winmail.dat may hold a whole mail."""
    assert read(mixed(part)).attached_mail


def test_a_word_document_is_not_an_outlook_mail() -> None:
    """OLE octets alone are no mail: the name or the type must say so."""
    part = b"Content-Type: application/msword; name=a.doc\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    assert not read(mixed(part + base64.b64encode(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)))).attached_mail


@pytest.mark.parametrize(
    ("raw", "doubt"),
    [
        (b"Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n", "multipart-without-boundary"),
        (
            b"Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
            "duplicate-boundary",
        ),
        (b"Content-Type: multipart/mixed; boundary=zz\r\n\r\n--b\r\n\r\nx\r\n", "boundary-not-found"),
        (b"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx", "duplicate-content-type"),
        (
            b"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\nx",
            "duplicate-transfer-encoding",
        ),
        (mixed(b"\r\nx") + b"--b\r\n\r\nhidden\r\n--b--\r\n", "part-after-last-boundary"),
        (mixed(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx"), "nested-equal-boundary"),
        (
            b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
            "encoded-multipart",
        ),
        (b"Content-Type: multipart/mixed (c); boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n", "comment-in-content-field"),
        (b"Content-Transfer-Encoding: base64\r\n\r\naGFs=bG8=\r\naGF!sbG8=\r\n", "foreign-octets-in-base64"),
    ],
)
def test_what_programs_read_differently_is_ambiguous(raw: bytes, doubt: str) -> None:
    """Each way to show two people two mails has a name, and any of them makes the mail ambiguous."""
    found = read(raw)
    assert doubt in found.doubts
    assert found.ambiguous


def test_an_ordinary_mail_raises_no_doubt() -> None:
    """Text, HTML, a picture and an attachment, as mail programs build them."""
    alternative = (
        b'Content-Type: multipart/alternative; boundary="=_a"\r\n\r\n--=_a\r\nContent-Type: text/plain; charset=utf-8\r\n'
        b"\r\nhi\r\n--=_a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>hi</p>\r\n--=_a--\r\n"
    )
    pdf = b'Content-Type: application/pdf; name="a.pdf"\r\nContent-Disposition: attachment\r\n\r\n%PDF'
    found = read(mixed(alternative, pdf))
    assert (found.doubts, found.uninspectable, found.attachments, found.quotes) == ((), (), 1, ())


@pytest.mark.parametrize(
    ("raw", "flag"),
    [
        (mixed(b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1", kind=b"encrypted"), "encrypted"),
        (b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nx", "encrypted"),
        (b"Content-Type: text/plain\r\n\r\n-----BEGIN PGP MESSAGE-----\r\nx", "encrypted"),
        (mixed(b"Content-Type: application/zip; name=a.zip\r\n\r\nPK\x03\x04\x14\x00\x01\x00\x08\x00"), "encrypted"),
        (mixed(b"\r\nx", kind=b"signed"), "signed"),
        (b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\nx", "signed"),
        (b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR", "invitation"),
        (mixed(b"Content-Type: application/octet-stream; name=a.ics\r\n\r\nBEGIN:VCALENDAR"), "calendar"),
    ],
)
def test_encryption_signature_and_calendar_are_told_apart(raw: bytes, flag: str) -> None:
    """Encrypted is not signed, and an invitation is not a file with a date."""
    found = read(raw)
    assert getattr(found, flag)
    assert found.encrypted is (flag == "encrypted")


def test_text_that_is_no_letter_is_an_attachment() -> None:
    """A table without a name is still a file; body text in two forms is not."""
    assert read(mixed(b"\r\nhi", b"Content-Type: text/csv\r\n\r\na;b")).attachments == 1
    assert read(mixed(b"\r\nhi", b"Content-Type: text/html\r\n\r\n<p>hi", kind=b"alternative")).attachments == 0


def test_a_report_shows_where_the_returned_body_lies() -> None:
    """The body of a returned mail can be cut out by its octets."""
    status = b"Content-Type: message/delivery-status\r\n\r\nAction: failed"
    raw = mixed(
        b"\r\nsorry",
        status,
        b"Content-Type: message/rfc822\r\n\r\n" + INNER.rstrip(),
        kind=b"report; report-type=delivery-status",
    )
    found = read(raw)
    assert found.report == "delivery-status"
    assert found.report_body is not None
    assert raw[slice(*found.report_body)] == b"Guten Tag"
    assert not found.attached_mail


BOMBS = {
    "200k-parts": (
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n\r\nx\r\n" * 200_000,
        "too-many-parts",
    ),
    "3000-multiparts": (
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000))
        + b"\r\nx",
        "too-deep",
    ),
    "3000-rfc822": (b"Content-Type: message/rfc822\r\n\r\n" * 3000, "too-deep"),
    "20k-parameters": (b"Content-Type: text/plain" + b"; a=b" * 20_000 + b"\r\n\r\nx", "too-many-parameters"),
    "20k-rfc2231": (
        b"Content-Type: a/b" + b"".join(b"; n*%d=x" % n for n in range(9000)) + b"\r\n\r\nx",
        "too-many-parameters",
    ),
    "400k-subject": (b"Subject: " + b"a " * 200_000 + b"\r\n\r\nx", "header-too-big"),
    "20k-addresses": (
        b"To: " + b", ".join(b"a%d@b.example" % n for n in range(20_000)) + b"\r\n\r\nx",
        "header-too-big",
    ),
    "20k-words": (b"Subject: " + b"=?utf-8?q?a?= " * 20_000 + b"\r\n\r\nx", "header-too-big"),
    "open-comments": (b"Content-Type: text/html\r\n\r\n" + b"<!--" * 20_000, ""),
    "dashes": (b"\r\n" + (b"-" * 3000 + b"f\n") * 600, ""),
    "false-boundaries": (b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"\n--aX" * 1_000_000, "text-too-long"),
    "quote-marks": (b"\r\n" + b">" * 1_000_000, ""),
    "attributions": (b"\r\n" + b"On 1 x wrote\n" * 100_000, ""),
    "blank-lines": (b"\r\n" + b"\n" * 1_000_000, ""),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_less_than_a_second(name: str) -> None:
    """The mails that take stdlib minutes end early, and say which limit ended them."""
    raw, slug = BOMBS[name]
    start = time.process_time()
    found = read(raw)
    seconds = time.process_time() - start
    assert seconds < 1, f"{seconds:.2f} s"
    if slug:
        assert slug in found.uninspectable


def test_embedded_mails_do_not_multiply() -> None:
    """Base64 in base64 in base64 is decoded only as far as the mail is large."""
    raw = INNER
    for _ in range(12):
        raw = (
            b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + raw + b"x" * 50_000
        )
    start = time.process_time()
    found = read(raw)
    assert time.process_time() - start < 1
    assert "too-much-embedded" in found.uninspectable


PIECES = st.sampled_from(
    [b"Content-Type: ", b"multipart/mixed", b"message/rfc822", b"text/html", b"; boundary=", b"b", b'"', b"\r\n", b"\n", b"--b", b"--",
     b"Content-Transfer-Encoding: ", b"base64", b"quoted-printable", b"=", b"<p>", b"Von: x@y", b"An: z", b"Datum: 1", b"> ", b":",
     b"On 1 x wrote:", b"name*0*=", b"utf-8''%41", b"(", b")", b"\\", b"\0", b"\xff", b"-----Original Message-----"]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=1000), st.lists(PIECES, max_size=80).map(b"".join)))
def test_any_octets_make_a_structure(raw: bytes) -> None:
    """No input raises, and every part lies inside the message."""
    found = read(raw)
    assert found.parts or found.uninspectable
    for part in found.parts:
        assert 0 <= part.header_start <= part.body_start <= len(raw)
        assert part.body_start <= part.body_end <= len(raw) or part.decoded
    assert not any(slug.startswith("unreadable") for slug in found.uninspectable)
