# SPDX-License-Identifier: Apache-2.0
"""The office's schedule for reading the LDAP server into the file of people. Never ends by itself, never raises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dlpmilter import maillog, metrics
from dlpmilter.config import ConfigError
from dlpmilter.facts import ldap_sync

if TYPE_CHECKING:
    from dlpmilter.settings import DirectorySettings


async def sync_for_ever(directory: DirectorySettings) -> None:
    """Read the LDAP server on its schedule, at once when the file is not there yet; a failure waits for its turn."""
    ldap, file = directory.ldap, directory.file
    if ldap is None or file is None or not ldap.every_minutes:
        await asyncio.Event().wait()  # nothing to do, but a task of the office never ends by itself
        return
    if file.exists():
        await asyncio.sleep(60.0 * ldap.every_minutes)
    while True:
        try:
            done = await asyncio.to_thread(ldap_sync.sync, ldap, file)
        except (ldap_sync.SyncError, ConfigError) as error:
            metrics.directory_syncs.labels("failed").inc()
            maillog.directory_not_synced(getattr(error, "slug", "people-do-not-fit"))
        except Exception as error:  # noqa: BLE001 - the office has other things to do
            metrics.unforeseen.labels("directory-sync").inc()
            maillog.unforeseen("directory-sync", error)
        else:
            metrics.directory_syncs.labels("done").inc()
            maillog.directory_synced(done.rows)
        await asyncio.sleep(60.0 * ldap.every_minutes)
