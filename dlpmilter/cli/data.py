# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter data`: register tables and documents, see what a file would hit. Never prints a registered value."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlpmilter.cli.office import config_option, end, json_option

if TYPE_CHECKING:
    from dlpmilter.config import Config
    from dlpmilter.content.one_file import FileReport
    from dlpmilter.storage.keys import Keyring

EXIT_NOT_FINE = 1
EXIT_CONFIG = 2
EXIT_TRY_AGAIN = 75
SHOWN = 10
"""Row numbers that the table shows; --json has all."""


@click.group()
def command() -> None:
    """Register tables and documents that must not leave unseen; only keyed hashes are stored."""


@command.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The register's name: a rule names it.")
@click.option("--columns", default="", help="Columns to register, separated by commas; all without it.")
@click.option("--owner", type=click.Choice(["own", "licensed"]), default="own", help="Whose database it is.")
@click.option("--require", type=click.IntRange(min=1), default=None, help="Columns of a row that must stand together.")
@click.option("--alone", multiple=True, metavar="COLUMN", help="A value of this column counts alone. May be repeated.")
@click.option("--together", multiple=True, metavar="COLUMN", help="A value of this column never counts alone.")
@click.option("--delimiter", default="", help="What separates cells; found by itself without it. \\t is a tab.")
@click.option("--encoding", default="utf-8-sig", help="How the file is written: utf-8, cp1252 ...")
@config_option
@json_option
def register(
    table: Path,
    name: str,
    columns: str,
    owner: str,
    require: int | None,
    alone: tuple[str, ...],
    together: tuple[str, ...],
    delimiter: str,
    encoding: str,
    file: Path,
    as_json: bool,
) -> None:
    """Make the rows of TABLE (CSV with a row of names) known. A register of this name is replaced at once."""
    from dlpmilter.registers.build import Plan, build
    from dlpmilter.registers.source import Source
    from dlpmilter.registers.store import prepare, register_path, register_purpose, sealing

    separator = "\t" if delimiter == "\\t" else delimiter
    if len(separator) > 1:
        raise click.UsageError("--delimiter is one character, or \\t.")
    wanted = tuple(each.strip() for each in columns.split(",") if each.strip())
    plan = Plan(name, owner, require, alone, together)
    with _sentences():
        _, folder, keyring = _place(file)
        target = register_path(folder, name)
        prepare(folder)
        key, told = sealing(keyring, register_purpose(name))
        with _progress(f"registering {name}", table) as progress:
            made = build(Source(table, wanted, separator, encoding), plan, target, key, told, progress)
    if as_json:
        click.echo(json.dumps(_shown(made), ensure_ascii=False))
        return
    click.echo(f"{made['rows']} rows of {len(made['columns'])} columns are registered as {name} in {target}.")
    for column in made["columns"]:
        click.echo(f"  {_column_words(column)}")
    if made["require"] > 1:
        click.echo(f"Columns that do not count alone count when {made['require']} of one row stand together.")


@command.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", default="", help="The document's name; the file's own name without it.")
@config_option
@json_option
def document(files: tuple[Path, ...], name: str, file: Path, as_json: bool) -> None:
    """Make the texts of FILES known, so that excerpts are found. A document of the same name is replaced."""
    if name and len(files) > 1:
        raise click.UsageError("--name is for one file; several keep their own names.")
    from dlpmilter.cli.data_reader import fingerprints
    from dlpmilter.registers.documents import write_documents
    from dlpmilter.registers.store import DOCUMENTS, documents_sealing, open_documents, prepare

    names = [name or each.name for each in files]
    with _sentences():
        config, folder, keyring = _place(file)
        prepare(folder)
        key, told = documents_sealing(folder, keyring)
        old = open_documents(folder, keyring)
        try:
            new = fingerprints(files, config, key, names)
            with closing(new):
                made = write_documents(folder / DOCUMENTS, key, told, new=new, old=old)
        finally:
            if old is not None:
                old.close()
    rows = [each for each in made if each["name"] in names]
    for row in rows:
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            own = row["weight"] / row["prints"]
            click.echo(f"{row['name']}: {row['words']} words are registered." + (_BOILERPLATE if own < 0.2 else ""))


_BOILERPLATE = " Most of it stands in other registered documents too, so it is known by the rest only."


@command.command("list")
@click.option("--verify", is_flag=True, help="Read every index and compare its checksum.")
@config_option
@json_option
def list_(verify: bool, file: Path, as_json: bool) -> None:
    """Name the registers and documents. Exit code 1: one of them cannot be used."""
    rows = []
    with _sentences():
        _, folder, keyring = _place(file)
        rows = list(_listing(folder, keyring, verify=verify))
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
    else:
        _print_list(rows)
    if any(row.get("problem") for row in rows):
        sys.exit(EXIT_NOT_FINE)


@command.command()
@click.argument("name")
@click.option("--document", "is_document", is_flag=True, help="NAME is a document.")
@config_option
def remove(name: str, is_document: bool, file: Path) -> None:
    """Forget the register NAME, or a document with --document."""
    from dlpmilter.registers.documents import write_documents
    from dlpmilter.registers.store import DOCUMENTS, documents_sealing, open_documents, register_path

    with _sentences():
        _, folder, keyring = _place(file)
        if not is_document:
            path = register_path(folder, name)
            if not path.exists():
                end(EXIT_CONFIG, f"There is no register {name!r} in {folder}; `dlpmilter data list` names them.")
            path.unlink()
        else:
            old = open_documents(folder, keyring)
            if old is None or name not in old.names:
                end(EXIT_CONFIG, f"There is no document {name!r} in {folder}; `dlpmilter data list` names them.")
            key, told = documents_sealing(folder, keyring)
            try:
                left = write_documents(folder / DOCUMENTS, key, told, old=old, without=[name])
            finally:
                old.close()
            if not left:
                (folder / DOCUMENTS).unlink()
    click.echo(f"{name} is forgotten.")


@command.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@config_option
@json_option
def check(path: Path, file: Path, as_json: bool) -> None:
    """Say what FILE (any format that mails are read in, or a mail named *.eml) would hit, were it sent.

    Registered rows, registered documents, detectors, and how big its biggest table is.
    """
    from dlpmilter.cli.data_reader import looked_up, troubles

    with _sentences():
        config, _, keyring = _place(file)
        found = looked_up(path, config, keyring)
    if as_json:
        click.echo(json.dumps(_found(found), ensure_ascii=False))
        return
    report = found.report
    for each in troubles(report.uninspectable):
        click.echo(f"{path.name} or something in it {each}.", err=True)
    for hit in report.registers:
        some = ", ".join(str(row + 1) for row in hit.rows[:SHOWN]) + (" ..." if len(hit.rows) > SHOWN else "")
        click.echo(f"register {hit.register}: {len(hit.rows)} of {hit.register_rows} rows (data rows {some})")
    for seen in report.fingerprints:
        click.echo(f"document {seen.document}: {seen.containment:.0%} of it")
    for finding in report.findings:
        click.echo(f"detector {finding.detector}: {finding.count} in part {finding.part}")
    if not report.registers and not report.fingerprints:
        click.echo("Nothing registered is in this file.")
    if report.table_rows:
        columns = f", {found.table_columns} columns" if found.table_columns else ""
        click.echo(f"biggest table: {report.table_rows} rows{columns}")


def _found(found: FileReport) -> dict[str, object]:
    report = found.report
    return {
        "registers": [
            {"register": hit.register, "rows": list(hit.rows), "register_rows": hit.register_rows}
            for hit in report.registers
        ],
        "documents": [{"document": each.document, "containment": each.containment} for each in report.fingerprints],
        "detectors": [
            {"detector": each.detector, "count": each.count, "confidence": each.confidence, "part": each.part}
            for each in report.findings
        ],
        "not_read": list(report.uninspectable),
        "table_rows": report.table_rows,
        "table_columns": found.table_columns,
    }


def _place(file: Path) -> tuple[Config, Path, Keyring]:
    from dlpmilter.config import load_config
    from dlpmilter.storage.keys import Keyring

    config = load_config(file)
    return config, config.registers_directory, Keyring.load(config.key_file)


@contextmanager
def _sentences() -> Iterator[None]:
    """What goes wrong becomes a sentence and an exit code (design section 6)."""
    from dlpmilter.config import ConfigError
    from dlpmilter.registers.errors import RegisterError

    try:
        yield
    except ConfigError as error:
        end(EXIT_CONFIG, "\n".join(str(problem) for problem in error.problems))
    except RegisterError as error:
        end(EXIT_CONFIG, str(error))
    except OSError as error:
        where = error.filename or "The folder of the database"
        end(EXIT_TRY_AGAIN, f"{where}: {error.strerror or type(error).__name__}. Nothing was changed; try again.")


@contextmanager
def _progress(words: str, path: Path) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing in a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(words, total=path.stat().st_size if path.exists() else None)
        yield lambda octets: progress.update(task, completed=octets)


def _listing(folder: Path, keyring: Keyring, *, verify: bool) -> Iterator[dict[str, Any]]:
    from dlpmilter.registers.errors import IndexUnusable
    from dlpmilter.registers.store import DOCUMENTS, index_files, open_documents, open_register

    for path in index_files(folder):
        try:
            opened = open_register(path, keyring, verify=verify)
        except IndexUnusable as error:
            yield {"kind": "register", "name": path.stem, "problem": str(error)}
            continue
        yield _shown(opened.description)
        opened.close()
    try:
        documents = open_documents(folder, keyring, verify=verify)
    except IndexUnusable as error:
        yield {"kind": "document", "name": DOCUMENTS, "problem": str(error)}
        return
    if documents is not None:
        for each in documents.described:
            yield {"kind": "document", **each}
        documents.close()


def _shown(told: dict[str, Any]) -> dict[str, Any]:
    """The description of a register without what only the code needs."""
    names = ("kind", "name", "owner", "rows", "columns", "require", "key", "made", "digest")
    return {name: told[name] for name in names if name in told}


def _column_words(column: dict[str, Any]) -> str:
    how = "counts alone" if column["alone"] else "counts together with another column"
    skipped = f", {column['skipped']} cells say too little or are running text" if column["skipped"] else ""
    return f"{column['name']}: {how}, {column['distinct']} different values{skipped}"


def _print_list(rows: list[dict[str, Any]]) -> None:
    if not rows:
        click.echo("Nothing is registered.")
    for row in rows:
        if row.get("problem"):
            click.echo(row["problem"], err=True)
        elif row["kind"] == "register":
            names = ", ".join(each["name"] + ("*" if each["alone"] else "") for each in row["columns"])
            click.echo(f"register {row['name']}: {row['rows']} rows, {row['owner']}, since {row['made']}; {names}")
        else:
            click.echo(f"document {row['name']}: {row['words']} words, since {row['made']}")
