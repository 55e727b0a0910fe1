# SPDX-License-Identifier: Apache-2.0
"""Documents and code say the same: keys, limits, commands, metrics, events, facts, links. Never checks wording."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import tomllib
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from prometheus_client import Counter, Gauge, Histogram

from dlpmilter import metrics
from dlpmilter.cli.main import COMMANDS
from dlpmilter.config import Config, load_config
from dlpmilter.model.limits import Limits
from dlpmilter.policy.schema import FACTS
from dlpmilter.settings import TABLES, Inbound, NextHopSettings, Reviewer, Tls

if TYPE_CHECKING:
    from pydantic import BaseModel

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
TOML = DEPLOY / "dlpmilter.toml"
DOCUMENTS = [path for path in sorted(ROOT.rglob("*.md")) if ".venv" not in path.parts]
# Defaults that depend on the host, or on a file that only an example can name.
EXAMPLES = {
    ("dkim", "domain"),
    ("dkim", "selector"),
    ("dkim", "key_file"),
    ("", "policy"),
    ("", "hostname"),
    ("", "spool"),
    ("directory", "file"),
    ("inbound", "next_hop"),
    ("inbound", "authserv_id"),
    ("answers", "address"),
    ("portal.oidc", "issuer"),
    ("portal.oidc", "client_id"),
    ("portal.oidc", "groups"),
    ("portal.ldap", "groups"),
    ("trail", "folder"),
    ("trail", "events_file"),
} | {("directory.ldap", key) for key in ("url", "base", "bind_dn", "password_file", "ca_file")}


def _sections() -> dict[str, dict[str, tuple[str, bool]]]:
    """Section -> key -> (value as written, whether it is commented out); the first word names a table."""
    found: dict[str, dict[str, tuple[str, bool]]] = {"": {}}
    section = ""
    for line in TOML.read_text(encoding="utf-8").splitlines():
        if header := re.fullmatch(r"#?\[(\w+)((?:\.\w+)*)\]", line):
            section = header[1] + (header[2] if header[1] in {"directory", "portal"} else "")
            found[section] = {}
        elif entry := re.fullmatch(r"(#?)(\"[^\"]+\"|\w+) = (.+)", line):
            found[section][entry[2]] = (entry[3], bool(entry[1]))
    return found


def _default(model: type[BaseModel], key: str) -> Any:
    return model.model_fields[key].get_default(call_default_factory=True, validated_data={})


def test_the_deployed_configuration_loads() -> None:
    """deploy/dlpmilter.toml is a working file, not a sketch."""
    config = load_config(TOML)
    assert config.languages == ("de", "en")
    assert config.bounds == Limits()


def test_every_key_is_documented() -> None:
    """Each key of each table stands in deploy/dlpmilter.toml, and nothing else does."""
    sections = _sections()
    tables = {
        "tls",
        "relay",
        "inbound",
        "answers",
        "limits",
        "reviewers",
        "owners",
        "people",
        "directory",
        "mx_hint",
        "ocr",
        "dkim",
        "portal",
        "trail",
    }
    assert sections.keys() == tables | {"", *TABLES}
    assert sections[""].keys() == Config.model_fields.keys() - tables
    assert sections["relay"].keys() == NextHopSettings.model_fields.keys()
    assert sections["inbound"].keys() == Inbound.model_fields.keys()
    assert sections["tls"].keys() == Tls.model_fields.keys()
    assert sections["reviewers"].keys() == Reviewer.model_fields.keys()
    for name, table in TABLES.items():
        inner = {each.rpartition(".")[2] for each in TABLES if each.rpartition(".")[0] == name}
        assert sections[name].keys() == table.model_fields.keys() - inner
    assert sections["limits"].keys() == {field.name for field in fields(Limits)}


def test_commented_defaults_are_the_defaults_of_the_code() -> None:
    """What stands behind `#` is what happens without it."""
    sections = _sections()
    defaults = {
        "": {key: _default(Config, key) for key in Config.model_fields},
        "relay": {key: _default(NextHopSettings, key) for key in NextHopSettings.model_fields},
        "inbound": {key: _default(Inbound, key) for key in Inbound.model_fields},
        "limits": asdict(Limits()),
        **{name: {key: _default(table, key) for key in table.model_fields} for name, table in TABLES.items()},
    }
    for name, table in defaults.items():
        for key, (written, commented) in sections[name].items():
            if not commented or (name, key) in EXAMPLES:
                continue
            expected = table[key]
            value = tomllib.loads(f"value = {written}")["value"]
            assert value == (list(expected) if isinstance(expected, tuple) else expected), f"{name}.{key}"


def test_the_file_with_everything_switched_on_loads(tmp_path: Path) -> None:
    """Taking away every `#` before a key or a table gives a valid file, examples included."""
    text = re.sub(r"(?m)^#(?=\[|\"|\w+ = )", "", TOML.read_text(encoding="utf-8"))
    path = tmp_path / "dlpmilter.toml"
    path.write_text(text, encoding="utf-8")
    config = load_config(path)
    assert config.tls is not None
    assert config.inbound is not None and config.inbound.authserv_id == "mx.example.com"
    assert config.reviewers["erika"].pools == ("privacy",)
    assert config.directory.ldap is not None
    assert config.people == {"anna": "anna.berger@example.com"}
    assert config.owners == {"scanner@example.com": "erika.muster@example.com"}


def test_the_readme_shows_a_configuration_of_ten_keys_that_loads(tmp_path: Path) -> None:
    """README's smallest configuration is complete and has at most ten keys."""
    text = readme_file("dlpmilter: /etc/dlpmilter/dlpmilter.toml")
    path = tmp_path / "dlpmilter.toml"
    path.write_text(text, encoding="utf-8")
    load_config(path)
    assert 0 < len(tomllib.loads(text)) <= 10


def readme_file(marker: str) -> str:
    """The lines of README's recipe below `=== marker`, up to the next file."""
    block = re.search(r"```text\n(=== .*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    files: dict[str, str] = dict(re.findall(r"^=== (.+?)\n(.*?)(?=^=== |\Z)", block[1], re.DOTALL | re.MULTILINE))
    return files[marker]


def test_the_readme_has_two_commands_to_set_up() -> None:
    """`make demo` and `make test`, nothing before, nothing between."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"```sh\n(.*?)```", readme, re.DOTALL) == ["make demo\nmake test\n"]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test", "lint", "soak", "bench", "format", "help"} <= targets


def test_every_command_is_named_for_people() -> None:
    """Each command and each of its subcommands stands in README or in deploy/."""
    named = set()
    for path in [ROOT / "README.md", *DEPLOY.glob("*.md")]:
        for group, words in re.findall(r"dlpmilter ([a-z]+)(?: ([a-z|\\-]+))?", path.read_text(encoding="utf-8")):
            named.add(group)
            named |= {f"{group} {word}" for word in words.replace("\\", "").split("|")}
    missing = []
    for name, (module, _) in COMMANDS.items():
        command = importlib.import_module(module).command
        inner = [f"{name} {each}" for each in command.commands] if isinstance(command, click.Group) else []
        missing += [each for each in [name, *inner] if each not in named]
    assert missing == []


def test_every_metric_is_explained() -> None:
    """Each metric stands in deploy/metrics.md under the name Prometheus sees, and no other does."""
    ours = {
        each._name + ("_total" if isinstance(each, Counter) else "")
        for each in vars(metrics).values()
        if isinstance(each, Counter | Gauge | Histogram)
    }
    text = (DEPLOY / "metrics.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(dlpmilter_\w+)` \|", text, re.MULTILINE)) == ours


def test_every_log_event_is_explained() -> None:
    """Each event of the log's vocabulary stands in deploy/log.md with its level and fields, and no other does."""
    tree = ast.parse((ROOT / "dlpmilter" / "maillog.py").read_text(encoding="utf-8"))
    ours = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_write":
            level, event = (ast.literal_eval(each) for each in node.args[:2])
            ours.add((event, level, tuple(each.arg for each in node.keywords if each.arg)))
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (\w+) \| (.*?) \|", (DEPLOY / "log.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {(event, level, tuple(re.findall(r"`(\w+)`", names))) for event, level, names in rows} == ours


def test_every_fact_is_explained() -> None:
    """Each fact a condition may read stands in policies/README.md."""
    text = (ROOT / "policies" / "README.md").read_text(encoding="utf-8")
    assert [name for name in FACTS if f"`{name}`" not in text] == []


def test_every_link_leads_somewhere() -> None:
    """Relative links in all documents resolve."""
    broken = []
    for path in DOCUMENTS:
        targets = re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))
        local = [target for target in targets if not re.match(r"[a-z]+:", target)]
        broken += [f"{path.relative_to(ROOT)}: {each}" for each in local if not (path.parent / each).exists()]
    assert broken == []


def test_every_path_in_the_flow_exists() -> None:
    """FLOW.md names only files that are there."""
    text = (ROOT / "dlpmilter" / "FLOW.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.(?:py|toml|md))`", text)
    assert named
    assert [each for each in named if not (ROOT / "dlpmilter" / each).exists()] == []


def test_the_unit_gives_a_draining_gate_its_time() -> None:
    """The systemd unit waits longer than we drain, restarts after a temporary failure, and hands over the key."""
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]  # keys are case-sensitive in systemd
    unit.read(DEPLOY / "dlpmilter.service", encoding="utf-8")
    service = unit["Service"]
    assert int(service["TimeoutStopSec"]) >= 40
    assert service["RestartForceExitStatus"] == "75"
    assert service["RestartPreventExitStatus"] == "2"
    assert service["LoadCredential"].partition(":")[0] == load_config(TOML).key_file.removeprefix("credential:")
    assert service["ExecStart"].endswith("dlpmilter run --config /etc/dlpmilter/dlpmilter.toml")


def test_the_unit_lets_reviewers_reach_the_control_socket() -> None:
    """The socket of the deployed configuration lies in the unit's runtime folder, which everybody may enter."""
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]  # keys are case-sensitive in systemd
    unit.read(DEPLOY / "dlpmilter.service", encoding="utf-8")
    service = unit["Service"]
    assert load_config(TOML).control_socket.parent == Path("/run") / service["RuntimeDirectory"]
    assert service["RuntimeDirectoryMode"] == "0755"
    assert "AF_UNIX" in service["RestrictAddressFamilies"].split()
    assert service.get("PrivateUsers", "no") == "no"  # with it, every caller would look like nobody
