# SPDX-License-Identifier: Apache-2.0
"""Who is signed in, and as what. Never grants a right to a case: pools and senders are looked at in holds/."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from dlpmilter.holds.actors import Actor

Method = Literal["password", "oidc", "mail", "play", "link", "key"]
"""How somebody proved who it is; "link" is the signed link of one notice, "key" that of a program."""


class Role(StrEnum):
    """What somebody may see besides the own cases. There is no rank, and nobody has a role by being a superior."""

    employee = "employee"
    reviewer = "reviewer"
    dpo = "dpo"
    works_council = "works-council"
    auditor = "auditor"
    admin = "admin"


OVERSIGHT = frozenset({Role.dpo, Role.works_council, Role.auditor})
"""They see numbers, agreements and times; no mail and no name of a sender."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person in one session."""

    address: str
    name: str
    roles: frozenset[Role]
    pools: frozenset[str]
    method: Method
    key: bytes = b""
    """The session (SHA-256 of its cookie)."""
    csrf: str = ""

    @property
    def actor(self) -> Actor:
        """The person for the acts; pools count only for who signed in as a reviewer."""
        pools = self.pools if Role.reviewer in self.roles else frozenset()
        return Actor(f"portal/{self.method}", self.address, pools)

    def has(self, *roles: Role) -> bool:
        """Whether one of these roles is the person's."""
        return not self.roles.isdisjoint(roles)


def roles_of(names: tuple[str, ...] | frozenset[str]) -> frozenset[Role]:
    """Roles by their names; names this version does not know are passed over. Everybody is an employee."""
    return frozenset({Role.employee, *(Role(each) for each in names if each in set(Role))})
