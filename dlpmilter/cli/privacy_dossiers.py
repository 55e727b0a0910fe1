# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter privacy access|erase|unmask|breach`: dossiers, step by step. Never takes a step that nobody asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from dlpmilter.cli.control import ask
from dlpmilter.cli.office import config_option, end, json_option
from dlpmilter.cli.paper import check_form, language_option, output_option, write_paper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

said_option = click.option(
    "--say", "said", multiple=True, metavar="NAME=TEXT", help="What the step needs, for example --say reason=..."
)


def _said(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for each in pairs:
        name, sign, text = each.partition("=")
        if not sign:
            end(2, f"{each!r} is not NAME=TEXT.")
        found[name.replace("-", "_")] = text
    return found


def _show(one: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(one, ensure_ascii=False))
        return
    for name, value in one.items():
        if value not in (None, "", [], {}):
            click.echo(f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")


def _list(rows: Sequence[Mapping[str, Any]], as_json: bool, words: str) -> None:
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for one in rows:
        click.echo(
            f"{one['id']}  {one['state']}  due {one['due'][:16].replace('T', ' ')}  {one.get('case') or ''}".rstrip()
        )
    if not rows:
        click.echo(words)


@click.group()
def access() -> None:
    """Requests under Art. 15 and 17 GDPR: who asks, whether it is that person, the answer."""


@access.command("open")
@click.argument("addresses", nargs=-1, required=True)
@click.option("--wish", type=click.Choice(["access", "erasure"]), default="access", show_default=True)
@click.option("--channel", default="letter", show_default=True, help="How it came: letter, mail, phone, in person.")
@config_option
@json_option
def access_open(addresses: tuple[str, ...], wish: str, channel: str, file: Path, *, as_json: bool) -> None:
    """Open a request about these exact ADDRESSES; what is there of them is kept until it is answered."""
    answer = ask(file, "privacy-access-open", wish=wish, addresses=list(addresses), channel=channel)
    _show(answer["request"], as_json)


@access.command("list")
@config_option
@json_option
def access_list(file: Path, *, as_json: bool) -> None:
    """List the requests, the most urgent first; without names."""
    _list(ask(file, "privacy-access-list")["requests"], as_json, "There is no request.")


@access.command("show")
@click.argument("number")
@output_option
@language_option
@config_option
@json_option
def access_show(number: str, output: Path | None, language: Literal["de", "en"], file: Path, *, as_json: bool) -> None:
    """Show one request with its answer, or write the answer to be read or printed."""
    if output is not None:
        check_form(output)
    one = ask(file, "privacy-access-show", id=number)["request"]
    if output is None:
        _show(one, as_json)
        return
    if "report" not in one:
        end(1, f"{one['id']} has no answer yet; `dlpmilter privacy access step {one['id']} answer` makes one.")
    from dlpmilter.privacy.paper_person import access_paper

    write_paper(access_paper(one, language), output)


@access.command("step")
@click.argument("number")
@click.argument("step", type=click.Choice([
    "ask-identity", "doubt", "verify", "extend", "answer", "propose-refusal", "refuse", "erase",
]))  # fmt: skip
@said_option
@config_option
@json_option
def access_step(number: str, step: str, said: tuple[str, ...], file: Path, *, as_json: bool) -> None:
    """Take one step: verify (--say how=), doubt (reason=), extend (reason=), propose-refusal (ground=) ..."""
    _show(ask(file, "privacy-access-act", id=number, step=step, said=_said(said))["request"], as_json)


@click.command()
@click.argument("number")
@config_option
@json_option
def erase(number: str, file: Path, *, as_json: bool) -> None:
    """Erase what request NUMBER asks for, once its person is verified; what stays is named with its ground."""
    _show(ask(file, "privacy-access-act", id=number, step="erase", said={})["request"], as_json)


@click.group()
def unmask() -> None:
    """See who stands behind a case: two people of different duties, a purpose, one day."""


@unmask.command("ask")
@click.argument("case")
@click.option("--purpose", required=True, help="incident, data-subject-request, claim, authority or complaint.")
@click.option("--reason", required=True, help="The concrete facts that make it necessary.")
@click.option("--defer", default="", help="Why the person is told 30 days later instead of at once.")
@config_option
@json_option
def unmask_ask(case: str, purpose: str, reason: str, defer: str, file: Path, *, as_json: bool) -> None:
    """Ask to see who sent the mail of CASE."""
    answer = ask(file, "privacy-unmask-ask", case=case, purpose=purpose, reason=reason, defer=defer)
    _show(answer["unmasking"], as_json)


@unmask.command("agree")
@click.argument("number")
@config_option
@json_option
def unmask_agree(number: str, file: Path, *, as_json: bool) -> None:
    """Agree, as a second person of another duty; both may look for a day."""
    _show(ask(file, "privacy-unmask-agree", id=number)["unmasking"], as_json)


@unmask.command("refuse")
@click.argument("number")
@config_option
@json_option
def unmask_refuse(number: str, file: Path, *, as_json: bool) -> None:
    """Say no."""
    _show(ask(file, "privacy-unmask-refuse", id=number)["unmasking"], as_json)


@unmask.command("look")
@click.argument("number")
@config_option
@json_option
def unmask_look(number: str, file: Path, *, as_json: bool) -> None:
    """Look; it is recorded first, and the person is told."""
    _show(ask(file, "privacy-unmask-look", id=number)["seen"], as_json)


@unmask.command("list")
@config_option
@json_option
def unmask_list(file: Path, *, as_json: bool) -> None:
    """List who asked for which case, and who looked."""
    _list(ask(file, "privacy-unmask-list")["unmaskings"], as_json, "Nobody has asked for a name.")


@click.group()
def breach() -> None:
    """The clock of Art. 33 GDPR; files open by themselves and by hand."""


@breach.command("open")
@click.option("--cause", default="other", show_default=True, help="fail-open, reclassified, account, exemption, other.")
@click.option("--words", required=True, help="What was seen, without names.")
@click.option("--case", default="", help="The case, where there is one.")
@config_option
@json_option
def breach_open(cause: str, words: str, case: str, file: Path, *, as_json: bool) -> None:
    """Open a file by hand."""
    _show(ask(file, "privacy-breach-open", cause=cause, words=words, case=case)["breach"], as_json)


@breach.command("list")
@config_option
@json_option
def breach_list(file: Path, *, as_json: bool) -> None:
    """List the files, the most urgent first."""
    _list(ask(file, "privacy-breach-list")["breaches"], as_json, "There is no file about a breach.")


@breach.command("show")
@click.argument("number")
@output_option
@language_option
@config_option
@json_option
def breach_show(number: str, output: Path | None, language: Literal["de", "en"], file: Path, *, as_json: bool) -> None:
    """Show one file: what was seen, since when it is known, the sheet, who was told; or write the record."""
    if output is not None:
        check_form(output)
    one = ask(file, "privacy-breach-show", id=number)["breach"]
    if output is None:
        _show(one, as_json)
        return
    from dlpmilter.privacy.paper_person import breach_paper

    write_paper(breach_paper(one, language), output)


@breach.command("step")
@click.argument("number")
@click.argument("step", type=click.Choice(["aware", "assess", "told", "close"]))
@said_option
@config_option
@json_option
def breach_step(number: str, step: str, said: tuple[str, ...], file: Path, *, as_json: bool) -> None:
    """Take one step: aware (--say reason=, at=), assess (outcome= and the sheet), told (whom=), close."""
    _show(ask(file, "privacy-breach-act", id=number, step=step, said=_said(said))["breach"], as_json)
