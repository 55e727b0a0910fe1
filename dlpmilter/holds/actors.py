# SPDX-License-Identifier: Apache-2.0
"""Who may do what with a case: mapped people, their pools, and that the sender never decides.

No rank: nothing here knows who is whose superior, and no flag makes an exception.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpmilter.config import Config
    from dlpmilter.storage.case_rows import Case, Hold

_PRVS = re.compile(r"prvs=[^=]+=(.+)", re.IGNORECASE)  # BATV
_SRS = re.compile(r"srs0[=+-][^=]+=[^=]+=([^=]+)=(.+)", re.IGNORECASE)  # a forwarder's rewriting


class NotAllowed(Exception):
    """This person may not do this; `slug` is for programs, the text says why and what to do."""

    def __init__(self, slug: str, text: str) -> None:
        super().__init__(text)
        self.slug = slug


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who acts: the Unix user, the address he is known by, the pools he belongs to."""

    user: str
    address: str
    pools: frozenset[str]
    known: frozenset[str] = frozenset()
    """Every spelling (`canonical`) of every address he has, by the directory."""
    close: frozenset[str] = frozenset()
    """Those of people he may not decide for: deputies, delegates, who works for whom."""

    @property
    def key(self) -> str:
        """One spelling for one person, so that nobody approves twice."""
        return canonical(self.address)


def actor_of(user: str, config: Config) -> Actor:
    """The person behind a Unix user, as `[reviewers]` maps it. Raises NotAllowed for everybody else."""
    found = config.reviewers.get(user)
    if found is None:
        raise NotAllowed(
            "not-mapped",
            f"the Unix user {user!r} is not in [reviewers] of dlpmilter.toml, so nobody can tell who decides; "
            "log in as a mapped user (root is no exception)",
        )
    return Actor(user, found.address, frozenset(found.pools))


def known_person(actor: Actor, kin: Callable[[str], tuple[frozenset[str], frozenset[str]]]) -> Actor:
    """The person as the directory knows him; `kin` gives his addresses and those of people too close to him."""
    own, close = kin(actor.address)
    return replace(actor, known=frozenset(map(canonical, own)), close=frozenset(map(canonical, close)))


def canonical(address: str) -> str:
    """The mailbox behind an address: lower case, no plus tag, no quotes, no BATV or SRS wrapping."""
    text = unicodedata.normalize("NFKC", address).strip().strip("<>").casefold()
    local, _, domain = text.rpartition("@")
    if not local:
        local, domain = text, ""
    if match := _SRS.fullmatch(local):
        domain, local = match[1], match[2]
    if match := _PRVS.fullmatch(local):
        local = match[1]
    if local.startswith('"') and local.endswith('"') and len(local) > 1:
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    local = local.partition("+")[0] or local
    domain = domain.rstrip(".")
    return f"{local}@{domain}" if domain else local


def is_sender(actor: Actor, case: Case) -> bool:
    """Whether this person sent the mail, by any name the mail gives: envelope, owner, login, From, Sender."""
    mine = {actor.key, *actor.known}
    if not mine.isdisjoint(_names(case)):
        return True
    login = canonical(case.login) if case.login else ""
    return bool(login) and login in {*mine, *(each.partition("@")[0] for each in mine), actor.user.casefold()}


def too_close(actor: Actor, case: Case) -> bool:
    """Whether the directory says that actor and sender stand too close to decide for each other."""
    return not actor.close.isdisjoint(_names(case))


def _names(case: Case) -> set[str]:
    return {canonical(each) for each in (case.sender.mailbox.text, case.owner, *case.authors) if each}


def refuse_sender(actor: Actor, case: Case) -> None:
    """Raise NotAllowed when the actor sent this mail, or stands too close to who did."""
    if is_sender(actor, case):
        raise NotAllowed("sender-never-decides", f"you sent the mail of case {case.id}; somebody else has to decide")
    if too_close(actor, case):
        raise NotAllowed(
            "too-close",
            f"you work closely with the sender of case {case.id}, as the directory says; please hand it over",
        )


def of_pools(actor: Actor, case: Case, holds: Sequence[Hold]) -> tuple[Hold, ...]:
    """Those of the holds the actor's pools decide about; NotAllowed when there is none."""
    mine = tuple(hold for hold in holds if hold.pool in actor.pools)
    if holds and not mine:
        pools = ", ".join(sorted({hold.pool for hold in holds}))
        raise NotAllowed("wrong-pool", f"case {case.id} is decided by the pool {pools}, which you do not belong to")
    return mine
