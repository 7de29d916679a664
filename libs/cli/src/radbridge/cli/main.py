"""The command line: ``radbridge COMMAND``."""

import sys
from importlib import import_module
from pkgutil import iter_modules

import typer

from radbridge.cli import commands


def build() -> typer.Typer:
    """The application with the commands of every module in ``radbridge.cli.commands``."""
    app = typer.Typer(
        name="radbridge",
        help="RadBridge 影桥: a regional exchange for medical images and signed reports.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for module in sorted(found.name for found in iter_modules(commands.__path__)):
        import_module(f"{commands.__name__}.{module}").add_to(app)
    return app


app = build()


def main() -> None:
    """Entry point of the script."""
    from radbridge.cli.client import SuiteError
    from radbridge.cli.output import report

    try:
        app()
    except SuiteError as error:
        report(str(error), as_json="--json" in sys.argv, **({"problem": error.problem} if error.problem else {}))
        sys.exit(1)
