# SPDX-License-Identifier: Apache-2.0
"""The tables of dlpmilter.toml and the kinds of values in them. Never reads a file.

config.py puts them together with all the others.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from dlpmilter.model.address import AddressError, parse_address


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


def domain(text: str) -> str:
    """The text as a domain in lower case, no wildcard. Raises ValueError."""
    if "@" in text or "*" in text or not re.fullmatch(r"[^\s.]+(\.[^\s.]+)*\.?", text):
        raise ValueError(f"{text!r} is not a domain, for example example.com")
    return text.rstrip(".").lower()


def _verifier(text: str) -> str:
    if re.search(r'[\s;"()=]', text):
        raise ValueError(f"{text!r} is not a verifier's name (authserv-id, RFC 8601), for example mx.example.com")
    return text


def listed(value: object) -> object:
    """A TOML list as the tuple that frozen tables hold."""
    return tuple(value) if isinstance(value, list) else value


MailAddress = Annotated[str, AfterValidator(_address)]
Endpoint = Annotated[str, AfterValidator(_endpoint)]
NetworkText = Annotated[str, AfterValidator(_network)]
Clients = Annotated[tuple[NetworkText, ...], BeforeValidator(listed)]
Domain = Annotated[str, AfterValidator(domain)]


class Section(BaseModel):
    """What every table has in common: no unknown key, no guessing of types, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_open_relay(listen: str, clients: tuple[str, ...]) -> None:
    """A listener that others reach needs a list of those who may relay. Raises ValueError."""
    host = listen.rpartition(":")[0].strip("[]")
    if not clients and not _is_loopback(host):
        raise ValueError(
            f"listen: {host} can be reached from other hosts but allowed_clients is empty: "
            "list the mail servers that may relay through this hop"
        )


class Tls(Section):
    """STARTTLS on our own listener."""

    certificate: Path
    key: Path

    @field_validator("certificate", "key", mode="before")
    @classmethod
    def _as_path(cls, value: object) -> object:
        return Path(value) if isinstance(value, str) else value


class NextHopSettings(Section):
    """How we speak to the relay behind us."""

    tls: Literal["none", "opportunistic", "require"] = "opportunistic"
    sessions: int = Field(default=50, ge=1, le=1000)
    connect_seconds: float = Field(default=10.0, gt=0)
    command_seconds: float = Field(default=30.0, gt=0)
    data_seconds: float = Field(default=60.0, gt=0)
    idle_seconds: float = Field(default=30.0, gt=0)
    retry_days: int = Field(default=5, ge=1, le=14)


class Inbound(Section):
    """The second listener: it learns who wrote first and never judges."""

    listen: Endpoint = "127.0.0.1:10024"
    next_hop: Endpoint | None = None
    allowed_clients: Clients = ("127.0.0.0/8", "::1/128")
    authserv_id: Annotated[str, AfterValidator(_verifier)] = ""

    @model_validator(mode="after")
    def _never_an_open_relay(self) -> Self:
        refuse_open_relay(self.listen, self.allowed_clients)
        return self


class Answers(Section):
    """The listener for answers to notices: who cannot use a browser sends a number back."""

    listen: Endpoint = "127.0.0.1:10026"
    address: MailAddress
    allowed_clients: Clients = ("127.0.0.0/8", "::1/128")
    senders_checked: bool = False

    @field_validator("address")
    @classmethod
    def _room_for_a_seal(cls, value: str) -> str:
        local = value.rpartition("@")[0]
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,20}", local):
            raise ValueError(
                f"{value!r} is sealed with +CASE.SEAL, so its first part has at most 20 plain letters, digits, . _ -"
            )
        return value

    @model_validator(mode="after")
    def _never_an_open_door(self) -> Self:
        refuse_open_relay(self.listen, self.allowed_clients)
        return self


class Reviewer(Section):
    """A person who may decide: a Unix user name maps to an address and pools."""

    address: MailAddress
    pools: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(min_length=1)
    duties: Annotated[tuple[Literal["dpo", "works-council", "auditor"], ...], BeforeValidator(listed)] = ()


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _ldap_url(text: str) -> str:
    if not re.fullmatch(r"ldaps?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?/?", text):
        raise ValueError(f"{text!r} is not an LDAP server, for example ldaps://ldap.example.com")
    return text.rstrip("/")


def _nameserver(text: str) -> str:
    host, port = text, "53"
    if match := re.fullmatch(r"\[(.+)\](?::(\d+))?|([0-9.]+):(\d+)", text):
        host, port = match[1] or match[3], match[2] or match[4] or "53"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address, for example 192.0.2.53 or 127.0.0.1:5353") from None
    if not 0 < int(port) <= 65535:
        raise ValueError(f"{text!r} has no port between 1 and 65535")
    return text


class LdapAttributes(Section):
    """Which attributes of an entry make a row; the first one that has a value, for `names` and `aliases` all."""

    address: str = "mail"
    names: tuple[str, ...] = ("cn", "displayName")
    aliases: tuple[str, ...] = ("mailAlternateAddress", "mailLocalAddress", "proxyAddresses")
    private: tuple[str, ...] = ()
    department: str = "departmentNumber"
    secrecy_group: str = ""
    language: str = "preferredLanguage"
    person: str = ""
    close: tuple[str, ...] = ()

    @field_validator("names", "aliases", "private", "close", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        return _tuple(value)


class Ldap(Section):
    """The LDAP server that `directory sync` reads."""

    url: Annotated[str, AfterValidator(_ldap_url)]
    base: str
    filter: str = "(mail=*)"
    bind_dn: str = ""
    password_file: str = ""
    start_tls: bool = True
    ca_file: Path | None = None
    page_size: int = Field(default=500, ge=1, le=10_000)
    connect_seconds: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    answer_seconds: int = Field(default=60, ge=1)
    every_minutes: int = Field(default=0, ge=0)
    shrink_percent: int = Field(default=20, ge=0, le=100)
    attributes: LdapAttributes = LdapAttributes()

    @field_validator("ca_file", mode="before")
    @classmethod
    def _as_path(cls, value: object) -> object:
        return Path(value) if isinstance(value, str) else value


class DirectorySettings(Section):
    """Who works here."""

    file: Path | None = None
    ldap: Ldap | None = None

    @field_validator("file", mode="before")
    @classmethod
    def _as_path(cls, value: object) -> object:
        return Path(value) if isinstance(value, str) else value


class MxHint(Section):
    """The optional look at the mail host of domains that are in no list."""

    enabled: bool = False
    seconds: float = Field(default=0.5, gt=0, le=10, allow_inf_nan=False)
    nameservers: tuple[Annotated[str, AfterValidator(_nameserver)], ...] = ()

    @field_validator("nameservers", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        return _tuple(value)


def _ocr_language(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]{1,40}", text):
        raise ValueError(f"{text!r} is not a language of Tesseract, for example deu")
    return text


def _selector(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9-]{1,63}){0,3}", text):
        raise ValueError(f"{text!r} is not a selector, for example dlp2026")
    return text.lower()


class Dkim(Section):
    """The key that our own mails, notices and reports, are signed with."""

    domain: Domain
    selector: Annotated[str, AfterValidator(_selector)]
    key_file: str


class Ocr(Section):
    """The optional reading of pictures and scanned pages."""

    enabled: bool = False
    languages: Annotated[tuple[Annotated[str, AfterValidator(_ocr_language)], ...], BeforeValidator(listed)] = Field(
        default=("deu", "eng"), min_length=1, max_length=8
    )
    seconds: float = Field(default=6.0, gt=0, allow_inf_nan=False)
    pixels: int = Field(default=8_000_000, ge=100_000, le=40_000_000)
    pages: int = Field(default=10, ge=1, le=1000)


def _issuer(text: str) -> str:
    match = re.fullmatch(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?(?:/[^\s?#]*)?", text)
    if match is None or (match[1] == "http" and not _is_loopback(match[2].strip("[]"))):
        raise ValueError(
            f"{text!r} is not the issuer of an OpenID provider, for example https://login.example.com/realms/x"
        )
    return text


class Granted(Section):
    """What a group of the provider may do here."""

    roles: Annotated[
        tuple[Literal["reviewer", "dpo", "works-council", "auditor", "admin"], ...], BeforeValidator(listed)
    ] = ()
    pools: Annotated[tuple[str, ...], BeforeValidator(listed)] = ()


class Oidc(Section):
    """The company's OpenID provider."""

    issuer: Annotated[str, AfterValidator(_issuer)]
    client_id: str = Field(min_length=1)
    client_secret_file: str = ""
    scopes: Annotated[tuple[str, ...], BeforeValidator(listed)] = ("openid", "email", "profile")
    groups_claim: str = "groups"
    groups: dict[str, Granted] = Field(default_factory=dict)


class LdapGroups(Section):
    """What groups of the server of [directory.ldap] may do in the portal."""

    member: str = Field(default="member", pattern=r"^[A-Za-z][A-Za-z0-9;.-]*$")
    nested: bool = False
    seconds: float = Field(default=5.0, gt=0, le=30, allow_inf_nan=False)
    groups: dict[str, Granted] = Field(default_factory=dict, max_length=50)


class PortalSettings(Section):
    """Where people see their cases and decide: the pages of the office, behind a web server with TLS."""

    listen: Endpoint = "127.0.0.1:10027"
    trusted_proxies: Clients = ("127.0.0.1/32", "::1/128")
    idle_minutes: int = Field(default=30, ge=1, le=1440)
    session_hours: int = Field(default=10, ge=1, le=72)
    unused_days: int = Field(default=90, ge=1, le=730)
    link_days: int = Field(default=31, ge=1, le=92)
    play: bool = False
    oidc: Oidc | None = None
    ldap: LdapGroups | None = None

    @property
    def loopback(self) -> bool:
        """Whether only this host can reach it."""
        return _is_loopback(self.listen.rpartition(":")[0].strip("[]"))


def _syslog(text: str) -> str:
    if text and not re.fullmatch(r"unix:/\S+|(?:udp|tcp):(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}", text):
        raise ValueError(f"{text!r} is not a syslog, for example udp:log.example.com:514 or unix:/dev/log")
    return text


class TrailSettings(Section):
    """The proof of the trail: who signs, and where checkpoints and events go."""

    key_file: str = ""
    folder: Path | None = None
    every_seconds: int = Field(default=60, ge=1, le=86_400)
    mail_to: MailAddress | Literal[""] = ""
    mail_hours: int = Field(default=24, ge=1, le=744)
    events_file: Path | None = None
    events_syslog: Annotated[str, AfterValidator(_syslog)] = ""
    events_form: Literal["json", "rfc5424", "cef"] = "json"
    events_personal: bool = False

    @field_validator("folder", "events_file", mode="before")
    @classmethod
    def _as_path(cls, value: object) -> object:
        return Path(value) if isinstance(value, str) else value


def site(text: str) -> str:
    """A web address without a path; "" stays empty. Raises ValueError: a cookie over plain HTTP is everybody's."""
    if not text:
        return ""
    match = re.fullmatch(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?/?", text)
    if match is None:
        raise ValueError(f"{text!r} is not the address of a site, for example https://dlp.example.com")
    if match[1] == "http" and not _is_loopback(match[2].strip("[]")):
        raise ValueError(f"{text!r} has no TLS: passwords would cross the network readable; use https://")
    return text.rstrip("/").lower()


TABLES: dict[str, type[Section]] = {
    "answers": Answers,
    "dkim": Dkim,
    "portal": PortalSettings,
    "portal.oidc": Oidc,
    "portal.ldap": LdapGroups,
    "directory": DirectorySettings,
    "directory.ldap": Ldap,
    "directory.ldap.attributes": LdapAttributes,
    "mx_hint": MxHint,
    "ocr": Ocr,
    "trail": TrailSettings,
}
