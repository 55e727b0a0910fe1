# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter data` from the first register to the last: what it says, writes and refuses."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import textwrap
from email.message import EmailMessage
from pathlib import Path

import pytest

from dlpmilter.storage.keys import new_key_file
from tests.content.formats import make
from tests.registers import samples

PEOPLE = samples.people(500)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    new_key_file(tmp_path / "key")
    key = base64.b64encode(bytes(range(32))).decode()  # which fingerprints are kept depends on the key: always the same
    (tmp_path / "key").write_text(f'id = "test"\nkey = "{key}"\n', encoding="utf-8")
    path = tmp_path / "dlpmilter.toml"
    path.write_text(
        'internal_domains = ["corp.example"]\nnext_hop = "127.0.0.1:10026"\ndatabase = "dlpmilter.db"\n'
        'key_file = "key"\npostmaster = "postmaster@corp.example"\n',
        encoding="utf-8",
    )
    samples.write_csv(tmp_path / "customers.csv", PEOPLE)
    return path


def call(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dlpmilter", "data", *words, "--config", str(config)],
        cwd=config.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_register_from_its_making_to_its_end(config: Path) -> None:
    """Register, list, check, remove: each says what is there, none prints a value."""
    made = call(config, "register", "customers.csv", "--name", "customers", "--owner", "licensed")
    assert made.returncode == 0, made.stderr
    assert "500 rows of 10 columns are registered as customers" in made.stdout
    assert "iban: counts alone, 500 different values" in made.stdout
    assert "city: counts together with another column" in made.stdout
    (config.parent / "mail.txt").write_text("\n".join(f"IBAN {row[4]}" for row in PEOPLE[:7]), encoding="utf-8")
    found = call(config, "check", "mail.txt")
    assert "register customers: 7 of 500 rows (data rows 1, 2, 3, 4, 5, 6, 7)" in found.stdout
    answer = json.loads(call(config, "check", "mail.txt", "--json").stdout)
    assert answer["registers"] == [{"register": "customers", "rows": [0, 1, 2, 3, 4, 5, 6], "register_rows": 500}]
    assert json.loads(call(config, "check", "customers.csv", "--json").stdout)["table_rows"] == 501
    (row,) = [json.loads(line) for line in call(config, "list", "--verify", "--json").stdout.splitlines()]
    assert (row["owner"], row["rows"], [each["name"] for each in row["columns"] if each["alone"]]) == (
        "licensed",
        500,
        ["customer", "email", "iban", "phone"],
    )
    for done in (made, found):
        assert not any(cell in done.stdout + done.stderr for row in PEOPLE[:50] for cell in row if len(cell) > 6)
    assert call(config, "remove", "customers").returncode == 0
    assert call(config, "list").stdout == "Nothing is registered.\n"
    assert call(config, "remove", "customers").returncode == 2


def test_only_the_named_columns_are_known(config: Path) -> None:
    """--columns leaves the others out, whatever the case of their names."""
    call(config, "register", "customers.csv", "--name", "c", "--columns", "EMAIL, surname", "--json")
    (config.parent / "mail.txt").write_text(f"{PEOPLE[3][4]} {PEOPLE[4][3]}", encoding="utf-8")
    assert json.loads(call(config, "check", "mail.txt", "--json").stdout)["registers"][0]["rows"] == [4]


def test_a_document_from_its_making_to_its_end(config: Path) -> None:
    """Several documents at once, one by name, found by an excerpt, forgotten one by one."""
    for number in range(3):
        (config.parent / f"d{number}.txt").write_text(samples.document(number), encoding="utf-8")
    assert call(config, "document", "d0.txt", "d1.txt").returncode == 0
    assert call(config, "document", "d2.txt", "--name", "contract-x").returncode == 0
    excerpt = " ".join(samples.document(2).split()[100:250])
    (config.parent / "mail.txt").write_text(f"> {excerpt}", encoding="utf-8")
    (hit,) = json.loads(call(config, "check", "mail.txt", "--json").stdout)["documents"]
    assert hit["document"] == "contract-x"
    assert 0.2 < hit["containment"] < 0.3
    assert call(config, "remove", "contract-x", "--document").returncode == 0
    assert "Nothing registered is in this file." in call(config, "check", "mail.txt").stdout
    for name in ("d0.txt", "d1.txt"):
        assert call(config, "remove", name, "--document").returncode == 0
    assert list((config.parent / "registers").iterdir()) == []


def test_documents_of_office_and_pdf_are_known_by_their_text(config: Path) -> None:
    """PDF and DOCX are opened in the sandbox; a copied excerpt is found, in a text and in a DOCX that is attached."""
    texts = [samples.document(number) for number in range(2)]
    (config.parent / "a.pdf").write_bytes(make.pdf("\n".join(textwrap.wrap(texts[0], 80)[:50])))
    (config.parent / "b.docx").write_bytes(make.plain_docx(_paragraphs(texts[1])))
    done = call(config, "document", "a.pdf", "b.docx", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["name"] for row in rows] == ["a.pdf", "b.docx"]
    assert rows[1]["words"] > 200
    for text in texts:
        assert text.split()[40] not in done.stdout
    excerpt = " ".join(texts[1].split()[100:250])
    (config.parent / "note.txt").write_text(excerpt, encoding="utf-8")
    (config.parent / "copy.docx").write_bytes(make.plain_docx(_paragraphs(excerpt)))
    for name in ("note.txt", "copy.docx"):
        (hit,) = json.loads(call(config, "check", name, "--json").stdout)["documents"]
        assert hit["document"] == "b.docx"


def _paragraphs(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def test_what_cannot_be_read_whole_is_not_registered(config: Path) -> None:
    """A PDF with a password and octets of no format: a sentence that says why, exit code 2, and no index."""
    (config.parent / "locked.pdf").write_bytes(make.pdf("Text", password="secret"))
    (config.parent / "noise.bin").write_bytes(bytes(range(256)) * 50)
    for name, said in (
        ("locked.pdf", "locked.pdf: is encrypted"),
        ("noise.bin", "noise.bin: is of a type that nobody"),
    ):
        done = call(config, "document", name)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert list((config.parent / "registers").iterdir()) == []


def test_a_mail_is_checked_with_everything_in_it(config: Path) -> None:
    """Registers, documents and detectors that hit, each with its part; what is locked is named; no value is printed."""
    call(config, "register", "customers.csv", "--name", "customers")
    (config.parent / "contract.txt").write_text(samples.document(2), encoding="utf-8")
    call(config, "document", "contract.txt")
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@corp.example", "k@web.de", "Unterlagen"
    mail.set_content(samples.document(2))
    rows = "\n".join(" ".join(row) for row in PEOPLE[:5])
    for name, data in (("list.docx", make.plain_docx(_paragraphs(rows))), ("l.pdf", make.pdf("x", password="y"))):
        mail.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    (config.parent / "mail.eml").write_bytes(mail.as_bytes())
    done = call(config, "check", "mail.eml", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["registers"][0]["rows"] == [0, 1, 2, 3, 4]
    assert said["documents"][0]["document"] == "contract.txt"
    assert "email-address" in {each["detector"] for each in said["detectors"]}
    assert said["not_read"] == ["encrypted"]
    text = call(config, "check", "mail.eml")
    assert "detector email-address: 5 in part 1.2" in text.stdout
    assert "is encrypted" in text.stderr
    for each in (done.stdout, text.stdout):
        assert not any(cell in each for row in PEOPLE[:5] for cell in row if len(cell) > 6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("register", "nothing.csv", "--name", "x"), "nothing.csv: cannot be read (No such file or directory)."),
        (("register", "customers.csv", "--name", "../x"), "cannot be the name of a register"),
        (
            ("register", "customers.csv", "--name", "x", "--columns", "IBAM"),
            "there is no column 'IBAM'. The columns are:",
        ),
        (("register", "customers.csv", "--name", "x", "--require", "11"), "--require 11: there are 10 columns."),
        (("register", "customers.csv", "--name", "x", "--alone", "y"), "'y' is not among the registered columns"),
        (("document", "note.txt"), "note.txt: 3 words (repetitions apart) are too few to know a document by"),
        (("check", "nothing.txt"), "nothing.txt: cannot be read"),
    ],
)
def test_a_mistake_is_a_sentence_and_exit_code_2(config: Path, words: tuple[str, ...], said: str) -> None:
    """What is wrong, where, and what to do; never a traceback."""
    (config.parent / "note.txt").write_text("nur drei Wörter", encoding="utf-8")
    done = call(config, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_register_without_its_key_is_refused(config: Path) -> None:
    """After the key was exchanged the sentence names the key that is wanted; as [[previous]] it opens again."""
    call(config, "register", "customers.csv", "--name", "c")
    old = (config.parent / "key").read_text(encoding="utf-8")
    (config.parent / "key").unlink()
    new_key_file(config.parent / "key")
    done = call(config, "list")
    assert done.returncode == 1
    assert "c.reg: was sealed with the key" in done.stderr
    assert call(config, "check", "customers.csv").returncode == 2
    lines = [line for line in old.splitlines() if line.startswith(("id =", "key ="))]
    with (config.parent / "key").open("a", encoding="utf-8") as file:
        file.write("\n[[previous]]\n" + "\n".join(lines) + "\n")
    assert "register c: 500 of 500 rows" in call(config, "check", "customers.csv").stdout


def test_a_damaged_index_is_named(config: Path) -> None:
    """`list` goes on, names the file and ends with 1; `check` refuses."""
    call(config, "register", "customers.csv", "--name", "good")
    call(config, "register", "customers.csv", "--name", "torn")
    path = config.parent / "registers" / "torn.reg"
    path.write_bytes(path.read_bytes()[:-100])
    done = call(config, "list")
    assert done.returncode == 1
    assert "torn.reg: is damaged or not finished" in done.stderr
    assert "register good: 500 rows" in done.stdout
