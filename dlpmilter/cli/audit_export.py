# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter audit export|proof|verifier`: what auditors take away. Never shows a person unless asked to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlpmilter.cli.office import config_option, end, json_option, opened, run
from dlpmilter.cli.progress import bar

if TYPE_CHECKING:
    from collections.abc import Sequence

_PATH = click.Path(path_type=Path)


@click.command()
@config_option
@json_option
@click.option("--output", "-o", required=True, type=_PATH, help="The file to write; never overwritten.")
@click.option("--personal", is_flag=True, help="With addresses, reviewers, times and texts. Needs the key file.")
def export(file: Path, as_json: bool, output: Path, personal: bool) -> None:
    """Write the whole trail into one file that can be checked without this product.

    Personal fields stay out; what was left out is named, so that it does not look missing.
    """
    if output.exists():
        end(2, f"{output} is there already and is left as it is.")

    async def work() -> int:
        from dlpmilter.audit.export import own_keys, write_export
        from dlpmilter.config import load_config

        async with opened(load_config(file)) as database:
            with bar("Writing entries") as progress:
                return await database.read(
                    lambda conn: write_export(conn, output, own_keys(conn), personal=personal, progress=progress)
                )

    try:
        entries = run(work)
    except OSError as error:
        end(75, f"{output} cannot be written: {error.strerror}.")
    if as_json:
        click.echo(json.dumps({"file": str(output), "entries": entries, "personal": personal}))
        return
    click.echo(f"{entries} entries are in {output}{'' if personal else ', without personal fields'}.")
    click.echo(f"Check it: dlpmilter audit verify {output}, or the file that `dlpmilter audit verifier` prints.")


@click.command()
@config_option
@click.option("--entry", required=True, type=int, help="The number of the entry.")
@click.option("--field", "names", multiple=True, help="Show this field; without it all that name no person.")
@click.option("--output", "-o", type=_PATH, help="The file to write; without it the proof is printed.")
def proof(file: Path, entry: int, names: Sequence[str], output: Path | None) -> None:
    """Prove that one entry, or one field of it, stands in the signed trail, and show nothing else."""

    async def work() -> dict[str, Any]:
        from dlpmilter.audit.export import own_keys, proof_of
        from dlpmilter.config import load_config

        async with opened(load_config(file)) as database:
            wanted = frozenset(names) or None
            return await database.read(lambda conn: proof_of(conn, entry, wanted, own_keys(conn)))

    found = json.dumps(run(work), indent=1)
    if output is None:
        click.echo(found)
        return
    try:
        with output.open("x", encoding="utf-8") as out:
            out.write(found + "\n")
    except FileExistsError:
        end(2, f"{output} is there already and is left as it is.")
    except OSError as error:
        end(75, f"{output} cannot be written: {error.strerror}.")
    click.echo(f"The proof of entry {entry} is in {output}.")


@click.command()
def verifier() -> None:
    """Print the verifier as one Python file, for a machine without this product."""
    from dlpmilter.audit.single_file import single_file

    click.echo(single_file(), nl=False)
