# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter holds`: what waits, and what people decide. The actor is the calling Unix user, always.

Never shows an address or subject to somebody who neither sent the mail nor decides about it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlpmilter.cli.office import Office, actor_of, calling_user, config_option, json_option, office, run

if TYPE_CHECKING:
    from dlpmilter.holds.actors import Actor
    from dlpmilter.holds.workflow import Done
    from dlpmilter.storage.case_rows import Case


@click.group()
def command() -> None:
    """List held mails and decide about them."""


@command.command("list")
@config_option
@json_option
@click.option("--all", "everything", is_flag=True, help="Also the decided ones.")
def list_(file: Path, as_json: bool, everything: bool) -> None:
    """List the cases that wait for a decision (or a second try)."""

    async def work() -> tuple[list[Case], Actor | None]:
        from dlpmilter.holds.states import WAITING, State
        from dlpmilter.storage import case_rows

        wanted = set(State) if everything else {*WAITING, State.approved, State.releasing, State.release_failed}
        async with office(file) as rooms:
            return await rooms.database.read(lambda conn: case_rows.in_states(conn, wanted)), actor_of(rooms.config)

    cases, actor = run(work)
    if as_json:
        for case in cases:
            click.echo(json.dumps(_described(case, actor), ensure_ascii=False))
        return
    _print_table(cases, actor)


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def show(case_id: str, file: Path, as_json: bool) -> None:
    """Show one case and what happened to it."""

    async def work() -> tuple[Case, list[dict[str, Any]], Actor | None]:
        from dlpmilter.audit import trail
        from dlpmilter.holds.workflow import case_in

        async with office(file) as rooms:
            case = await rooms.database.read(lambda conn: case_in(conn, case_id))
            entries = await rooms.database.read(lambda conn: trail.of_case(conn, case.id))
            told = [
                {"seq": row.seq, "day": row.day, "event": row.event, "action": row.action, "at": fields.get("at")}
                for row, fields in entries
            ]
            return case, told, actor_of(rooms.config)

    case, told, actor = run(work)
    described = _described(case, actor) | {"trail": told}
    if as_json:
        click.echo(json.dumps(described, ensure_ascii=False))
        return
    for name, value in described.items():
        if name not in {"holds", "trail"}:
            click.echo(f"{name:>14}  {_printable(value)}")
    for hold in described["holds"]:
        click.echo(f"{'recipient':>14}  " + ", ".join(f"{name} {_printable(value)}" for name, value in hold.items()))
    for entry in told:
        click.echo(f"{'entry':>14}  {entry['seq']} {entry['day']} {entry['event']}")


@command.command()
@click.argument("case_id", metavar="CASE")
@click.argument("code", metavar="REASON")
@click.argument("text", default="")
@config_option
@json_option
def justify(case_id: str, code: str, text: str, file: Path, as_json: bool) -> None:
    """Say why the mail should go: a reason code R1 to R11 and a sentence."""
    _act(file, as_json, lambda rooms, actor: rooms.workflow.justify(case_id, actor, code, text))


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def approve(case_id: str, file: Path, as_json: bool) -> None:
    """Approve: with the last approval that is wanted, the mail is queued for release."""
    _act(file, as_json, lambda rooms, actor: rooms.workflow.approve(case_id, actor))


@command.command()
@click.argument("case_id", metavar="CASE")
@click.argument("reason")
@config_option
@json_option
def reject(case_id: str, reason: str, file: Path, as_json: bool) -> None:
    """Refuse the release; REASON is one kind sentence the sender will read."""
    _act(file, as_json, lambda rooms, actor: rooms.workflow.reject(case_id, actor, reason))


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def withdraw(case_id: str, file: Path, as_json: bool) -> None:
    """Take the mail back, as its sender or on the sender's behalf."""
    _act(file, as_json, lambda rooms, actor: rooms.workflow.withdraw(case_id, actor))


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def release(case_id: str, file: Path, as_json: bool) -> None:
    """Try a failed release again; approves nothing."""
    _act(file, as_json, lambda rooms, actor: rooms.workflow.release(case_id, actor))


def _act(file: Path, as_json: bool, act: Callable[[Office, Actor], Awaitable[Done]]) -> None:
    async def work() -> tuple[Done, Actor]:
        from dlpmilter.holds.actors import actor_of as mapped

        async with office(file) as rooms:
            actor = mapped(calling_user(), rooms.config)
            return await act(rooms, actor), actor

    done, actor = run(work)
    if as_json:
        click.echo(
            json.dumps(_described(done.case, actor) | {"approvals_missing": done.waiting_for}, ensure_ascii=False)
        )
        return
    states = ", ".join(sorted({hold.state for hold in done.case.holds}))
    more = f"; {done.waiting_for} more approval(s) wanted" if done.waiting_for else ""
    click.echo(f"Case {done.case.id}: {states}{more}.")


def _described(case: Case, actor: Actor | None) -> dict[str, Any]:
    """What this person may see of a case."""
    from dlpmilter.holds.actors import is_sender

    may_see = actor is not None and (is_sender(actor, case) or any(hold.pool in actor.pools for hold in case.holds))
    return {
        "case": case.id,
        "placed": case.created_at.isoformat(timespec="seconds"),
        "deadline": case.deadline.isoformat(timespec="seconds"),
        "kind": case.kind,
        "size": case.size,
        "sender": case.owner if may_see else None,
        "subject": case.subject if may_see else None,
        "reason_code": case.justification_code,
        "reason": case.justification_text if may_see else None,
        "content": case.purged_at is None,
        "holds": [
            {
                "address": hold.recipient.mailbox.text if may_see else None,
                "class": hold.recipient_class,
                "relation": hold.relation if may_see else None,
                "rule": hold.rule,
                "pool": hold.pool,
                "approvals_needed": hold.approvals_needed,
                "state": hold.state,
            }
            for hold in case.holds
        ],
    }


def _print_table(cases: Sequence[Case], actor: Actor | None) -> None:
    if not cases:
        click.echo("No case waits.")
        return
    for case in cases:
        row = _described(case, actor)
        states = ",".join(sorted({hold.state for hold in case.holds}))
        pools = ",".join(sorted({hold.pool for hold in case.holds}))
        people = ", ".join(_printable(each["address"]) for each in row["holds"][:3] if each["address"])
        until = case.deadline.astimezone().strftime("%Y-%m-%d %H:%M")
        click.echo(f"{case.id}  {states:<14} until {until}  {pools:<12} {people}")


def _printable(value: object) -> str:
    """One line without control characters: a subject must not write to the terminal."""
    text = "-" if value is None else str(value)
    return "".join(each if each.isprintable() else "?" for each in text)
