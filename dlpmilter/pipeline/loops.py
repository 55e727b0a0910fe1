# SPDX-License-Identifier: Apache-2.0
"""Mail that runs in circles (RFC 5321 section 6.3). Never counts anything but trace fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter import maillog
from dlpmilter.mime.trace import times_received, times_seen
from dlpmilter.model.errors import PermanentFailure

if TYPE_CHECKING:
    from dlpmilter.model.transaction import Transaction


def refuse_loops(transaction: Transaction, most: int, instance: str) -> None:
    """Raise PermanentFailure on too many hops, or the third time through this very installation."""
    reason = ""
    if times_received(transaction.head) >= most:
        reason = "received-lines"
    elif times_seen(transaction.head, instance) >= 2:  # once more is a loop
        reason = "own-trace"
    if reason:
        maillog.loop_detected(transaction.id, reason)
        raise PermanentFailure("this mail runs in circles", code=554, enhanced="5.4.6")
