"""Group commit: one thread writes a SQLite file and commits together whatever waits.

There is no timer. The jobs of one turn of the event loop go to the thread together: waking it for each would have both
fight for the interpreter. While one commit waits for the disk, new jobs queue up; the next commit takes them all. So an
idle file commits a lone job at once, and a busy one shares each sync among many. Each job has a savepoint of its own.

Whatever waits for the disk or for another process, which is taking the lock and committing, happens on the thread. The
statements of a brief job run on the event loop between the two: each takes some microseconds, while on the thread each
would let go of the interpreter and wait for the busy loop to give it back.
"""

import asyncio
import contextvars
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from radbridge.runtime.database.protocol import DatabaseError, DatabaseUnavailable, T, Work
from radbridge.runtime.database.sqlite_session import SqliteTransaction, open_writer, run_at_once, translated

_MOST_JOBS_PER_COMMIT = 500
_LOOP_LOOK_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Job:
    work: Work[Any]
    context: contextvars.Context
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]
    is_brief: bool
    result: Any = None
    error: BaseException | None = None
    callbacks: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])


class GroupCommitWriter:
    """The writer thread of one file. The thread starts with the first job and ends with :meth:`close`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turns: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        self._waiting: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._closing = False

    async def write(self, work: Work[T], *, brief: bool = False) -> T:
        """Run ``work`` in the next commit; answers when that is on the disk.

        :param brief: run it on this event loop: for a few statements that find their rows by key.
        :raises DatabaseUnavailable: the commit failed and nothing of it was written, or the writer is closed.
        """
        if self._closing:
            raise DatabaseUnavailable(f"{self._path.name} is closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._main, name=f"write {self._path.name}", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        job = _Job(work, contextvars.copy_context(), loop, loop.create_future(), brief)
        turn = self._turns.get(loop)
        if turn is None:
            turn = self._turns[loop] = []
            loop.call_soon(self._hand_over, loop)
        turn.append(job)
        return await job.answer

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        turn = self._turns.pop(loop, None)
        if turn is not None:
            self._waiting.put(turn)

    async def close(self) -> None:
        """Commit what waits and end the thread."""
        if not self._closing:
            self._closing = True
            for loop in list(self._turns):
                self._hand_over(loop)
            self._waiting.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _main(self) -> None:
        while (first := self._waiting.get()) is not None:
            jobs = first
            try:
                self._commit_together(jobs)
            except BaseException as error:
                # Whatever a job was told by its own statements came from a state that is gone now: all hear the same.
                self._disconnect()
                for job in jobs:
                    job.error = _failure(error)
                    job.callbacks = []
            _deliver(jobs)
        self._disconnect()

    def _commit_together(self, jobs: list[_Job]) -> None:
        """Run ``jobs`` and what waits behind them, appending those, and commit.

        :raises DatabaseUnavailable: nothing was committed.
        """
        try:
            if self._connection is None:
                self._connection = open_writer(self._path)
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
        except (DatabaseError, sqlite3.Error):
            # the file is away or locked for long: who waits would only wait for the same refusal, one after the other
            while (turn := self._next()) is not None:
                jobs += turn
            raise
        brief: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        turn: list[_Job] | None = jobs[:]
        while turn is not None:
            for job in turn:
                if job.is_brief:
                    brief.setdefault(job.loop, []).append(job)
                elif not job.answer.cancelled():
                    _apply(job, connection)
            turn = self._next() if len(jobs) < _MOST_JOBS_PER_COMMIT else None
            if turn is not None:
                jobs += turn
        for loop, its_jobs in brief.items():
            _apply_on(loop, its_jobs, connection)
        connection.execute("COMMIT")

    def _next(self) -> list[_Job] | None:
        try:
            turn = self._waiting.get_nowait()
        except Empty:
            return None
        if turn is None:
            self._waiting.put(None)  # the end, for the main loop to see
        return turn

    def _disconnect(self) -> None:
        """Closing rolls back. The next commit opens anew: no connection is to be trusted after an I/O error."""
        if self._connection is not None:
            try:
                self._connection.close()
            except sqlite3.Error:
                _log.exception("closing %s failed", self._path.name)
            self._connection = None


def _failure(error: BaseException) -> DatabaseError:
    """What one job is told of a lost commit; an exception of its own, since each caller raises it."""
    if isinstance(error, sqlite3.Error):
        failure = translated(error)
    elif isinstance(error, DatabaseError):
        failure = type(error)(*error.args)
    else:
        failure = DatabaseError(f"the writer failed: {type(error).__name__}")
    failure.__cause__ = error
    return failure


def _apply(job: _Job, connection: sqlite3.Connection) -> None:
    """Run one job in its savepoint; its own exception undoes it alone.

    :raises DatabaseUnavailable: the file cannot be written; the whole commit is lost.
    """
    transaction = SqliteTransaction(connection)
    connection.execute("SAVEPOINT job")
    try:
        job.result = job.context.run(run_at_once, job.work, transaction)
        job.error = transaction.failure
    except BaseException as error:
        job.error = error
    finally:
        transaction.end()
    if isinstance(transaction.failure, DatabaseUnavailable):
        raise transaction.failure
    if job.error is None:
        job.callbacks = transaction.callbacks
    else:
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")


def _apply_on(loop: asyncio.AbstractEventLoop, jobs: Iterable[_Job], connection: sqlite3.Connection) -> None:
    """Run jobs on their event loop, and wait for it.

    :raises DatabaseUnavailable: the file cannot be written, or the loop has ended; the whole commit is lost.
    """
    outcome: SimpleQueue[BaseException | None] = SimpleQueue()
    turn = threading.Lock()  # whoever has it first: the loop runs the jobs, or this thread gives them up

    def run() -> None:
        if not turn.acquire(blocking=False):
            return
        try:
            for job in jobs:
                if not job.answer.cancelled():
                    _apply(job, connection)
        except BaseException as error:
            outcome.put(error)
        else:
            outcome.put(None)

    try:
        loop.call_soon_threadsafe(run)
    except RuntimeError:
        raise DatabaseUnavailable("the event loop is closed") from None
    while True:
        try:
            error = outcome.get(timeout=_LOOP_LOOK_S)
        except Empty:
            if loop.is_running() or not turn.acquire(blocking=False):
                continue
            raise DatabaseUnavailable("the event loop has ended") from None
        if error is not None:
            raise error
        return


def _deliver(jobs: Iterable[_Job]) -> None:
    """Wake each event loop once for all its jobs."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, its_jobs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_answer, its_jobs)
        except RuntimeError:
            _log.warning("%d answers found their event loop closed", len(its_jobs))


def _answer(jobs: Iterable[_Job]) -> None:
    for job in jobs:
        for callback in job.callbacks:
            try:
                callback()
            except Exception:
                _log.exception("a callback after a commit failed")
        if job.answer.done():
            continue
        if job.error is not None:
            job.answer.set_exception(job.error)
        else:
            job.answer.set_result(job.result)
