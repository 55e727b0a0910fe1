# SPDX-License-Identifier: Apache-2.0
"""One form for all spellings that reach the same mailbox, to count and to compare. Never an address to send to.

Plus parts and, where the provider ignores them, dots are left out. It only joins what surely is one mailbox; two
people never become one.
"""

from __future__ import annotations

from functools import lru_cache

from dlpmilter.engine.addresses import domain_of, local_of
from dlpmilter.policy.domains import normalise_domain

_SAME = {
    "googlemail.com": "gmail.com",
    "me.com": "icloud.com",
    "mac.com": "icloud.com",
    "protonmail.com": "proton.me",
    "protonmail.ch": "proton.me",
    "pm.me": "proton.me",
    "ya.ru": "yandex.ru",
    "yandex.com": "yandex.ru",
}
"""Domains under which one provider gives the same mailbox to the same person."""
_SILENT = {"gmail.com": ".", "proton.me": ".-_"}
"""Signs in the local part that the provider ignores."""
_BELOW = ("fastmail.com", "fastmail.fm")
"""Providers where anything@name.provider reaches name@provider."""
_MINUS = frozenset({"yahoo.com", "yahoo.de", "yahoo.fr", "yahoo.it", "yahoo.es", "yahoo.co.uk", "ymail.com"})
"""Providers whose throw-away addresses are base-keyword."""


@lru_cache(maxsize=16384)
def canonical_address(address: str) -> str:
    """`Anna.Berger+dlp@GoogleMail.com` -> `annaberger@gmail.com`; "" for no address.

    Quoted local parts are unquoted; a form is its own form.
    """
    while (shorter := _step(address)) != address:
        address = shorter  # every further step only takes letters away
    return address


def _step(address: str) -> str:
    local, domain = local_of(address), normalise_domain(domain_of(address))
    if not domain or not local:
        return ""
    domain = _SAME.get(domain, domain)
    for parent in _BELOW:
        if domain.endswith("." + parent):
            local, domain = domain[: -len(parent) - 1].rpartition(".")[2] or local, parent
    local = _bare(_unquoted(local))
    if domain in _MINUS:
        local = local.partition("-")[0] or local
    return f"{_without(_SILENT.get(domain, ''), local)}@{domain}"


def same_mailbox(one: str, other: str) -> bool:
    """Whether two addresses surely reach the same mailbox."""
    canonical = canonical_address(one)
    return bool(canonical) and canonical == canonical_address(other)


def _without(signs: str, local: str) -> str:
    return local.translate(dict.fromkeys(map(ord, signs))) or local


def _unquoted(local: str) -> str:
    """`"anna"@x` is anna@x (RFC 5321 4.1.2: the quotes are no part of the name)."""
    quoted = len(local) > 2 and local[0] == local[-1] == '"'
    return local[1:-1].replace("\\", "") if quoted else local


def _bare(local: str) -> str:
    """Without the subaddress (RFC 5233); a local part that begins with the plus stays whole."""
    return local.partition("+")[0] or local
