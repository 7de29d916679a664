"""``radbridge version``."""

import platform
from importlib.metadata import version as version_of

import typer

from radbridge.cli.output import Json, emit


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(version)


def version(as_json: Json = False) -> None:
    """Show the version."""
    value = {"radbridge": version_of("radbridge-cli"), "python": platform.python_version()}
    emit(value, as_json=as_json, text=lambda: f"radbridge {value['radbridge']} (Python {value['python']})")
