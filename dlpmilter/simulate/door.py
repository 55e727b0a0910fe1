# SPDX-License-Identifier: Apache-2.0
"""The process beside each judging one that has mails opened: it hands octets on and never looks into them.

A judging process takes from itself what the sandbox needs (files that grow, descriptors, time), for good and
before its first mail; and a warm process that ends may have to be started again at any time. So the sandbox
belongs to a process of its own without these limits, started before, and mails go there over a pipe. What comes
from the judging process, which parses mails, is octets and JSON, never a pickle.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.config import ConfigError
from dlpmilter.content.report_wire import pack_report, unpack_report
from dlpmilter.content.wire import MAX_ANSWER
from dlpmilter.simulate.reader import LOST, SandboxReader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from dlpmilter.model.content import ContentReport
    from dlpmilter.model.limits import Limits
    from dlpmilter.policy.schema import Policy
    from dlpmilter.simulate.reader import Opening

_MAX_REQUEST = 64 * 1024
_MAX_TROUBLE = 4096
_NAMES, _ADDRESSES = 8, 6
"""As many as the sandbox takes (content/sandbox.py)."""


def serve(gate: Connection, opening: Opening, limits: Limits) -> None:
    """Have mails opened until the other side closes. The first word is b"" when warm, else why it is not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it ends the judging process, that us
    with SandboxReader(opening, limits) as reader:
        try:
            reader.start()
        except ConfigError as error:
            gate.send_bytes(str(error).encode("utf-8", "replace")[:_MAX_TROUBLE])
            return
        try:
            gate.send_bytes(b"")
            while True:
                request = json.loads(gate.recv_bytes(_MAX_REQUEST))
                content = gate.recv_bytes(limits.message_octets)
                report = reader.report_by(content, request["names"], request["addresses"], request["detectors"])
                gate.send_bytes(pack_report(report))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


@dataclass(slots=True)
class FarReader:
    """The judging process's end of the pipe."""

    gate: Connection
    asked: int = 0
    lost: int = 0

    def trouble(self) -> str:
        """Wait until the other side is warm; "" when it is, else why it is not."""
        try:
            return self.gate.recv_bytes(_MAX_TROUBLE).decode()
        except (EOFError, ConnectionResetError):
            return "The process that opens documents ended at its start."

    def report(self, content: bytes, names: Sequence[str], addresses: Sequence[str], policy: Policy) -> ContentReport:
        """What stands in the mail. When nobody is there any more, this process ends: crowd.py starts both anew."""
        self.asked += 1
        said = {
            "detectors": policy.detectors,
            "names": [each[:100] for each in names[:_NAMES]],
            "addresses": [each[:254] for each in addresses[:_ADDRESSES]],
        }
        try:
            self.gate.send_bytes(json.dumps(said).encode("ascii"))
            self.gate.send_bytes(content)
            answer = self.gate.recv_bytes(MAX_ANSWER)
        except (EOFError, OSError) as error:
            raise SystemExit(1) from error
        report = unpack_report(answer)
        self.lost += not report.parts and not LOST.isdisjoint(report.uninspectable)
        return report
