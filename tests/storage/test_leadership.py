# SPDX-License-Identifier: Apache-2.0
"""One office for one database."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from dlpmilter.storage.leadership import Leadership

HOLDER = """
import sys, time
from pathlib import Path
from dlpmilter.storage.leadership import Leadership
print(Leadership(Path(sys.argv[1])).take(), flush=True)
time.sleep(60)
"""


def test_the_second_office_leads_when_the_first_is_killed(tmp_path: Path) -> None:
    """While one process leads no other does; kill -9 frees the place at once."""
    database = tmp_path / "dlpmilter.db"
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(database)], stdout=subprocess.PIPE, text=True, cwd=root
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline().strip() == "True"
        second = Leadership(database)
        assert not second.take()

        first.send_signal(signal.SIGKILL)
        first.wait(10)

        assert second.take()
        assert second.take()
        second.leave()


def test_whoever_leaves_lets_the_next_one_lead(tmp_path: Path) -> None:
    """An orderly end gives the place back."""
    one, other = Leadership(tmp_path / "db"), Leadership(tmp_path / "db")
    assert one.take()
    assert not other.take()
    one.leave()
    assert other.take()
    other.leave()
