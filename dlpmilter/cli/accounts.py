# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter accounts`: who may sign in to the portal with a password. Never sees or sets a password.

Called by root or the service's user, who can read the database anyway; each change stands in the trail.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from dlpmilter.cli.office import calling_user, config_option, end, json_option, opened, run

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dlpmilter.config import Config
    from dlpmilter.storage.account_rows import Account
    from dlpmilter.storage.database import Database

T = TypeVar("T")
_ROLES = ("reviewer", "dpo", "works-council", "auditor", "admin")
_address = click.argument("address")


@click.group()
def command() -> None:
    """Give people an account for the portal, or take it away."""


@command.command()
@_address
@click.option("--name", default="", help="The person's name, for the head of the pages.")
@click.option(
    "--role", "roles", multiple=True, type=click.Choice(_ROLES), help="What the person may do; several times."
)
@click.option("--pool", "pools", multiple=True, help="A pool of the policy the person decides in; several times.")
@config_option
@json_option
def add(address: str, name: str, roles: tuple[str, ...], pools: tuple[str, ...], file: Path, as_json: bool) -> None:
    """Make or change an account, and print the link with which the person sets it up: password, second factor.

    The link is good for three days and once. An old password is void from now on, open sessions end.
    """
    from dlpmilter.portal import accounts

    def act(conn: Connection, config: Config, now: datetime) -> str:
        normal = _normal(address, config)
        _check_pools(config, roles, pools)
        token = accounts.invite(conn, address=normal, name=name, roles=roles, pools=pools, now=now)
        accounts.record(conn, "account-added", normal, calling_user(), "", now)
        return f"{config.portal_url}/set-up/{token}"

    link = _write(file, act)
    if as_json:
        click.echo(json.dumps({"address": address.lower(), "link": link}))
    else:
        click.echo(
            f"Give this link to {address.lower()}, and to nobody else; it is good for three days and once:\n{link}"
        )


@command.command("list")
@config_option
@json_option
def list_(file: Path, as_json: bool) -> None:
    """List the accounts: what they may do, and when they were last used."""
    from dlpmilter.storage import account_rows

    async def work(_: Config, database: Database) -> list[Account]:
        return await database.read(account_rows.all_accounts)

    for one in _opened(file, work):
        used = one.used_at.isoformat(timespec="seconds") if one.used_at else None
        line = {
            "address": one.address, "name": one.name, "roles": list(one.roles), "pools": list(one.pools),
            "set_up": one.password is not None, "enabled": one.enabled, "used": used,
        }  # fmt: skip
        if as_json:
            click.echo(json.dumps(line, ensure_ascii=False))
        else:
            state = "enabled" if one.enabled else "disabled"
            what = ", ".join((*one.roles, *(f"pool {each}" for each in one.pools))) or "no role"
            click.echo(f"{one.address}: {what}; {state if one.password else 'not set up yet'}; used {used or 'never'}")


@command.command()
@_address
@config_option
def disable(address: str, file: Path) -> None:
    """Switch an account off; open sessions end at once."""
    _switch(address, file, enabled=False)


@command.command()
@_address
@config_option
def enable(address: str, file: Path) -> None:
    """Switch an account on again, also one that nobody used for long."""
    _switch(address, file, enabled=True)


@command.command()
@_address
@config_option
def remove(address: str, file: Path) -> None:
    """Forget an account."""
    from dlpmilter.portal import accounts
    from dlpmilter.storage import account_rows

    def act(conn: Connection, config: Config, now: datetime) -> bool:
        normal = _normal(address, config)
        account_rows.end_sessions_of(conn, normal)
        account_rows.end_tickets_of(conn, normal, accounts.KEY)
        gone = account_rows.remove_account(conn, normal)
        if gone:
            accounts.record(conn, "account-removed", normal, calling_user(), "", now)
        return gone

    if not _write(file, act):
        end(1, f"There is no account for {address}; `dlpmilter accounts list` names them.")
    click.echo(f"{address.lower()}: removed.")


@command.command()
@_address
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 366), help="How long the key is good.")
@config_option
@json_option
def key(address: str, days: int, file: Path, as_json: bool) -> None:
    """Print a key with which a program acts as this person (API); `disable` and `remove` end all keys."""
    from datetime import timedelta

    from dlpmilter.portal import accounts
    from dlpmilter.storage import account_rows

    def act(conn: Connection, config: Config, now: datetime) -> str | None:
        normal = _normal(address, config)
        one = account_rows.account(conn, normal)
        if one is None or not one.enabled or one.password is None:
            return None
        accounts.record(conn, "key-added", normal, calling_user(), "", now)
        return accounts.give(conn, accounts.KEY, normal, now, now + timedelta(days=days))

    found = _write(file, act)
    if found is None:
        end(1, f"{address} has no account that is set up and enabled; `dlpmilter accounts list` names them.")
    if as_json:
        click.echo(json.dumps({"address": address.lower(), "key": found, "days": days}))
    else:
        click.echo(
            f"A program acts as {address.lower()} with this key for {days} days; it is not shown again:\n{found}"
        )


def _switch(address: str, file: Path, *, enabled: bool) -> None:
    from dataclasses import replace

    from dlpmilter.portal import accounts
    from dlpmilter.storage import account_rows

    def act(conn: Connection, config: Config, now: datetime) -> bool:
        normal = _normal(address, config)
        one = account_rows.account(conn, normal)
        if one is None:
            return False
        fresh = replace(one, enabled=enabled, failures=0, locked_until=None, used_at=now if enabled else one.used_at)
        account_rows.put_account(conn, fresh)
        if not enabled:
            account_rows.end_sessions_of(conn, normal)
            account_rows.end_tickets_of(conn, normal, accounts.KEY)
        accounts.record(conn, f"account-{'enabled' if enabled else 'disabled'}", normal, calling_user(), "", now)
        return True

    if not _write(file, act):
        end(1, f"There is no account for {address}; `dlpmilter accounts list` names them.")
    click.echo(f"{address.lower()}: {'enabled' if enabled else 'disabled'}.")


def _normal(address: str, config: Config) -> str:
    from dlpmilter.holds.notify import internal
    from dlpmilter.model.address import AddressError, parse_address

    try:
        parse_address(address)
    except AddressError as error:
        raise ValueError(f"{address!r} is not a mail address: {error}") from None
    if not internal(address, config.internal_domains):
        raise ValueError(f"{address} is not an address of the company (internal_domains)")
    return address.lower()


def _check_pools(config: Config, roles: tuple[str, ...], pools: tuple[str, ...]) -> None:
    from dlpmilter.policy.load import load_policy

    if not config.portal_url:
        raise ValueError("there is no portal: portal_url in dlpmilter.toml is empty")
    policy = load_policy(config.policy, internal_domains=config.internal_domains, allow_sample=True)
    known = [each.name for each in policy.governance.pools] if policy.governance else []
    if unknown := [each for each in pools if each not in known]:
        raise ValueError(f"there is no pool {unknown[0]!r}; the policy has {', '.join(known) or 'none'}")
    if pools and "reviewer" not in roles:
        raise ValueError("who decides in a pool needs --role reviewer")


def _write(file: Path, act: Callable[[Connection, Config, datetime], T]) -> T:
    async def work(config: Config, database: Database) -> T:
        return await database.write(lambda conn: act(conn, config, datetime.now(UTC)))

    return _opened(file, work)


def _opened(file: Path, work: Callable[[Config, Database], Awaitable[T]]) -> T:
    from dlpmilter.config import load_config

    async def main() -> T:
        config = load_config(file)
        async with opened(config) as database:
            return await work(config, database)

    return run(main)
