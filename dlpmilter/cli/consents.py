# SPDX-License-Identifier: Apache-2.0
"""How `agreements` and `exemptions` print what the office answers. Never decides what may be seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

_HIDDEN = "(not shown: you are not in [reviewers])"


def print_done(answer: Mapping[str, Any], as_json: bool) -> None:
    """What an act led to."""
    one = answer["consent"]
    if as_json:
        click.echo(json.dumps(one, ensure_ascii=False))
        return
    more = ""
    if one["state"] == "proposed":
        more = f" A second person signs it with `dlpmilter {one['kind']}s sign {one['id']}`."
    click.echo(f"{one['kind'].capitalize()} {one['id']}: {_words(one['state'])}, until {one['ends']}.{more}")


def print_list(answer: Mapping[str, Any], as_json: bool, word: str) -> None:
    """One line each."""
    for one in answer["consents"]:
        click.echo(json.dumps(one, ensure_ascii=False) if as_json else _line(one))
    if not answer["consents"] and not as_json:
        click.echo(f"There is no {word} to show.")


def print_one(answer: Mapping[str, Any], as_json: bool) -> None:
    """Everything about one, and its trail."""
    one = answer["consent"]
    if as_json:
        click.echo(json.dumps(one, ensure_ascii=False))
        return
    click.echo(f"{one['kind'].capitalize()} {one['id']}: {_words(one['state'])}")
    for name, value in one.items():
        if name not in {"id", "kind", "state", "trail"}:
            click.echo(f"  {name.replace('_', ' '):13} {_said(value)}")
    for entry in one.get("trail", ()):
        who = f" by {entry['actor']}" if entry["actor"] else ""
        click.echo(f"  {entry['at'] or entry['day']}  {entry['event']}{who}")


def _line(one: Mapping[str, Any]) -> str:
    senders = one.get("senders") or ([one["sender"]] if one.get("sender") else None)
    who = ", ".join(senders) if senders else _HIDDEN
    whom = f" -> {', '.join(one['recipients'])}" if one.get("recipients") else ""
    return f"{one['id']}  {_words(one['state']):9}  until {one['ends'][:10]}  used {one['uses']}  {who}{whom}"


def _words(state: str) -> str:
    return state.replace("_", " ")


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)
