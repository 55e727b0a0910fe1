# SPDX-License-Identifier: Apache-2.0
"""Which of the wanted groups a person is in, asked at the LDAP server. Never guesses: one entry, or nobody.

A group is looked at by its own name, so a person in a thousand groups costs as much as one in two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpmilter.facts.ldap_sync import SyncError, connected

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpmilter.settings import Ldap, LdapGroups

_IN_CHAIN = ":1.2.840.113556.1.4.1941:"  # Active Directory: groups in groups
_NO_SUCH_OBJECT = 32  # RFC 4511 section 4.1.9
_NO_ATTRIBUTES = "1.1"  # RFC 4511 section 4.5.1.8


def groups_of(ldap: Ldap, wanted: LdapGroups, address: str) -> frozenset[str]:
    """The wanted groups, as they are written in the configuration. Raises SyncError, ConfigError."""
    with connected(ldap) as connection:
        person = _person(connection, ldap, address)
        if not person:
            return frozenset()
        rule = _IN_CHAIN if wanted.nested else ""
        asked = f"({wanted.member}{rule}={_escaped(person)})"
        return frozenset(each for each in wanted.groups if _found(connection, ldap, each, asked, whole=False))


def _person(connection: Any, ldap: Ldap, address: str) -> str:
    """The name of the one entry with this address; "" when there is none, or several."""
    value, names = _escaped(address), (ldap.attributes.address, *ldap.attributes.aliases)
    either = "".join(f"({name}={kind}{value})" for name in dict.fromkeys(names) for kind in ("", "smtp:"))
    found = list(_found(connection, ldap, ldap.base, f"(&{ldap.filter}(|{either}))", whole=True))
    return found[0] if len(found) == 1 else ""


def _found(connection: Any, ldap: Ldap, base: str, asked: str, *, whole: bool) -> Iterable[str]:
    """Names of the entries below `base`, or of `base` itself, that fit."""
    connection.search(
        base, asked, search_scope="SUBTREE" if whole else "BASE", attributes=[_NO_ATTRIBUTES],
        time_limit=ldap.answer_seconds,
    )  # fmt: skip
    if connection.result["result"] == _NO_SUCH_OBJECT:
        return []
    if connection.result["result"] != 0:
        raise SyncError("broken-off", f"{ldap.url} broke off the search below {base!r}.")
    return [each["dn"] for each in connection.response or () if each.get("type") == "searchResEntry"]


def _escaped(text: str) -> str:
    """RFC 4515 section 3: what has a meaning in a filter has none in a value."""
    return "".join(f"\\{ord(each):02x}" if each in "*()\\\0" else each for each in text)
