# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter check`: what is wrong, and what somebody should look at, all of it at once."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dlpmilter.cli.check import load_all
from dlpmilter.cli.main import command
from dlpmilter.config import ConfigError
from dlpmilter.storage.keys import new_key_file
from tests.listeners.test_door_tls import make_certificate
from tests.peers.as_user import call, need_users

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "policies" / "examples" / "demo"
SHARED = '[reviewers.erika]\naddress = "erika@company.example"\npools = ["privacy", "second-opinion"]\n'
SECOND = '[reviewers.fritz]\naddress = "fritz@company.example"\npools = ["privacy", "second-opinion"]\n'


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter, with a key that has a backup."""
    made = Path(tempfile.mkdtemp(prefix="dlpmilter-check-"))
    made.chmod(0o755)
    new_key_file(made / "key.toml")
    with (made / "key.toml").open("a") as file:
        file.write('backup_confirmed = "2026-11-22"\n')
    yield made
    shutil.rmtree(made)


def written(folder: Path, tables: str = SHARED + SECOND, **changed: str | None) -> Path:
    """A dlpmilter.toml without a mistake, but for the changed keys (as TOML; None takes one away)."""
    keys: dict[str, str | None] = {
        "internal_domains": '["company.example"]',
        "next_hop": '"relay.company.example:25"',
        "policy": json.dumps(str(DEMO)),
        "database": '"dlpmilter.db"',
        "key_file": '"key.toml"',
        "postmaster": '"postmaster@company.example"',
        "hostname": '"hop.company.example"',
        "allow_sample_governance": "true",
        **changed,
    }
    file = folder / "dlpmilter.toml"
    lines = [f"{name} = {value}" for name, value in keys.items() if value is not None]
    file.write_text("\n".join([*lines, tables]), encoding="utf-8")
    return file


def checked(file: Path) -> tuple[int, dict[str, str], dict[str, str]]:
    """Exit code, and the keys of problems and warnings with their words."""
    result = CliRunner().invoke(command, ["check", "--json", "--config", str(file)])
    said: dict[str, Any] = json.loads(result.stdout)
    assert said["fine"] == (result.exit_code == 0)
    problems, warnings = (
        {row["key"]: f"{row['what']} {row['fix']}".strip() for row in said[name]} for name in ("problems", "warnings")
    )
    wrong = [text for text in (problems | warnings).values() if not text.endswith((".", "?", "}")) or "?." in text]
    assert wrong == []
    return result.exit_code, problems, warnings


def test_fine_says_what_will_be_in_force(folder: Path) -> None:
    """Name, strongest mode and number of reviewers; a counting policy says that nothing is held."""
    file = written(folder)
    assert checked(file) == (0, {}, {})
    text = CliRunner().invoke(command, ["check", "--config", str(file)]).output
    assert "strongest mode enforce; 2 reviewers." in text
    policy = folder / "policy"
    policy.mkdir()
    (policy / "policy.toml").write_text('name = "ours"\nextends = "default"\nmode = "count"\n')
    text = CliRunner().invoke(command, ["check", "--config", str(written(folder, "", policy='"policy"'))]).output
    assert text.startswith("Fine. Policy ours ")
    assert "strongest mode count: nothing is held; 0 reviewers." in text


@pytest.mark.parametrize(
    ("changed", "key", "words"),
    [
        ({"listen": '"127.0.0.1:25"', "next_hop": '"localhost:25"'}, "next_hop", "circle"),
        ({"listen": '"0.0.0.0:2525"', "next_hop": '"127.0.0.1:2525"'}, "next_hop", "circle"),
        ({"tables": "[limits]\nanswer_seconds = 20.0\n"}, "limits.answer_seconds", "relay.data_seconds (60 s)"),
        ({"tables": SHARED.replace("second-opinion", "nobody")}, "reviewers.erika.pools", "no pool 'nobody'"),
        ({"tables": '[tls]\ncertificate = "a.pem"\nkey = "b.pem"\n'}, "tls.certificate", "a.pem cannot be read"),
        ({"tables": '[tls]\ncertificate = "a.pem"\nkey = "b.pem"\n'}, "tls.key", "b.pem cannot be read"),
        ({"tables": '[tls]\ncertificate = "key.toml"\nkey = "key.toml"\n'}, "tls", "PEM"),
        ({"database": '"key.toml/dlpmilter.db"'}, "database", "is a file, not a folder"),
    ],
)
def test_what_cannot_work_is_an_error(folder: Path, changed: dict[str, str], key: str, words: str) -> None:
    """Exit 2 names the key, and `run` refuses the same file."""
    tables = changed.pop("tables", SHARED + SECOND)
    file = written(folder, tables, **changed)
    code, problems, _ = checked(file)
    assert code == 2
    assert words in problems[key]
    with pytest.raises(ConfigError) as refused:
        load_all(file)
    assert key in {problem.key for problem in refused.value.problems}


def test_a_certificate_and_its_key_belong_together(folder: Path) -> None:
    """A pair is fine, seen from the folder of the file; two halves of two pairs are not."""
    for name in ("one", "two"):
        certificate, key = make_certificate(folder)
        certificate.rename(folder / f"{name}.crt")
        key.rename(folder / f"{name}.key")
    pair = SHARED + SECOND + '[tls]\ncertificate = "one.crt"\nkey = "one.key"\n'
    assert checked(written(folder, pair))[0] == 0
    code, problems, _ = checked(written(folder, pair.replace("one.key", "two.key")))
    assert code == 2
    assert "is not the key of the certificate" in problems["tls.key"]


@pytest.mark.parametrize(
    ("changed", "key", "words"),
    [
        ({"tables": ""}, "reviewers", "nobody in [reviewers]"),
        ({"hostname": '"mailhop"'}, "hostname", "has no dot"),
        ({"database": '"later/dlpmilter.db"'}, "database", "is not there yet"),
    ],
)
def test_what_may_be_meant_is_a_warning(folder: Path, changed: dict[str, str], key: str, words: str) -> None:
    """Exit 0, and the words still stand in JSON and in the text."""
    tables = changed.pop("tables", SHARED + SECOND)
    file = written(folder, tables, **changed)
    code, problems, warnings = checked(file)
    assert (code, problems) == (0, {})
    assert words in warnings[key]
    assert words in CliRunner().invoke(command, ["check", "--config", str(file)]).stderr
    load_all(file)


def hinted(file: Path) -> dict[str, str]:
    """The keys of hints with their words."""
    result = CliRunner().invoke(command, ["check", "--json", "--config", str(file)])
    rows = json.loads(result.stdout)["hints"]
    assert len(rows) == len({row["key"] for row in rows})
    return {row["key"]: f"{row['what']} {row['fix']}" for row in rows}


def test_shipped_rules_that_wait_for_data_are_a_hint_said_once(folder: Path) -> None:
    """Without directory and registers the shipped rules are named once for each, with what to do; never a warning."""
    file = written(folder)
    assert checked(file) == (0, {}, {})
    hints = hinted(file)
    assert "the rules secrecy-private and secrecy-client ask for that" in hints["directory.file"]
    assert "deploy/directory.md" in hints["directory.file"]
    assert "drip-records" in hints["database"]
    assert "drip-series" not in hints["database"]
    assert "drip.messages and drip.octets count all the same" in hints["database"]
    assert "mx_hint.enabled" not in hints
    assert "Hint: " in CliRunner().invoke(command, ["check", "--config", str(file)]).stderr
    (folder / "people.csv").write_text("address,secrecy_group\na@company.example,doctor\n", encoding="utf-8")
    people = SHARED + SECOND + '[directory]\nfile = "people.csv"\n'
    assert "directory.file" not in hinted(written(folder, people))


def test_own_rules_that_wait_for_data_are_a_warning(folder: Path) -> None:
    """Somebody meant them: mail host without mx_hint, department without directory; set up, they are no word."""
    policy = folder / "policy"
    policy.mkdir()
    cases = "".join(
        f'[[case]]\nid = "{name}"\ntitle = {{ de = "x", en = "x" }}\nwhen = "{when}"\naction = "tag"\nrationale = "x"\n'
        for name, when in (
            ("hosted", "recipient.mail_host == 'google.com'"),
            ("sales", "sender.department == 'sales'"),
            ("rows", "findings.register_rows > 3"),
        )
    )
    (policy / "policy.toml").write_text(
        f'name = "ours"\nextends = "default"\nmode = "count"\n{cases}', encoding="utf-8"
    )
    code, problems, warnings = checked(written(folder, policy='"policy"'))
    assert (code, problems) == (0, {})
    assert "the rule hosted asks for that" in warnings["mx_hint.enabled"]
    assert "Set enabled = true in [mx_hint]" in warnings["mx_hint.enabled"]
    assert "the rule sales asks for that" in warnings["directory.file"]
    assert "the rule rows asks for that" in warnings["database"]
    assert "secrecy-private" in hinted(folder / "dlpmilter.toml")["directory.file"]
    (folder / "people.csv").write_text("address,department\na@company.example,sales\n", encoding="utf-8")
    made = CliRunner().invoke(
        command, ["data", "document", str(ROOT / "README.md"), "--config", str(folder / "dlpmilter.toml")]
    )
    assert made.exit_code == 0, made.output
    tables = SHARED + SECOND + '[directory]\nfile = "people.csv"\n[mx_hint]\nenabled = true\n'
    file = written(folder, tables, policy='"policy"')
    assert checked(file) == (0, {}, {})
    assert hinted(file) == {}


def test_a_broken_value_hides_nothing(folder: Path) -> None:
    """Configuration, policy and key are all read, whatever is wrong with one of them."""
    policy = folder / "policy"
    policy.mkdir()
    (policy / "policy.toml").write_text('extends = "default"\nmoed = "count"\n')
    (folder / "key.toml").write_text('key = "short"\n')
    tables = '[limits]\nparts = "many"\nnestin = 3\nrecipients = -1\n'
    file = written(folder, tables, policy='"policy"', internal_domains='["a@b.example", "*"]', workers='"two"')
    code, problems, _ = checked(file)
    assert code == 2
    assert {
        "internal_domains.0", "internal_domains.1", "workers", "limits.parts", "limits.nestin", "limits.recipients",
        "moed", "key",
    } <= problems.keys()  # fmt: skip


def test_without_a_policy_nobody_is_sent_into_the_package(folder: Path) -> None:
    """One problem at the key `policy`, with what to write, instead of thirteen in an installed file."""
    code, problems, _ = checked(written(folder, policy=None))
    assert code == 2
    assert problems.keys() == {"policy"}
    assert "Name your own folder" in problems["policy"]


def _as(user: str, file: Path, *words: str) -> tuple[int, str]:
    need_users("nobody", "bin")
    code, out, err = call(user, *(words or ("check",)), "--config", str(file))
    return code, out + err


def test_a_database_of_somebody_else_is_one_sentence(folder: Path) -> None:
    """`audit verify` ends with 75, names user, file, reason and who can, and shows no traceback."""
    file = written(folder)
    inner = folder / "closed"
    inner.mkdir(mode=0o700)
    written(folder, database='"closed/dlpmilter.db"')
    code, text = _as("nobody", file, "audit", "verify")
    assert code == 75
    assert text.count("\n") == 1
    assert f"The user nobody cannot open the database {inner / 'dlpmilter.db'} (Permission denied)." in text
    assert "as root" in text


def test_a_folder_of_somebody_else_is_named(folder: Path) -> None:
    """Root's folder is a mistake, the service's folder only cannot be judged; both name the owner."""
    shutil.chown(folder / "key.toml", "nobody")
    file = written(folder)
    code, text = _as("nobody", file)
    assert code == 2
    assert f"{folder} cannot be written by the user nobody; it belongs to root." in text
    shutil.chown(folder, "bin")
    code, text = _as("nobody", file)
    assert code == 0
    assert f"Warning: {file}: database: {folder} cannot be written by the user nobody; it belongs to bin." in text


def test_a_key_of_somebody_else_is_not_made_anew(folder: Path) -> None:
    """Reason and owner are told; `keys new` is advised only where there is no key."""
    code, text = _as("nobody", written(folder))
    assert code == 2
    assert "cannot be read by the user nobody (Permission denied); it belongs to root." in text
    assert "keys new" not in text
    (folder / "key.toml").unlink()
    assert "keys new" in checked(folder / "dlpmilter.toml")[1]["key_file"]


def test_a_credential_outside_systemd_says_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CREDENTIALS_DIRECTORY is explained with its remedy."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    _, problems, _ = checked(written(folder, key_file='"credential:dlpmilter.key"'))
    assert "export CREDENTIALS_DIRECTORY=" in problems["key_file"]


@pytest.mark.parametrize(
    ("name", "package", "effect"),
    [("seccomp", "libseccomp2", "no-sandbox"), ("archive", "libarchive13", "7z, RAR")],
)
def test_a_missing_system_library_is_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str, effect: str
) -> None:
    """Without it dlpmilter starts, and somebody should know what stays closed and what to install."""
    there = {"seccomp": "libseccomp.so.2", "archive": "libarchive.so.13", name: None}
    monkeypatch.setattr("dlpmilter.content.system.find_library", there.get)
    code, _, warnings = checked(written(folder))
    assert code == 0
    assert effect in warnings["documents_without_sandbox"]
    assert f"apt-get install {package}." in warnings["documents_without_sandbox"]


def test_documents_without_a_sandbox_are_a_warning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who allows it where it makes a difference is reminded at each check."""
    monkeypatch.setattr("dlpmilter.content.system.find_library", {"archive": "libarchive.so.13"}.get)
    _, _, warnings = checked(written(folder, documents_without_sandbox="true"))
    assert "without a sandbox" in warnings["documents_without_sandbox"]


@pytest.mark.parametrize(
    ("there", "language", "package"),
    [
        (None, "eng", "tesseract-ocr"),
        ("libtesseract.so.5", "tlh", "tesseract-ocr-tlh"),
        ("libtesseract.so.5", "chi_nowhere", "tesseract-ocr-chi-nowhere"),
    ],
)
def test_ocr_without_its_library_or_a_language_is_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, there: str | None, language: str, package: str
) -> None:
    """Mail flows without it; who has switched it on should know that pictures are not read, and what to install."""
    found = {"seccomp": "libseccomp.so.2", "archive": "libarchive.so.13", "tesseract": there}
    monkeypatch.setattr("dlpmilter.content.system.find_library", found.get)
    tables = SHARED + SECOND + f'[ocr]\nenabled = true\nlanguages = ["{language}"]\n'
    code, _, warnings = checked(written(folder, tables))
    assert code == 0
    assert "words in pictures are not read" in warnings["ocr.enabled"]
    assert warnings["ocr.enabled"].endswith(f"apt-get install {package}.")
    assert "ocr.enabled" not in checked(written(folder, tables.replace("= true", "= false")))[2]


def test_ocr_that_would_take_all_the_time_is_a_warning(folder: Path) -> None:
    """Its seconds lie within those of the whole mail."""
    tables = SHARED + SECOND + "[ocr]\nenabled = true\nseconds = 9\n"
    assert "limits.content_seconds" in checked(written(folder, tables))[2]["ocr.seconds"]


@pytest.mark.parametrize("value", ['["../deu"]', '["deu+eng"]', "[]", '"deu"'])
def test_languages_of_ocr_are_names(folder: Path, value: str) -> None:
    """They become part of file names: anything but letters, digits and underscores is a mistake."""
    code, problems, _ = checked(written(folder, SHARED + SECOND + f"[ocr]\nlanguages = {value}\n"))
    assert code == 2
    assert any(key.startswith("ocr.languages") for key in problems)


def test_a_client_secret_that_cannot_be_read_is_a_problem(folder: Path) -> None:
    """The OpenID client's secret is named with its key, so that nobody finds out at the first sign-in."""
    table = SHARED + SECOND + '[portal.oidc]\nissuer = "https://login.example.com"\nclient_id = "dlp"\n'
    file = written(folder, table + 'client_secret_file = "missing.secret"\n', portal_url='"https://dlp.example.com"')
    code, problems, _ = checked(file)
    assert code == 2 and "cannot be read" in problems["portal.oidc.client_secret_file"]
