# SPDX-License-Identifier: Apache-2.0
"""What a mail carries besides its words, however it was put in; and what is no file at all."""

from __future__ import annotations

import base64
import io
import zipfile
from email.message import EmailMessage

import pytest

from dlpmilter.content.examine import examine
from dlpmilter.model.limits import Limits

LIMITS = Limits()
HEAD = b"From: a@corp.example\r\nTo: a@gmx.de\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def zipped(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.txt", text * 20)
    return buffer.getvalue()


FILE = zipped(plan="Strategie 2027, nur fuer den Vorstand. ")
CODED = base64.encodebytes(FILE).replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    "mail",
    [
        HEAD + b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + CODED,
        HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + CODED,
        HEAD + b"Content-Type: text/plain\r\n\r\nHallo,\r\n\r\n" + CODED,
        HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + CODED + b"\r\n--b\r\n\r\nhi\r\n--b--\r\n",
        HEAD + b'Content-Type: multipart/related; boundary="b"\r\n\r\n--b\r\n\r\nhi\r\n--b\r\nContent-Type: image/png\r\n'
        b"Content-ID: <x>\r\nContent-Disposition: inline\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + CODED + b"--b--\r\n",
    ],
    ids=["declared", "called-text", "pasted", "preamble", "inline-picture"],
)  # fmt: skip
def test_a_file_is_a_file_wherever_it_stands(mail: bytes) -> None:
    """Declared or not, named or not: what opens as a file counts as one attachment and its members as documents."""
    report = examine(mail, LIMITS)
    assert report.attachments >= 1
    assert report.documents >= 1


@pytest.mark.parametrize("boundary", ["b", f"{'=' * 15}0000000041424344454=="], ids=["plain", "decodes-to-words"])
def test_words_and_a_logo_are_no_attachment(boundary: str) -> None:
    """Text and HTML of one mail, and the small picture of a signature; however its program writes boundaries."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@corp.example", "a@gmx.de", "x"
    mail.set_content("Hallo, bis morgen.")
    mail.add_alternative("<p>Hallo, bis morgen. <img src='cid:logo'></p>", subtype="html")
    mail.get_payload()[1].add_related(PIXEL, "image", "png", cid="<logo>")  # type: ignore[index,union-attr]
    mail.set_boundary(boundary)
    report = examine(mail.as_bytes(), LIMITS)
    assert (report.attachments, report.documents, report.image_only) == (0, 0, True)


def test_each_document_in_an_archive_counts() -> None:
    """A payslip does not speak for the strategy paper that lies beside it."""
    both = base64.encodebytes(zipped(abrechnung="Entgelt ", plan="Strategie ")).replace(b"\n", b"\r\n")
    mail = HEAD + b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + both
    assert examine(mail, LIMITS).documents == 2


@pytest.mark.parametrize("number", range(0, 60, 3))
def test_the_boundary_of_a_program_is_no_file(number: int) -> None:
    """Python's `===============1234567890==` decodes to octets by force; no customer's mail is held for that."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@corp.example", "k@web.de", "Rechnung"
    mail.set_content("Guten Tag,\nanbei Ihre Rechnung.\n")
    mail.add_alternative("<p>Guten Tag,<br>anbei Ihre Rechnung.</p>", subtype="html")
    mail.set_boundary(
        f"==============={7318349872305418733 + 918273645546372819 * number % 9_000_000_000_000_000_000}=="
    )
    report = examine(mail.as_bytes(), LIMITS)
    assert report.uninspectable == ()
    assert report.attachments == 0


@pytest.mark.parametrize("number", range(20))
def test_a_login_token_in_a_link_is_no_file(number: int) -> None:
    """The parts of a JWT (RFC 7519) decode to small JSON: words of the body; many of them, or a big one, are a file."""
    claims = [b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"%d","name":"Kurt Neumann"}' % (number * 97_531), b"\xc3" * 32]
    token = b".".join(base64.urlsafe_b64encode(each).rstrip(b"=") for each in claims)
    text = HEAD + b"Content-Type: text/plain\r\n\r\nHallo, hier geht es weiter:\r\nhttps://shop.example/?t="
    report = examine(text + token + b"\r\n", LIMITS)
    assert (report.attachments, report.documents) == (0, 0)
    rows = b"".join(b'{"n":"Kunde %d","stadt":"Berlin"},' % each for each in range(60))
    assert examine(text + base64.b64encode(b"[" + rows[:-1] + b"]") + b"\r\n", LIMITS).attachments == 1
