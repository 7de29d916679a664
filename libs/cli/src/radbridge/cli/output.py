"""How commands speak: text for people, or with ``--json`` one JSON value on stdout and nothing else."""

import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn, TypeAlias

import orjson
import typer

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
"""The option that every command has."""


def emit(value: Any, *, as_json: bool, text: Callable[[], str]) -> None:
    """Print a result: ``value`` as JSON, or ``text()``."""
    print_json(value) if as_json else print(text(), flush=True)


def print_json(value: Any) -> None:
    """One JSON value on a line of its own; streaming commands call it once per item."""
    sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")
    sys.stdout.flush()


def fail(message: str, *, as_json: bool, code: int = 1) -> NoReturn:
    """End the command with an error."""
    report(message, as_json=as_json)
    raise typer.Exit(code)


def report(message: str, *, as_json: bool, **members: Any) -> None:
    """Tell of an error: ``{"error": message, …}`` on stdout, or the message on stderr.

    :param members: further members of the JSON value.
    """
    if as_json:
        print_json({"error": message, **members})
    else:
        print(f"radbridge: {message}", file=sys.stderr)
