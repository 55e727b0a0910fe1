# SPDX-License-Identifier: Apache-2.0
"""Whose mailbox an address belongs to: domain spelling, registrable domain, class lists.

Never asks the network: the public suffix list is the one packed with tldextract. Never guesses:
a domain in no list is `unknown`, which is not `business`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING

import idna

from dlpmilter.model.words import RecipientClass
from dlpmilter.policy.lookalike import WELL_KNOWN, Lookalikes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tldextract import TLDExtract

    from dlpmilter.policy.lists import ClassList

MAX_DOMAIN = 254
"""Characters that are normalised; a longer text is no domain (RFC 5321 4.5.3.1.2 says 255 octets)."""

_ROUNDS = 5
"""Folding what IDNA refused may open a new fold (a compatibility letter that becomes a space and a mark)."""

_DOTS = re.compile("[\u3002\uff0e\uff61]")  # UTS 46: ideographic, fullwidth, halfwidth full stop
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})+")


@lru_cache(maxsize=16384)
def normalise_domain(text: str) -> str:
    """The one spelling of a domain: UTS 46 folded, lower case, A-labels, no trailing dot. Never raises.

    Fullwidth letters, ideographic dots, zero-width characters, soft hyphens and capitals fold away, so
    that no spelling of a listed domain escapes its class. What IDNA refuses (underscores, emoji) is
    folded label by label as far as possible and else kept in lower case.
    """
    for _ in range(_ROUNDS):
        folded = _fold(text)
        if folded == text:
            break
        text = folded
    return text


def _fold(text: str) -> str:
    text = text.strip()
    if len(text) > MAX_DOMAIN:
        return text.lower()
    if text.isascii():
        lower = text.lower().rstrip(".")
        return lower if "xn--" not in lower else ".".join(map(_canonical_label, lower.split(".")))
    try:
        whole = idna.encode(text, uts46=True, std3_rules=False, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        whole = ".".join(_fold_label(label) for label in _DOTS.sub(".", text).split("."))
    return whole.lower().rstrip(".").strip()


def _canonical_label(label: str) -> str:
    """`xn--` labels in the spelling IDNA writes itself; what it cannot read stays as it is."""
    if not label.startswith("xn--"):
        return label
    try:
        return idna.encode(idna.decode(label), uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return label


def _fold_label(label: str) -> str:
    visible = "".join(each for each in label if unicodedata.category(each) != "Cf")
    folded = unicodedata.normalize("NFKC", visible).lower()
    if folded.isascii():
        return folded
    try:
        return idna.encode(folded, uts46=True, std3_rules=False, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return folded


def is_domain(normal: str) -> bool:
    """Whether a normalised text can be a domain of the internet: two labels or more, no wildcard."""
    return _DOMAIN.fullmatch(normal) is not None


@cache
def _extractor() -> TLDExtract:
    from tldextract import TLDExtract  # 60 ms at the first use; classes do not need it

    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


@lru_cache(maxsize=16384)
def registrable(domain: str) -> str:
    """The part somebody registered (`mail.example.co.uk` -> `example.co.uk`), by the public suffix list.

    A public suffix itself, an address literal and a single label come back as they are; below a suffix
    that is in no list the last two labels count (the list's own default rule).
    """
    normal = normalise_domain(domain)
    if not is_domain(normal):
        return normal
    found = _extractor().extract_str(normal)
    if found.top_domain_under_public_suffix:
        return found.top_domain_under_public_suffix
    return normal if found.suffix else ".".join(normal.split(".")[-2:])


def is_public_suffix(domain: str) -> bool:
    """Whether a registry sells names below this one (`de`, `co.uk`), so that it says nothing about a mailbox.

    Suffixes of the list's private section (`myfritz.net`, `duckdns.org`) belong to one provider and do not count.
    """
    found = _extractor().extract_str(normalise_domain(domain))
    return bool(found.suffix) and not found.domain and not found.is_private


@dataclass(frozen=True, slots=True)
class ClassMatch:
    """The class of one address and where it stands: `source` decided, `lists` all know the domain."""

    domain: str
    recipient_class: RecipientClass
    source: str
    lists: tuple[str, ...] = ()
    suggestion: str = ""
    """For a look-alike: the domain that was probably meant."""


_OUR_KIND = frozenset({RecipientClass.partner, RecipientClass.authority, RecipientClass.business})
_POSTMASTER = ClassMatch("", RecipientClass.internal, "internal_domains", ("internal_domains",))


class DomainLists:
    """All class lists of one policy. Local lists win over shipped ones, internal domains over both.

    A line covers the domain and all names below it; within one rank the longest name wins. Only an exact
    protected address stands above an internal domain (the works council has an internal address).
    """

    def __init__(self, lists: Sequence[ClassList], internal: Iterable[str] = ()) -> None:
        self.lists = tuple(lists)
        self.internal = tuple(sorted({normalise_domain(each) for each in internal}))
        own = dict.fromkeys(self.internal, ClassMatch("", RecipientClass.internal, "internal_domains"))
        local = [each for each in self.lists if not each.shipped]
        self._ranks = (own, _index(local), _index(each for each in self.lists if each.shipped))
        self._addresses = {
            address: ClassMatch(address.rpartition("@")[2], each.recipient_class, each.source, (each.name,))
            for each in local
            for address in each.addresses
        }
        self._by_domain = lru_cache(maxsize=16384)(self._search)

    def __reduce__(self) -> tuple[type[DomainLists], tuple[tuple[ClassList, ...], tuple[str, ...]]]:
        """Another process builds it anew: a cache cannot be sent."""
        return DomainLists, (self.lists, self.internal)

    def same_as(self, other: DomainLists) -> bool:
        """Whether both classify every address alike because their lists are the same."""
        return self.internal == other.internal and self.lists == other.lists

    def classify(self, address_or_domain: str) -> ClassMatch:
        """The class of an address or a domain in any spelling; `unknown` with source "none" when unlisted."""
        local, at, domain = address_or_domain.rpartition("@")
        if not (domain and at) and (local or domain).lower() == "postmaster":
            return _POSTMASTER  # RFC 5321 4.1.1.3: without a domain it is our own
        found = self._by_domain(domain)
        if not at or not self._addresses:
            return found
        exact = self._addresses.get(f"{local.lower()}@{found.domain}")
        if exact is None or (
            found.recipient_class is RecipientClass.internal and exact.recipient_class is not RecipientClass.protected
        ):
            return found
        return exact

    def _search(self, text: str) -> ClassMatch:
        domain = normalise_domain(text)
        best: ClassMatch | None = None
        names: list[str] = []
        for rank in self._ranks:
            found = _longest(rank, domain)
            if found is None:
                continue
            best = best or found
            names.extend(each for each in (found.lists or (found.source,)) if each not in names)
        if best is None:
            return self._unlisted(domain)
        return ClassMatch(domain, best.recipient_class, best.source, tuple(names))

    def _unlisted(self, domain: str) -> ClassMatch:
        suggestion = self._lookalikes.suggest(domain) if len(domain) <= MAX_DOMAIN else ""
        if suggestion:
            return ClassMatch(domain, RecipientClass.lookalike, "lookalike", suggestion=suggestion)
        return ClassMatch(domain, RecipientClass.unknown, "none")

    @cached_property
    def _lookalikes(self) -> Lookalikes:
        """The names of this company and its partners come before the well-known mailboxes."""
        own = (each.domains for each in self.lists if not each.shipped and each.recipient_class in _OUR_KIND)
        listed = {domain for each in self.lists if each.shipped for domain in each.domains}
        common = [each for each in WELL_KNOWN if each in listed]
        return Lookalikes([*self.internal, *sorted({each for part in own for each in part}), *common], is_public_suffix)


def _index(lists: Iterable[ClassList]) -> dict[str, ClassMatch]:
    """The loader has refused a domain that stands in two classes of one rank."""
    index: dict[str, ClassMatch] = {}
    for each in lists:
        for domain in each.domains:
            before = index.get(domain)
            names = (*before.lists, each.name) if before else (each.name,)
            index[domain] = ClassMatch(domain, each.recipient_class, each.source, names)
    return index


def _longest(index: Mapping[str, ClassMatch], domain: str) -> ClassMatch | None:
    name = domain
    while name:
        if (found := index.get(name)) is not None:
            return found
        name = name.partition(".")[2]
    return None
