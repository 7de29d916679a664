"""How the steps of `make` speak: one line each, and errors without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable


class StepError(Exception):
    """A step failed; the message says what to do, or what was tried."""


def say(text: str) -> None:
    """One progress line, at once also where output is piped."""
    print(f"· {text}", flush=True)


def main(run: Callable[[list[str]], None]) -> None:
    """Run a step as a program: arguments from the command line, StepError as one message and exit code 1."""
    try:
        run(sys.argv[1:])
    except StepError as error:
        sys.exit(f"✗ {error}")
