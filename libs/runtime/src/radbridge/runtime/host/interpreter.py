"""How the interpreter shares its time in a server process."""

import sys

_SWITCH_INTERVAL_SECONDS = 0.001


def tune_interpreter() -> None:
    """Call once per process, before requests are served.

    A thread that comes back from the disk waits this long for the event loop to let go of the interpreter, instead of
    Python's 5 ms: a commit of many statements comes back many times.
    """
    sys.setswitchinterval(_SWITCH_INTERVAL_SECONDS)
