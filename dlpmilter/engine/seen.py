# SPDX-License-Identifier: Apache-2.0
"""What envelope and headers of one mail say, read once however often and for however many policies it is asked about.

Holds no verdict and no fact of the stores or the content: those may change between two questions. Never outlives
its mail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter.engine.autoforward import find_auto_forward
from dlpmilter.engine.classify import is_internal
from dlpmilter.engine.kinds import judge_message
from dlpmilter.engine.relations import people_of, relate
from dlpmilter.engine.sender import identify_sender, is_borrowed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpmilter.engine.names import Person
    from dlpmilter.engine.relations import RelationMatch
    from dlpmilter.model.facts import Directory, Facts
    from dlpmilter.model.message import Head, Structure
    from dlpmilter.model.transaction import Transaction
    from dlpmilter.model.verdict import MessageJudgement
    from dlpmilter.model.words import RecipientClass
    from dlpmilter.policy.domains import DomainLists
    from dlpmilter.policy.schema import Policy


class Seen:
    """The readings of one mail: one for each set of domain lists, directory and owners it was read with."""

    __slots__ = ("_readings",)

    def __init__(self) -> None:
        self._readings: list[Reading] = []

    def reading(self, transaction: Transaction, head: Head, facts: Facts, policy: Policy) -> Reading:
        """The reading with these lists and people, made when first asked for."""
        for each in self._readings:
            if each.answers(transaction, head, facts, policy.domains):
                return each
        made = Reading(transaction, head, facts, policy.domains)
        self._readings.append(made)
        return made


class Reading:
    """Who sends, whether a rule sent it on, what kind of mail it is; the dear parts when first asked for."""

    __slots__ = ("_borrowed", "_directory", "_domains", "_judgement", "_named", "_owners", "_people", "_structure",
                 "auto", "head", "null", "sender", "transaction")  # fmt: skip

    def __init__(self, transaction: Transaction, head: Head, facts: Facts, domains: DomainLists) -> None:
        self.transaction, self.head = transaction, head
        self._domains: DomainLists = domains
        self._owners: Mapping[str, str] = facts.owners
        self._directory: Directory = facts.directory
        self.null = transaction.sender.mailbox.null
        self.auto = find_auto_forward(transaction, head, self.internal)
        self.sender = identify_sender(
            transaction, head, facts, self.internal, auto_forward=self.auto.certain, domains=domains.internal
        )
        self._borrowed: bool | None = None
        self._people: tuple[Person, ...] | None = None
        self._named: dict[tuple[str, RecipientClass], RelationMatch] = {}
        self._structure: Structure | None = None
        self._judgement: MessageJudgement | None = None

    def answers(self, transaction: Transaction, head: Head, facts: Facts, domains: DomainLists) -> bool:
        """Whether this is the reading of this mail with these lists and people."""
        return (
            self.transaction is transaction
            and self.head is head
            and self._domains is domains
            and self._owners is facts.owners
            and self._directory is facts.directory
        )

    def internal(self, address: str) -> bool:
        """Whether an address or domain is ours."""
        return is_internal(address, self._domains)

    @property
    def borrowed(self) -> bool:
        """Whether the author is one of us while neither envelope nor login is."""
        if self._borrowed is None:
            self._borrowed = is_borrowed(self.transaction, self.head, self.internal)
        return self._borrowed

    def named(self, address: str, recipient_class: RecipientClass) -> RelationMatch:
        """The relation that names and addresses tell."""
        found = self._named.get((address, recipient_class))
        if found is None:
            if self._people is None:
                self._people = people_of(self.sender)
            found = relate(self.sender, address, recipient_class, self._people)
            self._named[address, recipient_class] = found
        return found

    def judgement(self, structure: Structure) -> MessageJudgement:
        """The kind of the mail and its signs, before anything was opened."""
        if self._judgement is None or self._structure is not structure:
            self._structure = structure
            self._judgement = judge_message(self.transaction, self.head, self.auto, structure)
        return self._judgement
