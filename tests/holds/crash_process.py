# SPDX-License-Identifier: Apache-2.0
"""A process that holds one mail and stops at a chosen point, to be killed there.

`python -m tests.holds.crash_process FOLDER before|after SIZE`: prints "now" and sleeps.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from tests.holds.house import HEAD, rooms

MESSAGE_NUMBER = 4711


def message(size: int) -> bytes:
    """The same octets in every process."""
    return HEAD % (MESSAGE_NUMBER, MESSAGE_NUMBER) + b"z" * size


def stop_here() -> None:
    """Say that the point is reached and wait for the kill."""
    print("now", flush=True)
    time.sleep(60)


async def main(folder: Path, point: str, size: int) -> None:
    """Hold one mail; `before` stops inside the transaction that counts, `after` once it is durable."""
    async with rooms(folder) as r:
        if point == "before":
            keep = r.bodies.keep

            def kept(conn: Any, stored: Any) -> None:
                keep(conn, stored)
                stop_here()

            r.bodies.keep = kept  # type: ignore[method-assign]
        await r.hold(message=message(size))
        stop_here()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
