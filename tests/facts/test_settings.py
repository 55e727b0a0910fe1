# SPDX-License-Identifier: Apache-2.0
"""The tables about people in dlpmilter.toml: mistakes are named with their key, `check` reads the file of people."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from dlpmilter.cli.main import command
from dlpmilter.config import ConfigError, load_config

SMALLEST = (
    'internal_domains = ["corp.example"]\nnext_hop = "127.0.0.1:25"\ndatabase = "d.db"\nkey_file = "k"\n'
    'postmaster = "p@corp.example"\n'
)


def written(tmp_path: Path, tables: str) -> Path:
    """A configuration with these tables."""
    path = tmp_path / "dlpmilter.toml"
    path.write_text(SMALLEST + tables, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ('[directory]\nfiel = "x"\n', "directory.fiel: is not a known key; did you mean 'file'?"),
        (
            '[directory]\nfile = "x"\n[directory.ldap]\nurl = "ldap.example.com"\nbase = "dc=x"\n',
            "is not an LDAP server",
        ),
        ('[directory]\nfile = "x"\n[directory.ldap]\nurl = "ldap://x"\nbaes = "dc=x"\n', "did you mean 'base'?"),
        ('[directory.ldap]\nurl = "ldap://x"\nbase = "dc=x"\n', "directory: file is missing"),
        (
            '[directory]\nfile = "x"\n[directory.ldap]\nurl = "ldap://x"\nbase = "d"\n[directory.ldap.attributes]\nadress = "m"\n',
            "directory.ldap.attributes.adress: is not a known key; did you mean 'address'?",
        ),
        ('[mx_hint]\nnameservers = ["dns.example"]\n', "is not an IP address"),
        ("[mx_hint]\nseconds = 60.0\n", "the largest is 10"),
        ('[people]\nanna = "anna"\n', "is not a mail address"),
        (
            '[reviewers.rita]\naddress = "rita@corp.example"\npools = ["p"]\n[people]\nrita = "other@corp.example"\n',
            "people: rita has another address in [reviewers]",
        ),
    ],
)
def test_a_mistake_is_named_with_its_key(tmp_path: Path, tables: str, said: str) -> None:
    """Unknown keys get a suggestion from their own table; values say what would be right."""
    with pytest.raises(ConfigError) as raised:
        load_config(written(tmp_path, tables))
    assert said in str(raised.value)


def test_paths_count_from_the_folder_of_the_file(tmp_path: Path) -> None:
    """The file of people, the password and the authorities lie beside dlpmilter.toml."""
    tables = (
        '[directory]\nfile = "people.csv"\n[directory.ldap]\nurl = "ldaps://[::1]:636/"\nbase = "dc=x"\n'
        'password_file = "secret"\nca_file = "ca.pem"\n'
    )
    directory = load_config(written(tmp_path, tables)).directory
    assert directory.ldap is not None
    assert (directory.file, directory.ldap.ca_file) == (tmp_path / "people.csv", tmp_path / "ca.pem")
    assert (directory.ldap.password_file, directory.ldap.url) == (str(tmp_path / "secret"), "ldaps://[::1]:636")


def test_check_reads_the_file_of_people(tmp_path: Path) -> None:
    """A mistake in the file of people is one of all the mistakes; before the first sync its absence is a warning."""
    path = written(tmp_path, '[directory]\nfile = "people.csv"\n')
    (tmp_path / "people.csv").write_text("address,title\na@corp.example,CEO\n", encoding="utf-8")
    done = CliRunner().invoke(command, ["check", "--config", str(path)])
    assert (done.exit_code, "no rank" in done.stderr) == (2, True)
    (tmp_path / "people.csv").unlink()
    written(tmp_path, '[directory]\nfile = "people.csv"\n[directory.ldap]\nurl = "ldaps://x"\nbase = "dc=x"\n')
    done = CliRunner().invoke(command, ["check", "--config", str(path)])
    assert "Warning" in done.stderr
    assert "directory sync" in done.stderr


def test_directory_commands_say_what_is_wrong(tmp_path: Path) -> None:
    """`check` names every mistake, `show` and `sync` say what is not configured; exit codes tell programs."""
    bad = tmp_path / "people.csv"
    bad.write_text("address\nno address\n", encoding="utf-8")
    checked = CliRunner().invoke(command, ["directory", "check", str(bad), "--json"])
    assert checked.exit_code == 2
    assert "line 2, column address" in checked.stdout
    bad.write_text("address\na@corp.example\n", encoding="utf-8")
    assert CliRunner().invoke(command, ["directory", "check", str(bad)]).exit_code == 0
    path = written(tmp_path, "")
    synced = CliRunner().invoke(command, ["directory", "sync", "--config", str(path)])
    assert (synced.exit_code, "[directory.ldap]" in synced.stderr) == (2, True)
