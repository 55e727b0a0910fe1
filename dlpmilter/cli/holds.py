# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter holds`: what waits, and what people decide. The actor is the calling Unix user, always.

Never looks into the record by itself: the office answers (cli/control.py), and gives each person what is his.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from dlpmilter.cli.control import ask
from dlpmilter.cli.office import config_option, json_option
from dlpmilter.cli.show import print_case, print_list
from dlpmilter.holds import reasons


@click.group()
def command() -> None:
    """List held mails and decide about them."""


@command.command("list")
@config_option
@json_option
@click.option("--all", "everything", is_flag=True, help="Also the decided ones.")
def list_(file: Path, as_json: bool, everything: bool) -> None:
    """List the cases that wait for a decision (or a second try)."""
    cases = ask(file, "list", all=everything)["cases"]
    if as_json:
        for case in cases:
            click.echo(json.dumps(case, ensure_ascii=False))
        return
    if not cases:
        click.echo("No case waits." if not everything else "There is no case that you may see.")
        return
    print_list(cases)


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def show(case_id: str, file: Path, as_json: bool) -> None:
    """Show one case and what happened to it."""
    case = ask(file, "show", case=case_id)["case"]
    if as_json:
        click.echo(json.dumps(case, ensure_ascii=False))
        return
    print_case(case)


@command.command(
    help="Say why the mail should go: CASE, a reason code, and a sentence of your own.\n\n\b\n" + reasons.table()
)
@click.argument("case_id", metavar="CASE")
@click.argument("code", metavar="REASON")
@click.argument("text", default="")
@click.option("--set", "answers", multiple=True, metavar="NAME=ANSWER", help="One more answer of the form; see `form`.")
@config_option
@json_option
def justify(case_id: str, code: str, text: str, answers: tuple[str, ...], file: Path, as_json: bool) -> None:
    """Say why the mail should go: a reason code R1 to R11 and a sentence, and with --set the rest of the form."""
    if not answers:
        _print_done(ask(file, "justify", case=case_id, code=code, text=text), as_json)
        return
    given = {"code": code, "purpose": text, "whose_data": "unknown", "basis": "unknown", "informed": "unknown"}
    for each in answers:
        name, sign, answer = each.partition("=")
        if not sign:
            raise click.UsageError(f"--set {each!r} is not NAME=ANSWER, for example basis=contract")
        given[name.strip()] = answer
    _print_done(ask(file, "state", case=case_id, answers=given), as_json)


@command.command()
@json_option
@click.option("--language", type=click.Choice(["de", "en"]), default="en", help="Language of the questions.")
def form(as_json: bool, language: Literal["de", "en"]) -> None:
    """Print the questions of the justification form, with their names and answers."""
    from dlpmilter.holds.form import FIELDS

    for each in FIELDS:
        choices = {slug: getattr(said, language) for slug, said in (each.choices or {}).items()}
        if as_json:
            line = {"name": each.name, "kind": each.kind, "label": getattr(each.label, language),
                    "required": each.required, "choices": choices or None, "limit": each.limit}  # fmt: skip
            click.echo(json.dumps(line, ensure_ascii=False))
            continue
        click.echo(f"{each.name}{' *' if each.required else ''}: {getattr(each.label, language)}")
        for slug, words in choices.items():
            click.echo(f"    {slug}: {words}")


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def seal(case_id: str, file: Path, as_json: bool) -> None:
    """Keep the mail as evidence, under seal; it is never sent."""
    _print_done(ask(file, "seal", case=case_id), as_json)


@command.command("ask-open")
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def ask_open(case_id: str, file: Path, as_json: bool) -> None:
    """Ask to open your own sealed evidence together with the office that keeps it."""
    _print_done(ask(file, "ask-open", case=case_id), as_json)


@command.command("grant-open")
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def grant_open(case_id: str, file: Path, as_json: bool) -> None:
    """Agree, as one of the office, that sealed evidence is opened with its sender; for a day."""
    _print_done(ask(file, "grant-open", case=case_id), as_json)


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def renew(case_id: str, file: Path, as_json: bool) -> None:
    """Keep sealed evidence as long again."""
    _print_done(ask(file, "renew", case=case_id), as_json)


@command.command("to-mailbox")
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def to_mailbox(case_id: str, file: Path, as_json: bool) -> None:
    """Send the mail to the sender's own business mailbox instead, and nowhere else."""
    _print_done(ask(file, "to-mailbox", case=case_id), as_json)


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def extend(case_id: str, file: Path, as_json: bool) -> None:
    """Ask for more time, once."""
    _print_done(ask(file, "extend", case=case_id), as_json)


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def undo(case_id: str, file: Path, as_json: bool) -> None:
    """Take back what was asked for by mail, while there is time; the case waits on."""
    _print_done(ask(file, "undo", case=case_id), as_json)


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def attest(case_id: str, file: Path, as_json: bool) -> None:
    """Say, as its sender, that a released mail is deleted where it went."""
    _print_done(ask(file, "attest", case=case_id), as_json)


@command.command()
@click.argument("case_id", metavar="CASE")
@click.argument("text")
@config_option
@json_option
def appeal(case_id: str, text: str, file: Path, as_json: bool) -> None:
    """Ask for a second look at a refusal, once; TEXT says why."""
    _print_done(ask(file, "appeal", case=case_id, text=text), as_json)


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def claim(case_id: str, file: Path, as_json: bool) -> None:
    """Take a case, so that colleagues see that you are at it."""
    _print_done(ask(file, "claim", case=case_id), as_json)


@command.command("hand-over")
@click.argument("case_id", metavar="CASE")
@click.argument("reason")
@click.option("--pool", default="", help="Another pool of the policy; without it the case goes back to its own.")
@config_option
@json_option
def hand_over(case_id: str, reason: str, pool: str, file: Path, as_json: bool) -> None:
    """Give a case on, for example because you know the sender well; REASON is for colleagues."""
    _print_done(ask(file, "hand-over", case=case_id, reason=reason, pool=pool), as_json)


@command.command()
@click.argument("case_ids", metavar="CASE...", nargs=-1, required=True)
@click.option(
    "--basis", required=True, type=click.Choice(["contract", "law", "consent", "interest"]),
    help="The legal basis you find (GDPR Art. 6(1) b, c, a or f).",
)  # fmt: skip
@click.option(
    "--checked", is_flag=True, required=True, help="I have checked: it is necessary, and there is no safer way."
)
@click.option("--delete-by", default="", metavar="DATE", help="Until when the person shall delete the mail there.")
@click.option("--note", default="", help="A sentence for the record.")
@config_option
@json_option
def approve(
    case_ids: tuple[str, ...], basis: str, checked: bool, delete_by: str, note: str, file: Path, as_json: bool
) -> None:
    """Approve one case or several: with the last approval that is wanted, the mail is queued for release.

    The company itself carries this transfer then, so it needs a basis and your own check.
    """
    fields = {"basis": basis, "checked": checked, "delete_by": delete_by, "note": note}
    _decide(file, "approve", case_ids, fields, as_json)


@command.command()
@click.argument("case_ids", metavar="CASE...", nargs=-1, required=True)
@click.argument("reason")
@config_option
@json_option
def reject(case_ids: tuple[str, ...], reason: str, file: Path, as_json: bool) -> None:
    """Refuse one case or several; REASON is one kind sentence each sender will read."""
    _decide(file, "reject", case_ids, {"reason": reason}, as_json)


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def withdraw(case_id: str, file: Path, as_json: bool) -> None:
    """Take the mail back, as its sender or on the sender's behalf."""
    _print_done(ask(file, "withdraw", case=case_id), as_json)


@command.command()
@click.argument("case_id", metavar="CASE")
@config_option
@json_option
def release(case_id: str, file: Path, as_json: bool) -> None:
    """Try a failed release again; approves nothing."""
    _print_done(ask(file, "release", case=case_id), as_json)


@command.command()
@click.argument("case_ids", metavar="[CASE]...", nargs=-1)
@config_option
@json_option
def unshunt(case_ids: tuple[str, ...], file: Path, as_json: bool) -> None:
    """Judge mails again on which the judge had broken; without CASE all of them. The rules decide, nobody else.

    What they let pass leaves; what they hold waits under its own rule. Exit code 1 when one still breaks.
    """
    _show_several(ask(file, "unshunt", cases=list(case_ids))["cases"], as_json)


def _decide(file: Path, act: str, case_ids: tuple[str, ...], fields: dict[str, Any], as_json: bool) -> None:
    """One case as one act; several in one go, each with an answer of its own, exit 1 when one stayed as it was."""
    if len(case_ids) == 1:
        _print_done(ask(file, act, case=case_ids[0], **fields), as_json)
        return
    _show_several(ask(file, f"{act}-all", cases=list(case_ids), **fields)["cases"], as_json)


def _show_several(answers: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    for each in answers:
        if each["ok"]:
            _print_done({"case": each}, as_json)
        elif as_json:
            click.echo(json.dumps(each, ensure_ascii=False))
        else:
            click.echo(f"Case {each['case']}: {each['error']}", err=True)
    if not all(each["ok"] for each in answers):
        raise SystemExit(1)


def _print_done(answer: Mapping[str, Any], as_json: bool) -> None:
    case = answer["case"]
    if as_json:
        click.echo(json.dumps(case, ensure_ascii=False))
        return
    states = ", ".join(sorted({hold["state"] for hold in case["holds"]}))
    more = f"; {case['approvals_missing']} more approval(s) wanted" if case["approvals_missing"] else ""
    click.echo(f"Case {case['case']}: {states}{more}.")
