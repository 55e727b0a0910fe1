# SPDX-License-Identifier: Apache-2.0
"""The one table of limits: what we refuse, spill, or call uninspectable, before any parser runs.

Never enforces one: each room does that where it reads. Every number is a default that `[limits]` in
dlpmilter.toml may change; deploy/dlpmilter.toml documents each of them.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Octets, counts and seconds; see deploy/dlpmilter.toml for the meaning of each."""

    message_octets: int = 50 * MIB
    memory_message_octets: int = 256 * KIB
    """A message above this is spilled to an unlinked file."""
    memory_total_octets: int = 64 * MIB
    """All messages in memory together; above it every message spills at once."""
    spool_free_octets: int = 512 * MIB
    """Free space the spill directory must have; below it 452."""
    command_octets: int = 4096
    recipients: int = 1000
    connections: int = 1000
    connections_per_client: int = 200
    errors_per_session: int = 20
    received_lines: int = 50
    header_octets: int = 100 * KIB
    header_fields: int = 1000
    parts: int = 1000
    nesting: int = 50
    text_octets: int = 2 * MIB
    """Text of one part that is looked at for quoted mail."""
    inspect_seconds: float = 10.0
    """Wall time the structure of one mail may take; above it the mail is uninspectable."""
    inspect_memory_octets: int = 512 * MIB
    """Address space of one inspection worker; a mail that needs more is uninspectable."""
    idle_seconds: float = 300.0
    """RFC 5321 4.5.3.2.7: a server waits at least five minutes for the next command."""
    data_idle_seconds: float = 180.0
    data_rate_octets: int = 100
    """Octets per second a sender must average after the first minute of DATA."""
    data_seconds: float = 3600.0
    detector_candidates: int = 200_000
    """Places in the texts of one mail that detectors check one by one; above it too-many-candidates is found."""
    answer_seconds: float = 80.0
    """Postfix gives a before-queue filter 100 s; we answer before that."""
