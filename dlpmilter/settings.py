# SPDX-License-Identifier: Apache-2.0
"""Tables of dlpmilter.toml about people and names: directory, LDAP, mail hosts. Never reads a file.

config.py puts them together with all the others.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator


class Section(BaseModel):
    """What every table has in common: no unknown key, no guessing of types, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


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

    @field_validator("names", "aliases", "private", mode="before")
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


TABLES: dict[str, type[Section]] = {
    "directory": DirectorySettings,
    "directory.ldap": Ldap,
    "directory.ldap.attributes": LdapAttributes,
    "mx_hint": MxHint,
}
