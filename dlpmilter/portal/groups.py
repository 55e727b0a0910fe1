# SPDX-License-Identifier: Apache-2.0
"""What the groups of the LDAP server add to a sign-in. Never takes a server that does not answer for a yes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from dlpmilter import maillog
from dlpmilter.config import ConfigError
from dlpmilter.facts.ldap_groups import groups_of
from dlpmilter.facts.ldap_sync import SyncError

if TYPE_CHECKING:
    from dlpmilter.portal.site import Site


class Rights(NamedTuple):
    """Roles and pools."""

    roles: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()


async def rights_of(site: Site, address: str) -> Rights:
    """Roles and pools of this person's groups, nothing when nobody can tell in time. Raises nothing."""
    wanted, ldap = site.config.portal.ldap, site.config.directory.ldap
    if wanted is None or ldap is None or not wanted.groups:
        return Rights()
    quick = ldap.model_copy(
        update={"connect_seconds": min(ldap.connect_seconds, wanted.seconds), "answer_seconds": int(wanted.seconds) + 1}
    )
    try:
        async with asyncio.timeout(wanted.seconds):
            found = await asyncio.to_thread(groups_of, quick, wanted, address)
    except TimeoutError:
        maillog.groups_unknown("timed-out")
        return Rights()
    except SyncError as error:
        maillog.groups_unknown(error.slug)
        return Rights()
    except ConfigError:
        maillog.groups_unknown("password-file")
        return Rights()
    granted = [wanted.groups[each] for each in found]
    return Rights(
        tuple(sorted({role for each in granted for role in each.roles})),
        tuple(sorted({pool for each in granted for pool in each.pools})),
    )
