# SPDX-License-Identifier: Apache-2.0
"""Where a domain that is in no list gets its mail: one MX question, cached, in a short time. Off by default.

Never needed: a failure of any kind is an empty answer, and while it is off no packet leaves.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver

from dlpmilter import metrics
from dlpmilter.policy.domains import registrable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dlpmilter.settings import MxHint

CACHED = 10_000
TTL_SECONDS = (60.0, 6 * 3600.0)
"""An answer is kept at least and at most this long, whatever its TTL says."""
NOTHING_SECONDS = 600.0
"""How long "there is no MX" is kept."""
FAILURE_SECONDS = 30.0
"""How long a failure is kept, so that a dead name server costs a mail its time once."""
DOMAINS = 10
"""Domains of one mail that are looked up; the rest is empty."""
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}\Z")


class MailHosts:
    """One gate's cache of mail hosts."""

    def __init__(self, settings: MxHint, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._cache: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._resolver: dns.asyncresolver.Resolver | None = None

    @property
    def enabled(self) -> bool:
        """Whether anybody looks."""
        return self._settings.enabled

    async def of(self, domains: Sequence[str]) -> Mapping[str, str]:
        """Domain -> registrable domain of its best mail host, "" for none; a domain nobody could ask about is left out.

        Never raises, never takes longer than `mx_hint.seconds`.
        """
        if not self.enabled:
            return {}
        now = self._clock()
        found = {each: host for each in domains if (host := self._cached(each, now)) is not None}
        missing = [each for each in dict.fromkeys(domains) if each not in found and _NAME.fullmatch(each)][:DOMAINS]
        if missing:
            asked = await asyncio.gather(*map(self._ask, missing))
            found |= {each: host for each, host in zip(missing, asked, strict=True) if host is not None}
        return found

    def _cached(self, domain: str, now: float) -> str | None:
        kept = self._cache.get(domain)
        return kept[1] if kept is not None and kept[0] > now else None

    def _keep(self, domain: str, host: str, seconds: float) -> None:
        self._cache[domain] = (self._clock() + seconds, host)
        self._cache.move_to_end(domain)
        while len(self._cache) > CACHED:
            self._cache.popitem(last=False)

    async def _ask(self, domain: str) -> str | None:
        try:
            async with asyncio.timeout(self._settings.seconds):
                answer = await self._resolving().resolve(domain + ".", "MX", lifetime=self._settings.seconds)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            metrics.mail_host_lookups.labels("none").inc()
            self._keep(domain, "", NOTHING_SECONDS)
            return ""
        except (dns.exception.DNSException, OSError, TimeoutError, ValueError):
            metrics.mail_host_lookups.labels("failed").inc()
            self._keep(domain, "", FAILURE_SECONDS)
            return None
        host = _best(answer)
        least, most = TTL_SECONDS
        ttl = answer.rrset.ttl if answer.rrset is not None else NOTHING_SECONDS
        metrics.mail_host_lookups.labels("found" if host else "none").inc()
        self._keep(domain, host, min(max(ttl, least), most))
        return host

    def _resolving(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            own = self._settings.nameservers
            self._resolver = dns.asyncresolver.Resolver(configure=not own)
            if own:
                self._resolver.nameservers = [_server(each) for each in own]
        return self._resolver


def _server(text: str) -> str | dns.nameserver.Nameserver:
    match = re.fullmatch(r"\[(.+)\](?::(\d+))?|([0-9.]+):(\d+)", text)
    if match is None:
        return text
    return dns.nameserver.Do53Nameserver(match[1] or match[3], int(match[2] or match[4] or 53))


def _best(answer: dns.resolver.Answer) -> str:
    """The host with the lowest preference; "" for a null MX (RFC 7505)."""
    best = min(answer, key=lambda each: (each.preference, each.exchange.to_text()))
    host = best.exchange.to_text(omit_final_dot=True).lower()
    return registrable(host) if host and host != "." else ""
