# SPDX-License-Identifier: Apache-2.0
"""dlpmilter.toml, the admin's file: sockets, next hop, paths, keys. Never policy, never texts.

All problems are reported at once, each with file, key, what is wrong and what would be right.
"""

from __future__ import annotations

import difflib
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
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from dlpmilter.model.limits import Limits
from dlpmilter.settings import (
    TABLES,
    Answers,
    Clients,
    DirectorySettings,
    Dkim,
    Domain,
    Endpoint,
    Inbound,
    MailAddress,
    MxHint,
    NextHopSettings,
    Ocr,
    PortalSettings,
    Reviewer,
    Section,
    Tls,
    TrailSettings,
    domain,
    listed,
    refuse_open_relay,
    site,
)

SOCKET_NAME_OCTETS = 80
"""A socket's name has to fit behind /proc/self/fd/N/ in the 107 octets of unix(7)."""


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


_NUMBERS: dict[str, Any] = {
    each.name: (float, Field(default=each.default, gt=0, allow_inf_nan=False))
    if isinstance(each.default, float)
    else (int, Field(default=each.default, gt=0))
    for each in fields(Limits)
}
_LIMITS = create_model("_LIMITS", __base__=Section, **_NUMBERS)
"""The names, types and signs of `[limits]`, from the one table of limits."""


class Config(Section):
    """Everything in dlpmilter.toml; the first ten keys are the smallest configuration."""

    listen: Endpoint = "127.0.0.1:10025"
    allowed_clients: Clients = ("127.0.0.0/8", "::1/128")
    internal_domains: Annotated[tuple[Domain, ...], BeforeValidator(listed)] = Field(min_length=1)
    next_hop: Endpoint
    policy: Path | None = None
    database: Path
    key_file: str
    portal_url: Annotated[str, AfterValidator(site)] = ""
    languages: Annotated[tuple[Literal["de", "en"], ...], BeforeValidator(listed)] = ("en",)
    postmaster: MailAddress

    hostname: str = Field(default_factory=socket.getfqdn)
    workers: int = Field(default=0, ge=0, le=64)
    monitoring: Endpoint | None = "127.0.0.1:10028"
    spool: Path | None = None
    control: Path | None = None
    xforward_clients: Clients = ()
    allow_sample_governance: bool = False
    documents_without_sandbox: bool = False
    hold_reply: Literal["accept", "reject"] = "accept"
    tls: Tls | None = None
    dkim: Dkim | None = None
    portal: PortalSettings = PortalSettings()
    relay: NextHopSettings = NextHopSettings()
    inbound: Inbound | None = None
    answers: Answers | None = None
    limits: dict[str, int | float] = Field(default_factory=dict)
    reviewers: dict[str, Reviewer] = Field(default_factory=dict)
    owners: dict[MailAddress, MailAddress] = Field(default_factory=dict)
    people: dict[str, MailAddress] = Field(default_factory=dict)
    directory: DirectorySettings = DirectorySettings()
    mx_hint: MxHint = MxHint()
    ocr: Ocr = Ocr()
    trail: TrailSettings = TrailSettings()

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
        refuse_open_relay(self.listen, self.allowed_clients)
        return self

    @model_validator(mode="after")
    def _one_person_a_user(self) -> Self:
        for user, address in self.people.items():
            if user in self.reviewers and self.reviewers[user].address.lower() != address.lower():
                raise ValueError(f"people: {user} has another address in [reviewers]; a user is one person")
        if self.directory.ldap is not None and self.directory.file is None:
            raise ValueError("directory: file is missing: [directory.ldap] is written into it")
        return self

    @model_validator(mode="after")
    def _answers_stay_inside(self) -> Self:
        domain = self.answers.address.rpartition("@")[2].lower() if self.answers else ""
        if domain and not any(f".{domain}".endswith(f".{each}") for each in self.internal_domains):
            raise ValueError(f"answers.address: {domain} is none of internal_domains; answers would leave the company")
        return self

    @model_validator(mode="after")
    def _groups_need_a_server(self) -> Self:
        if self.portal.ldap is not None and self.directory.ldap is None:
            raise ValueError("portal.ldap: the server is missing: write [directory.ldap]")
        return self

    @model_validator(mode="after")
    def _play_only_here(self) -> Self:
        if self.portal.play and not (self.portal.loopback and self.allow_sample_governance):
            raise ValueError(
                "portal: play lets anybody in as anybody: only on loopback and with allow_sample_governance"
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
    def registers_directory(self) -> Path:
        """Where the indexes of registered data lie (`dlpmilter data`): beside the database."""
        return self.database.parent / "registers"

    @property
    def worker_count(self) -> int:
        """Gate processes: `workers`, else one per processor up to four."""
        return self.workers or min(4, os.cpu_count() or 1)


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
    if config.dkim is not None:
        more["dkim"] = config.dkim.model_copy(update={"key_file": _key_place(base, config.dkim.key_file)})
    if config.portal.oidc is not None and config.portal.oidc.client_secret_file:
        secret = _key_place(base, config.portal.oidc.client_secret_file)
        oidc = config.portal.oidc.model_copy(update={"client_secret_file": secret})
        more["portal"] = config.portal.model_copy(update={"oidc": oidc})
    more["directory"] = _placed_directory(base, config.directory)
    more["trail"] = _placed_trail(base, config.trail)
    return config.model_copy(update=placed | more)


def _placed_trail(base: Path, trail: TrailSettings) -> TrailSettings:
    key = _key_place(base, trail.key_file) if trail.key_file else ""
    folder, events = trail.folder and base / trail.folder, trail.events_file and base / trail.events_file
    return trail.model_copy(update={"key_file": key, "folder": folder, "events_file": events})


def _placed_directory(base: Path, directory: DirectorySettings) -> DirectorySettings:
    ldap = directory.ldap
    if ldap is not None:
        password = _key_place(base, ldap.password_file) if ldap.password_file else ""
        ldap = ldap.model_copy(update={"password_file": password, "ca_file": ldap.ca_file and base / ldap.ca_file})
    return directory.model_copy(update={"file": directory.file and base / directory.file, "ldap": ldap})


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
        internal_domains=tuple(each for each in domains if _isdomain(each)) if isinstance(domains, list) else (),
        allow_sample_governance=data.get("allow_sample_governance") is True,
    )


def _isdomain(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(domain(value))
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
    fields_here = _SECTIONS[key].model_fields if key in _SECTIONS else () if key else Config.model_fields
    if words.partition(": ")[0] in fields_here:  # a check across keys names the one to change
        name, _, words = words.partition(": ")
        key = f"{key}.{name}" if key else name
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
    path = ".".join(str(part) for part in location[:-1])
    return _SECTIONS.get(path) or _SECTIONS.get(str(location[0]), Config) if len(location) > 1 else Config


_SECTIONS: dict[str, type[BaseModel]] = {
    "tls": Tls, "relay": NextHopSettings, "inbound": Inbound, "reviewers": Reviewer, "limits": _LIMITS, **TABLES,
}  # fmt: skip
