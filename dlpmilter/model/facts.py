# SPDX-License-Identifier: Apache-2.0
"""What the pure engine must be told because it may not look: clock, people, consents, what the stores know.

Never looks itself. `Questions` is what the engine wants to know about one mail, `Known` the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from dlpmilter.model.words import Stated

if TYPE_CHECKING:
    from dlpmilter.model.consent import Agreement, Exemption


class Directory(Protocol):
    """Who works here. Addresses are in lower case, domains in their normal form."""

    def person(self, address: str) -> str:
        """The main address of the person behind an address or alias; "" when it is nobody's."""

    def names(self, address: str) -> tuple[str, ...]:
        """Names the person is known by, also earlier ones and short forms."""

    def locals(self, address: str) -> tuple[str, ...]:
        """Local parts of all the person's addresses here."""

    def private_owner(self, canonical: str) -> str:
        """The main address of the person who keeps this private mailbox (canonical form); "" when unknown."""

    def keeps(self, person: str, canonical: str) -> bool:
        """Whether this is a private mailbox of this person (main address), also where that is only proposed."""

    def secrecy_group(self, address: str) -> str:
        """The group bound by a duty of secrecy that this person is in; "" for none."""

    def department(self, address: str) -> str:
        """The department, never a rank; "" when unknown."""


class Nobody:
    """No directory: everything a mail says about its sender stands in the mail."""

    def person(self, address: str) -> str:  # noqa: ARG002 - the protocol's signature
        """Nobody."""
        return ""

    def names(self, address: str) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's signature
        """No names."""
        return ()

    def locals(self, address: str) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's signature
        """No local parts."""
        return ()

    def private_owner(self, canonical: str) -> str:  # noqa: ARG002 - the protocol's signature
        """Nobody."""
        return ""

    def keeps(self, person: str, canonical: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Nothing."""
        return False

    def secrecy_group(self, address: str) -> str:  # noqa: ARG002 - the protocol's signature
        """No group."""
        return ""

    def department(self, address: str) -> str:  # noqa: ARG002 - the protocol's signature
        """No department."""
        return ""


@dataclass(frozen=True, slots=True)
class Drip:
    """What one sender has sent to one private mailbox before this mail, in the last 24 hours, 7 and 30 days."""

    messages: tuple[int, int, int] = (0, 0, 0)
    octets: tuple[int, int, int] = (0, 0, 0)
    records: tuple[int, int, int] = (0, 0, 0)
    """Distinct rows of registered data."""
    register_share: int = 0
    """Percent of a register that the mailbox has received in 30 days, from whomever, this mail's rows included."""


NO_DRIP = Drip()


@dataclass(frozen=True, slots=True)
class Questions:
    """What the stores may be asked about one mail. Addresses are canonical forms (engine/canonical.py)."""

    sender: str
    """The person who sends, "" when nobody is known."""
    recipients: tuple[str, ...]
    """Only those whose mailbox may be private; nobody else is ever looked up."""
    message_ids: tuple[str, ...] = ()
    """Message-IDs this mail answers (In-Reply-To, References), newest first, without angle brackets."""
    domains: tuple[str, ...] = ()
    """Domains in no list, for the optional look at their mail host."""
    rows: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Build of a register -> its rows that stand in the mail; empty until the content was read."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Build of a register -> how many rows it has."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one inbound mail teaches."""

    author: str
    """Who wrote it: the one address of From, in its canonical form."""
    message_id: str
    """Without angle brackets, as `Questions.message_ids` has it; "" when it has none."""
    verified: bool = False
    """Whether our own verifier found a DMARC pass, and a person wrote it, not a list."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the stores say. Sets hold canonical addresses."""

    wrote_first: frozenset[str] = frozenset()
    """Who wrote one of the mails this one answers."""
    correspondents: frozenset[str] = frozenset()
    """Who wrote to the company often enough, with a sender that could be verified."""
    customers: frozenset[str] = frozenset()
    learning: bool = False
    """Whether inbound mail is learned at all: without it, "never seen" says nothing."""
    drip: Mapping[str, Drip] = field(default_factory=dict)
    mail_hosts: Mapping[str, str] | None = field(default_factory=dict)
    """Domain -> registrable domain of its mail host, where somebody looked; None: nobody was asked yet."""


NOTHING_KNOWN = Known()


@dataclass(frozen=True, slots=True)
class Facts:
    """One snapshot for one mail."""

    now: datetime
    """Aware, UTC."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Sender address without a person (scanner, application) -> address of the person who answers."""
    directory: Directory = field(default_factory=Nobody)
    agreements: tuple[Agreement, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    known: Known | None = NOTHING_KNOWN
    """None: the stores have not been asked yet, and the engine says so when it needs them."""
    stated: Stated = Stated.none
    """What the sender has said about a held mail that is judged again."""
