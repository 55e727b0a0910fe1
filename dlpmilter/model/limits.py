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
    view_octets: int = 128 * MIB
    """Octets that all readings of one mail may take together."""
    search_octets: int = 16 * MIB
    """Octets of text of one mail that are searched for encoded blocks."""
    inspect_seconds: float = 10.0
    """Wall time the structure of one mail may take; above it the mail is uninspectable."""
    inspect_memory_octets: int = 512 * MIB
    """Address space of one inspection worker; a mail that needs more is uninspectable."""
    content_seconds: float = 9.0
    """Wall and processor time all documents of one mail may take; above it the mail is uninspectable."""
    content_memory_octets: int = 256 * MIB
    """Memory of the process that opens the documents of one mail, with what it shares with the warm one."""
    content_children: int = 4
    """Mails of one gate whose documents are opened at the same time."""
    content_octets: int = 200 * MIB
    """Octets that unpacking the archives and documents of one mail may produce, all together."""
    content_member_octets: int = 48 * MIB
    """Octets of one part or member that are looked at."""
    content_ratio: int = 100
    """How many times its packed size a member above one mebibyte may have."""
    content_depth: int = 5
    """Archives and documents inside each other."""
    content_members: int = 10_000
    """Archive members and embedded documents of one mail."""
    content_text_chars: int = 10_000_000
    """Characters of text kept from one mail, all parts and members together."""
    idle_seconds: float = 300.0
    """RFC 5321 4.5.3.2.7: a server waits at least five minutes for the next command."""
    data_idle_seconds: float = 180.0
    data_rate_octets: int = 100
    """Octets per second a sender must average after the first minute of DATA."""
    data_seconds: float = 3600.0
    inbound_waiting: int = 10_000
    """Inbound mails that wait to be learned, for each gate; above it they are relayed and not learned."""
    detector_candidates: int = 200_000
    """Places in the texts of one mail that detectors look at one by one, and values they check; above it
    too-many-candidates is found. Counted apart for passes, pieces, surroundings of context words, and checks."""
    answer_seconds: float = 80.0
    """Postfix gives a before-queue filter 100 s; we answer before that."""
