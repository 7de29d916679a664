"""The ``radbridge`` command in a process that SIGKILLs itself just before or just after its n-th database commit.

    python -m tests.support.crashing 17 before up --data DIR …

Commits are those of SQLite (databases and the embedded log) and of PostgreSQL. Product code knows nothing of it: the
drivers are wrapped from outside.
"""

import os
import signal
import sqlite3
import sys
import threading
from typing import Any


class Countdown:
    """Counts commits over all threads and ends the process at the chosen one."""

    def __init__(self, at: int, moment: str) -> None:
        self._left = at
        self._moment = moment
        self._lock = threading.Lock()

    def passes(self, moment: str) -> None:
        """A commit is about to happen (``before``) or has just happened (``after``)."""
        if moment != self._moment:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def crash_in_sqlite(countdown: Countdown) -> None:
    """Every connection opened from now on counts its commits."""

    class CountedConnection(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            if sql.strip().upper() != "COMMIT":
                return super().execute(sql, *arguments)
            countdown.passes("before")
            cursor = super().execute(sql, *arguments)
            countdown.passes("after")
            return cursor

    connect = sqlite3.connect

    def counted(*arguments: Any, **options: Any) -> sqlite3.Connection:
        options.setdefault("factory", CountedConnection)
        return connect(*arguments, **options)

    sqlite3.connect = counted


def crash_in_postgresql(countdown: Countdown) -> None:
    """Every commit sent by asyncpg counts; so does every statement that commits itself."""
    from asyncpg.connection import Connection

    execute, fetch = Connection.execute, Connection.fetch

    async def counted_execute(self: Any, query: str, *arguments: Any, **options: Any) -> str:
        if query.strip().upper() != "COMMIT":
            return await execute(self, query, *arguments, **options)
        countdown.passes("before")
        answer = await execute(self, query, *arguments, **options)
        countdown.passes("after")
        return answer

    async def counted_fetch(self: Any, query: str, *arguments: Any, **options: Any) -> Any:
        if self.is_in_transaction() or not query.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE", "WITH")):
            return await fetch(self, query, *arguments, **options)
        countdown.passes("before")
        answer = await fetch(self, query, *arguments, **options)
        countdown.passes("after")
        return answer

    Connection.execute, Connection.fetch = counted_execute, counted_fetch


def main() -> None:
    """Arm the countdown and run the command."""
    at, moment, *command = sys.argv[1:]
    countdown = Countdown(int(at), moment)
    crash_in_sqlite(countdown)
    if os.environ.get("RADBRIDGE_DATABASE_URL", "").startswith("postgresql"):
        crash_in_postgresql(countdown)
    sys.argv = ["radbridge", *command]
    from radbridge.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
