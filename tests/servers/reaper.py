"""Kills the servers and removes the folders of a test process that is gone. Run as a script, told by lines on stdin.

`pid N` and `folder PATH` register, `ended N` forgets a pid (it may belong to somebody else soon).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    pids: set[int] = set()
    folders: set[str] = set()
    for line in sys.stdin:
        kind, _, value = line.rstrip("\n").partition(" ")
        if kind == "pid":
            pids.add(int(value))
        elif kind == "ended":
            pids.discard(int(value))
        else:
            folders.add(value)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
