# SPDX-License-Identifier: Apache-2.0
"""A next hop that is slow where it hurts: it widens the two windows a kill -9 has to hit. Never loses mail itself."""

from __future__ import annotations

from tests.peers.postfix import Postfix, downstream

SLOW_DATA = r"/3@/ sleep 1"
"""Every tenth mail waits a second at DATA: who answered 250 before that has lost it."""
SLOW_END = r"/[0-3]5@/ sleep 1"
"""One in 25 waits a second after the final dot: killed there, it is sent twice."""


def slow_downstream(sink: int) -> Postfix:
    """A downstream Postfix with both tables."""
    server = downstream(sink)
    for name, row, parameter in (
        ("slow-data", SLOW_DATA, "smtpd_data_restrictions"),
        ("slow-end", SLOW_END, "smtpd_end_of_data_restrictions"),
    ):
        path = server.config / name
        path.write_text(row + "\n")
        server.append(f"{parameter} = check_sender_access regexp:{path}")
    return server
