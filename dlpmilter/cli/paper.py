# SPDX-License-Identifier: Apache-2.0
"""Writing a paper into the form its file's ending asks for. Never overwrites a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlpmilter.cli.office import end

if TYPE_CHECKING:
    from dlpmilter.privacy.paper import Paper

language_option = click.option("--language", type=click.Choice(["de", "en"]), default="en", show_default=True)
output_option = click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Write it to FILE.pdf, .html, .csv or .json."
)


def check_form(output: Path) -> None:
    """End the command before anything is asked for when the ending of the file says no form."""
    from dlpmilter.privacy.paper import FORMS

    if output.suffix not in FORMS:
        end(2, f"{output} must end with one of {', '.join(FORMS)}.")


def write_paper(paper: Paper, output: Path) -> None:
    """Write it and say where."""
    from dlpmilter.privacy.paper import FORMS

    check_form(output)
    try:
        data = FORMS[output.suffix](paper)
        with output.open("xb") as out:
            out.write(data)
    except FileExistsError:
        end(2, f"{output} is there already and is left as it is.")
    except OSError as error:
        end(75, f"{output} cannot be written: {error.strerror}.")
    except ValueError as error:
        end(2, f"{error}")
    click.echo(f"{paper.title} is in {output}.")
