# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter policy test`: the shipped golden mails, and what somebody sees who edits a copy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dlpmilter.cli.policy import command
from dlpmilter.config import ConfigError
from dlpmilter.policy.load import load_policy
from dlpmilter.simulate.golden import golden_mails

SHIPPED = Path(__file__).parents[2] / "policies" / "tests"


def _test(*arguments: str, code: int) -> dict[str, Any]:
    result = CliRunner().invoke(command, ["test", "--json", *arguments])
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_every_shipped_rule_has_a_golden_mail_that_it_decides() -> None:
    """The shipped policy does with its golden mails what they say, and no rule is left out."""
    found = _test(code=0)
    assert found["ok"]
    assert found["rules_without_golden_mail"] == []
    expected = {each["expected"]["rule"] for each in found["results"]}
    assert expected == {each.id for each in load_policy(None).rules}


def _copy(folder: Path, extra: str) -> Path:
    (folder / "policy.toml").write_text(f'name = "mine"\nextends = "default"\n{extra}', encoding="utf-8")
    return folder


CHANGED = """
[[case]]
id = "private-forward"
title = { de = "x", en = "x" }
when = "recipient.private and message.kind == 'forward'"
action = "tag"
rationale = "x"
"""


def test_who_changes_a_rule_sees_which_mail_meets_another_fate(tmp_path: Path) -> None:
    """Expected and found stand below each other; exit code 1; a golden mail of the same name settles it."""
    folder = _copy(tmp_path, CHANGED)
    result = CliRunner().invoke(command, ["test", str(folder)])
    assert result.exit_code == 1
    assert "- hold by private-forward\n  + tag by private-forward\n" in result.stdout
    assert " recipients, 1 different" in result.stdout
    own = folder / "tests"
    own.mkdir()
    for suffix in (".eml", ".toml"):
        text = (SHIPPED / f"10-private-forward{suffix}").read_text(encoding="utf-8")
        (own / f"10-private-forward{suffix}").write_text(text.replace('"hold"', '"tag"'), encoding="utf-8")
    assert _test(str(folder), code=0)["ok"]
    assert len(_test(str(folder), "--own-only", code=0)["results"]) == 1


def test_a_policy_that_only_counts_is_tried_as_enforced(tmp_path: Path) -> None:
    """In mode count everything passes; --as-enforced shows that the rules still do what they say."""
    folder = _copy(tmp_path, 'mode = "count"\n')
    assert not _test(str(folder), code=1)["ok"]
    assert _test(str(folder), "--as-enforced", code=0)["ok"]


def test_no_golden_mail_is_no_success(tmp_path: Path) -> None:
    """An empty folder has shown nothing."""
    result = CliRunner().invoke(command, ["test", "--own-only", str(_copy(tmp_path, ""))])
    assert result.exit_code == 1
    assert "There is no golden mail" in result.stdout


def test_every_mistake_of_a_table_is_said_at_once(tmp_path: Path) -> None:
    """A misspelt key, an unknown action, a bad address, a table or a mail alone: file, key and what is right."""
    folder = tmp_path
    (folder / "a.eml").write_bytes(b"From: a@b.example\n\nx\n")
    (folder / "a.toml").write_text(
        'sendr = "x"\ninternal = "corp.example"\n[[recipient]]\naddress = "nobody"\naction = "holds"\n',
        encoding="utf-8",
    )
    (folder / "b.eml").write_bytes(b"From: a@b.example\n\nx\n")
    (folder / "c.toml").write_text("", encoding="utf-8")
    (folder / "d.eml").write_bytes(b"From: a@b.example\n\nx\n")
    (folder / "d.toml").write_text(
        'sender = "nobody"\n[classes]\npartners = ["x.example"]\n[[recipient]]\naddress = "a@b.example"\naction = "hold"\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as error:
        golden_mails([folder])
    found = {(Path(each.file).name, each.key) for each in error.value.problems}
    assert found == {
        ("a.toml", "sendr"), ("a.toml", "internal"), ("a.toml", "recipient[1].address"), ("a.toml", "recipient[1].action"),
        ("b.toml", ""), ("c.toml", ""), ("d.toml", "sender"), ("d.toml", "classes.partners"),
    }  # fmt: skip
    assert "Did you mean 'hold'?" in str(error.value)


def test_a_number_beyond_all_use_is_a_sentence_and_no_hang(tmp_path: Path) -> None:
    """A golden mail that claims a thousand million registered rows is refused at once, and says what is right."""
    (tmp_path / "a.eml").write_bytes(b"From: a@corp.example\n\nx\n")
    (tmp_path / "a.toml").write_text(
        'sender = "a@corp.example"\n[[recipient]]\naddress = "a@b.example"\naction = "hold"\n'
        "[content]\nregister_rows = 1_000_000_000\ntable_rows = -1\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as error:
        golden_mails([tmp_path])
    assert {each.key for each in error.value.problems} == {"content.register_rows", "content.table_rows"}
    assert "from 0 to 1,000,000" in str(error.value)
