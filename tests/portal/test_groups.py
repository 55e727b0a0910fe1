# SPDX-License-Identifier: Apache-2.0
"""Groups of a real OpenLDAP server give roles at the sign-in; whatever is unclear gives none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlpmilter.facts.ldap_groups import groups_of
from dlpmilter.facts.ldap_sync import SyncError
from dlpmilter.portal.groups import rights_of
from dlpmilter.settings import DirectorySettings, Granted, Ldap, LdapAttributes, LdapGroups
from tests.facts import slapd
from tests.facts.slapd import BASE, PASSWORD, READER, Slapd
from tests.portal.house import House, portal

pytestmark = [
    pytest.mark.skipif(bool(slapd.missing()), reason=slapd.missing() or "runs"),
    # ldap3 2.9.1 uses old names of pyasn1 and ssl, and leaves a socket to the collector when a handshake fails
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ldap3"),
    pytest.mark.filterwarnings("ignore:unclosed <(ssl|socket):ResourceWarning"),
]
RITA, CARL = "rita@company.example", "carl@company.example"
PRIVACY, OFFICER = f"cn=dlp-privacy,{BASE}", f"cn=dlp-dpo,{BASE}"
GROUPS = {
    PRIVACY: Granted(roles=("reviewer",), pools=("privacy",)),
    OFFICER: Granted(roles=("dpo",)),
    f"cn=nowhere,{BASE}": Granted(roles=("admin",)),
}
PEOPLE: list[dict[str, list[str]]] = [
    {"cn": ["Rita Rees"], "mail": [RITA], "displayName": ["smtp:r.rees@company.example"]},
    {"cn": ["Carl Check"], "mail": [CARL]},
    {"cn": ["Two"], "mail": ["twice@company.example"]},
    {"cn": ["Two again"], "mail": ["twice@company.example"]},
]


def _server(folder: Path, groups: dict[str, list[int]]) -> Slapd:
    (folder / "slapd").mkdir()
    (folder / "password").write_text(PASSWORD + "\n", encoding="utf-8")
    server = Slapd(folder / "slapd")
    server.load(PEOPLE, groups)
    return server


def _ldap(server: Slapd, folder: Path, **more: Any) -> Ldap:
    values: dict[str, Any] = {
        "url": server.plain, "base": BASE, "bind_dn": READER, "password_file": str(folder / "password"),
        "ca_file": server.ca_file, "attributes": LdapAttributes(aliases=("displayName",)),
    }  # fmt: skip
    return Ldap(**(values | more))


def test_a_person_is_in_the_groups_that_name_this_entry(tmp_path: Path) -> None:
    """By main address and alias, over TLS; a name for several, for nobody and a filter in an address give none."""
    server = _server(tmp_path, {"dlp-privacy": [0, 2, 3], "dlp-dpo": [0], "staff": [0, 1]})
    wanted = LdapGroups(groups=GROUPS)
    with server.running():
        ldap = _ldap(server, tmp_path)
        for each in (ldap, _ldap(server, tmp_path, url=server.tls)):
            for name in (RITA, "r.rees@company.example"):
                assert groups_of(each, wanted, name) == {PRIVACY, OFFICER}, name
        for nobody in (
            CARL,
            "twice@company.example",
            "x@company.example",
            "*",
            "*)(mail=*",
            "r*@company.example",
            "",
            "\0",
        ):
            assert groups_of(ldap, wanted, nobody) == frozenset(), repr(nobody)
        with pytest.raises(SyncError):
            groups_of(_ldap(server, tmp_path, bind_dn="cn=nobody,dc=corp,dc=example"), wanted, RITA)


def _config(ldap: Ldap, folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "directory": DirectorySettings(file=folder / "people.csv", ldap=ldap),
        "portal": {"ldap": LdapGroups(groups=GROUPS, **more)},
    }


async def _queue(house: House, address: str) -> int:
    """What somebody with an account that has no role sees of the queue."""
    client = await house.signed_in(address, "employee")
    try:
        return (await client.get("/queue")).status_code
    finally:
        await client.aclose()


@pytest.mark.asyncio
async def test_groups_count_at_the_sign_in_and_not_for_a_link(tmp_path: Path) -> None:
    """Rita decides, Carl does not; what the link in a notice opens stays the person's own page."""
    server = _server(tmp_path, {"dlp-privacy": [0]})
    with server.running():
        async with portal(tmp_path, **_config(_ldap(server, tmp_path), tmp_path)) as house:
            case = (await house.rooms.hold()).case_id
            assert await _queue(house, RITA) == 200
            assert await _queue(house, CARL) == 403
            rights = await rights_of(house.site, RITA)
            assert (rights.roles, rights.pools) == (("reviewer",), ("privacy",))
            async with house.client() as sender:
                assert (await sender.get(house.link(case))).status_code == 200
                assert (await sender.get("/queue")).status_code == 303


@pytest.mark.asyncio
async def test_a_server_that_does_not_answer_gives_nothing_and_stops_nobody(tmp_path: Path) -> None:
    """Not there, wrong password, wrong certificate: the person signs in without the roles."""
    server = _server(tmp_path, {"dlp-privacy": [0]})
    (tmp_path / "wrong").write_text("wrong\n")
    with server.running():
        troubles = [
            _ldap(server, tmp_path, password_file=str(tmp_path / "wrong")), _ldap(server, tmp_path, ca_file=None),
            _ldap(server, tmp_path, password_file=str(tmp_path / "missing")),
            _ldap(server, tmp_path, url="ldap://127.0.0.1:9", connect_seconds=1.0),
        ]  # fmt: skip
        for number, ldap in enumerate(troubles):
            folder = tmp_path / str(number)
            folder.mkdir()
            async with portal(folder, **_config(ldap, folder, seconds=2.0)) as house:
                assert await _queue(house, RITA) == 403, number
