# SPDX-License-Identifier: Apache-2.0
"""dlpmilter.toml, the admin's file: sockets, next hop, paths, keys. Never policy, never texts.

All problems are reported at once, each with file, key, what is wrong and what would be right.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import socket
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from dlpmilter.model.address import AddressError, parse_address
from dlpmilter.model.limits import Limits

SOCKET_NAME_OCTETS = 80
"""A socket's name has to fit behind /proc/self/fd/N/ in the 107 octets of unix(7)."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it stands, what is wrong, what would be right."""

    file: str
    key: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        where = f"{self.file}: {self.key}" if self.key else self.file
        return f"{where}: {self.what}" + (f" {self.fix}" if self.fix else "")


class ConfigError(Exception):
    """The file cannot be used; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def _address(text: str) -> str:
    try:
        return parse_address(text).text
    except AddressError as error:
        raise ValueError(f"{text!r} is not a mail address: {error}") from None


def _endpoint(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError(f"{text!r} is not host:port, for example 127.0.0.1:10025")
    return text


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address or network, for example 192.0.2.0/24") from None


def _domain(text: str) -> str:
    if "@" in text or "*" in text or not re.fullmatch(r"[^\s.]+(\.[^\s.]+)*\.?", text):
        raise ValueError(f"{text!r} is not a domain, for example example.com")
    return text.rstrip(".").lower()


MailAddress = Annotated[str, AfterValidator(_address)]
Endpoint = Annotated[str, AfterValidator(_endpoint)]
NetworkText = Annotated[str, AfterValidator(_network)]
Domain = Annotated[str, AfterValidator(_domain)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Tls(_Section):
    """STARTTLS on our own listener."""

    certificate: Path
    key: Path

    @field_validator("certificate", "key", mode="before")
    @classmethod
    def _as_path(cls, value: object) -> object:
        return Path(value) if isinstance(value, str) else value


class NextHopSettings(_Section):
    """How we speak to the relay behind us."""

    tls: Literal["none", "opportunistic", "require"] = "opportunistic"
    sessions: int = Field(default=50, ge=1, le=1000)
    connect_seconds: float = Field(default=10.0, gt=0)
    command_seconds: float = Field(default=30.0, gt=0)
    data_seconds: float = Field(default=60.0, gt=0)
    idle_seconds: float = Field(default=30.0, gt=0)
    retry_days: int = Field(default=5, ge=1, le=14)


class Reviewer(_Section):
    """A person who may decide: a Unix user name maps to an address and pools."""

    address: MailAddress
    pools: tuple[str, ...] = Field(min_length=1)

    @field_validator("pools", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


_NUMBERS: dict[str, Any] = {
    each.name: (float, Field(default=each.default, gt=0, allow_inf_nan=False))
    if isinstance(each.default, float)
    else (int, Field(default=each.default, gt=0))
    for each in fields(Limits)
}
_LIMITS = create_model("_LIMITS", __base__=_Section, **_NUMBERS)
"""The names, types and signs of `[limits]`, from the one table of limits."""


class Config(_Section):
    """Everything in dlpmilter.toml; the first ten keys are the smallest configuration."""

    listen: Endpoint = "127.0.0.1:10025"
    allowed_clients: tuple[NetworkText, ...] = ("127.0.0.0/8", "::1/128")
    internal_domains: tuple[Domain, ...] = Field(min_length=1)
    next_hop: Endpoint
    policy: Path | None = None
    database: Path
    key_file: str
    portal_url: str = ""
    languages: tuple[Literal["de", "en"], ...] = ("en",)
    postmaster: MailAddress

    hostname: str = Field(default_factory=socket.getfqdn)
    workers: int = Field(default=0, ge=0, le=64)
    monitoring: Endpoint | None = "127.0.0.1:10028"
    spool: Path | None = None
    control: Path | None = None
    xforward_clients: tuple[NetworkText, ...] = ()
    allow_sample_governance: bool = False
    documents_without_sandbox: bool = False
    hold_reply: Literal["accept", "reject"] = "accept"
    tls: Tls | None = None
    relay: NextHopSettings = NextHopSettings()
    limits: dict[str, int | float] = Field(default_factory=dict)
    reviewers: dict[str, Reviewer] = Field(default_factory=dict)
    owners: dict[MailAddress, MailAddress] = Field(default_factory=dict)

    @field_validator("allowed_clients", "internal_domains", "languages", "xforward_clients", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("policy", "database", "spool", "control", mode="before")
    @classmethod
    def _as_path(cls, value: object) -> object:
        return Path(value) if isinstance(value, str) else value

    @field_validator("control")
    @classmethod
    def _socket_name(cls, value: Path | None) -> Path | None:
        if value is not None and not 0 < len(os.fsencode(value.name)) <= SOCKET_NAME_OCTETS:
            raise ValueError(f"must name a file, with at most {SOCKET_NAME_OCTETS} octets after the last slash")
        return value

    @field_validator("limits", mode="before")
    @classmethod
    def _limits(cls, value: object) -> object:
        if isinstance(value, dict):
            _LIMITS.model_validate(value)  # what it finds stands under limits.NAME, all of it at once
        return value

    @model_validator(mode="after")
    def _never_an_open_relay(self) -> Self:
        host = self.listen.rpartition(":")[0].strip("[]")
        if not self.allowed_clients and not _is_loopback(host):
            raise ValueError(
                f"listen: {host} can be reached from other hosts but allowed_clients is empty: "
                "list the mail servers that may relay through this hop"
            )
        return self

    @property
    def bounds(self) -> Limits:
        """The table of limits with this file's changes."""
        return Limits(**self.limits)  # type: ignore[arg-type]  # names and signs are checked above

    @property
    def spool_directory(self) -> Path:
        """Where big mails are spilled: `spool`, else beside the database."""
        return self.spool or self.database.parent

    @property
    def control_socket(self) -> Path:
        """Where the office listens for the command line: `control`, else beside the database."""
        return self.control or self.database.parent / "control.sock"

    @property
    def worker_count(self) -> int:
        """Gate processes: `workers`, else one per processor up to four."""
        return self.workers or min(4, os.cpu_count() or 1)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _suggest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def load_config(path: Path) -> Config:
    """Read and check dlpmilter.toml; relative paths count from its folder. Raises ConfigError."""
    try:
        config = Config.model_validate(_read(path))
    except ValidationError as error:
        raise ConfigError(_problems(str(path), error)) from None
    base = path.resolve().parent
    placed = {
        name: base / value
        for name in ("policy", "database", "spool", "control")
        if (value := getattr(config, name)) is not None
    }
    more: dict[str, Any] = {"key_file": _key_place(base, config.key_file)}
    if config.tls is not None:
        more["tls"] = Tls(certificate=base / config.tls.certificate, key=base / config.tls.key)
    return config.model_copy(update=placed | more)


@dataclass(frozen=True, slots=True)
class References:
    """What a file that cannot be used still says about policy and key, so that these can be checked too.

    None stands for what is missing or has the wrong type; `policy` is None as well when the shipped one is meant.
    """

    policy: Path | None
    policy_known: bool
    key_file: str | None
    internal_domains: tuple[str, ...]
    allow_sample_governance: bool


def references(path: Path) -> References | None:
    """Read policy and key from dlpmilter.toml whatever else is wrong with it; None when it is no TOML at all."""
    try:
        data = _read(path)
    except ConfigError:
        return None
    base = path.resolve().parent
    policy, key, domains = data.get("policy"), data.get("key_file"), data.get("internal_domains")
    return References(
        policy=base / policy if isinstance(policy, str) else None,
        policy_known=policy is None or isinstance(policy, str),
        key_file=_key_place(base, key) if isinstance(key, str) else None,
        internal_domains=tuple(each for each in domains if _is_domain(each)) if isinstance(domains, list) else (),
        allow_sample_governance=data.get("allow_sample_governance") is True,
    )


def _is_domain(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(_domain(value))
    except ValueError:
        return False


def _key_place(base: Path, key_file: str) -> str:
    return key_file if key_file.startswith(("env:", "credential:")) else str(base / key_file)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read ({error.strerror}).")]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError([Problem(str(path), "", f"is not valid TOML: {error}.")]) from None


def _problems(file: str, error: ValidationError) -> list[Problem]:
    return [_problem(file, each) for each in error.errors(include_url=False)]  # type: ignore[arg-type]


def _problem(file: str, error: dict[str, Any]) -> Problem:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "missing":
        return Problem(file, key, "is missing.", "deploy/dlpmilter.toml shows it with an example.")
    words = error_words(error, _section_of(error["loc"]).model_fields if error["loc"] else ())
    if not key and words.partition(": ")[0] in Config.model_fields:  # a check across keys names the one to change
        key, _, words = words.partition(": ")
    return Problem(file, key, words)


def error_words(error: Mapping[str, Any], known: Iterable[str]) -> str:
    """A pydantic error as one sentence: what was read and what would be right, without pydantic's words."""
    if error["type"] == "extra_forbidden":
        return sentence(f"is not a known key{_suggest(str(error['loc'][-1]), known)}")
    what = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    if error["type"] == "value_error" or error["type"] not in _EXPECTED:
        return sentence(what)
    value, context = error["input"], error.get("ctx", {})
    wanted = _EXPECTED[error["type"]].format(**context)
    near = ""
    if error["type"] == "literal_error" and isinstance(value, str):
        near = _suggest(value, re.findall(r"'([^']*)'", str(context["expected"])))
    return sentence(f"{_shown(value)} is not allowed here: {wanted}{near}")


def sentence(text: str) -> str:
    """The text with one full stop at its end, or the question mark it has."""
    return text if text.endswith(("?", ".", "!")) else f"{text}."


_EXPECTED = {
    "string_type": 'a text in quotes is needed, for example "text"',
    "int_type": "a whole number without quotes is needed",
    "int_from_float": "a whole number is needed",
    "float_type": "a number without quotes is needed",
    "bool_type": "true or false without quotes is needed",
    "list_type": 'a list is needed, for example ["one", "two"]',
    "tuple_type": 'a list is needed, for example ["one", "two"]',
    "dict_type": "a table of keys and values is needed",
    "model_type": "a table of keys and values is needed",
    "model_attributes_type": "a table of keys and values is needed",
    "path_type": "a path in quotes is needed",
    "is_instance_of": "a path in quotes is needed",
    "literal_error": "it must be {expected}",
    "greater_than": "it must be greater than {gt}",
    "greater_than_equal": "the smallest is {ge}",
    "less_than": "it must be less than {lt}",
    "less_than_equal": "the largest is {le}",
    "finite_number": "a finite number is needed",
    "too_short": "at least {min_length} needed",
}


def _shown(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # one line on a terminal


def _section_of(location: tuple[Any, ...]) -> type[BaseModel]:
    named: dict[str, type[BaseModel]] = {"tls": Tls, "relay": NextHopSettings, "reviewers": Reviewer, "limits": _LIMITS}
    return named.get(str(location[0]), Config) if len(location) > 1 else Config
