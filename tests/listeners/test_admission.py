# SPDX-License-Identifier: Apache-2.0
"""Who may come in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dlpmilter.listeners.admission import Admission, Networks
from dlpmilter.model.limits import Limits


def test_networks_know_members_mapped_addresses_and_nonsense() -> None:
    """IPv4-mapped IPv6 counts as IPv4, a scope id is ignored, no address is in nothing."""
    networks = Networks(["127.0.0.0/8", "2001:db8::/32"])

    assert "127.0.0.2" in networks
    assert "::ffff:127.0.0.1" in networks
    assert "2001:db8::1%eth0" in networks
    assert "192.0.2.1" not in networks
    assert "unix" not in networks


def test_places_run_out_and_come_back(tmp_path: Path) -> None:
    """Over the limit a connection is named a reason; leaving frees the place."""
    admission = Admission(replace(Limits(), connections=3, connections_per_client=2), tmp_path)
    assert [admission.enter("a"), admission.enter("a"), admission.enter("a")] == [None, None, "connections-per-client"]
    admission.leave("a")
    admission.leave("a")
    assert [admission.enter("b"), admission.enter("c")] == [None, None]
    assert admission.enter("d") == "connections"


def test_a_full_disk_is_seen(tmp_path: Path) -> None:
    """Less free space than asked for, or no folder at all, is no room."""
    assert Admission(replace(Limits(), spool_free_octets=1), tmp_path).disk_has_room()
    assert not Admission(replace(Limits(), spool_free_octets=1 << 60), tmp_path).disk_has_room()
    assert not Admission(Limits(), tmp_path / "missing").disk_has_room()
