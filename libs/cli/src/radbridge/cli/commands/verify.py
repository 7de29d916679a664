"""``radbridge verify``: verdicts offline, without a server."""

from pathlib import Path
from typing import Annotated

import typer

from radbridge.cli.output import Json, fail, print_json


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Verdicts offline.", no_args_is_help=True)
    group.command()(cases)
    group.callback()(_group)
    app.add_typer(group, name="verify")


def _group() -> None:
    """Verdicts offline."""


def cases(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", exists=True, dir_okay=False, help="One case a line.")],
    as_json: Json = False,
) -> None:
    """Judge every case of a file and print one JSON answer a line (with and without --json); paths in a case are
    relative to the file. Exit code 0 whatever the verdicts are."""
    from radbridge.signing.domain.cases import run_cases

    try:
        for answer in run_cases(file):
            print_json(answer)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}", as_json=as_json)
