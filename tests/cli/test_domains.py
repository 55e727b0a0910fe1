# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter domains classify`: the JSON contract of design section 6, input order, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from dlpmilter.cli.domains import command

STRICT = str(Path(__file__).parents[2] / "policies" / "examples" / "strict")


def _rows(*arguments: str, stdin: str | None = None, code: int = 0) -> list[dict[str, object]]:
    result = CliRunner().invoke(command, ["classify", "--json", *arguments], input=stdin)
    assert result.exit_code == code
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_one_object_a_line_in_input_order() -> None:
    """Keys and values of the contract; the input stands as it was given."""
    rows = _rows("Anna@ＧＭＸ.de", "anna@company.example", "nobody.example", "--internal", "company.example")
    assert rows == [
        {
            "input": "Anna@ＧＭＸ.de",
            "domain": "gmx.de",
            "class": "freemail",
            "source": "policies/domains/freemail.list@2026-11-22",
            "lists": ["policies/domains/freemail.list"],
        },
        {
            "input": "anna@company.example",
            "domain": "company.example",
            "class": "internal",
            "source": "internal_domains",
            "lists": ["internal_domains"],
        },
        {"input": "nobody.example", "domain": "nobody.example", "class": "unknown", "source": "none", "lists": []},
    ]


def test_a_local_policy_counts() -> None:
    """--policy brings its own lists."""
    assert _rows("a@supplier.example", "--policy", STRICT)[0]["class"] == "business"


def test_standard_input_and_a_bad_line() -> None:
    """`-` reads lines; what is no domain gets an error object and exit code 1, the rest is still answered."""
    rows = _rows("-", stdin="web.de\n\nnot a domain\n<x@qq.com>\n", code=1)
    assert [row.get("class") for row in rows] == ["freemail", None, "freemail"]
    assert rows[1] == {"input": "not a domain", "error": "is neither a domain nor an address"}


def test_people_get_a_line_of_text() -> None:
    """Without --json one readable line an input."""
    result = CliRunner().invoke(command, ["classify", "web.de"])
    assert result.output == "web.de: freemail (web.de; policies/domains/freemail.list@2026-11-22)\n"


def test_a_broken_policy_is_exit_code_two(tmp_path: Path) -> None:
    """The problems go to standard error."""
    result = CliRunner().invoke(command, ["classify", "web.de", "--policy", str(tmp_path)])
    assert result.exit_code == 2
    assert "holds no policy.toml" in result.stderr


def test_a_configuration_names_policy_and_own_domains(tmp_path: Path) -> None:
    """--config takes both from dlpmilter.toml, as `explain` does."""
    file = tmp_path / "dlpmilter.toml"
    file.write_text(
        f'internal_domains = ["company.example"]\nnext_hop = "127.0.0.1:25"\npolicy = "{STRICT}"\n'
        'database = "x.db"\nkey_file = "key.toml"\npostmaster = "postmaster@company.example"\n'
    )
    rows = _rows("a@company.example", "a@supplier.example", "--config", str(file))
    assert [row["class"] for row in rows] == ["internal", "business"]
    broken = CliRunner().invoke(command, ["classify", "web.de", "--config", str(tmp_path / "none.toml")])
    assert broken.exit_code == 2


def test_a_look_alike_comes_with_a_question() -> None:
    """The JSON has a `suggestion` then and only then, people read "did you mean"."""
    rows = _rows("a@gmial.com", "a@nobody.example")
    assert (rows[0]["class"], rows[0]["suggestion"]) == ("lookalike", "gmail.com")
    assert "suggestion" not in rows[1]
    result = CliRunner().invoke(command, ["classify", "gmial.com"])
    assert result.output == "gmial.com: lookalike (gmial.com; lookalike) - did you mean gmail.com?\n"
