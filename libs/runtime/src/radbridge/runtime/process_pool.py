"""CPU work in processes of its own, for an event loop that has better things to do.

What is asked for in one turn of the loop goes to a process in one message; its answers come back in one, in order.
There is no timer. A process that dies loses nothing: what it had is done here, and another one is started.

Started as a program, with the number of an inherited socket, this module is such a process.
"""

import asyncio
import contextlib
import logging
import pickle
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")

_LENGTH_BYTES = 4
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_END_S = 2.0
_PATIENCE_S = 10.0
_LOOK_S = 0.5
_log = logging.getLogger(__name__)


class _Undone(Exception):
    """The process died, or the task failed there: to be done here."""


class ProcessPool(Generic[T, R]):
    """Does one kind of work, here or in processes beside this one.

    :param make: answers the function that does the work. Called once here and once in each process, so it can be
        pickled, as tasks and results can: a function of a module, or a ``functools.partial`` of one.
    :param processes: how many; with 0 all is done here, on the event loop.
    """

    def __init__(self, make: Callable[[], Callable[[T], R]], *, processes: int) -> None:
        self.here = make()
        """Does the work in this process, on the caller's thread."""
        self._make = make
        self._count = processes
        self._ready: list[_Process[T, R]] = []

    async def run(self, task: T) -> R:
        """The work's result; raises what the work raises."""
        if self._ready:
            process = min(self._ready, key=lambda one: one.in_flight)
            with contextlib.suppress(_Undone):
                return await process.run(task)
        return self.here(task)

    async def serve(self) -> None:
        """Keep the processes running until cancelled, then end them."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._keep_one())

    async def _keep_one(self) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            process: _Process[T, R] = _Process()
            try:
                await process.start(self._make)
                self._ready.append(process)
                pause = _FIRST_PAUSE_S
                await process.answer_until_it_ends()
            except (OSError, EOFError) as error:
                _log.warning("a helper process ended", extra={"reason": type(error).__name__})
            finally:
                if process in self._ready:
                    self._ready.remove(process)
                await process.end()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)


class _Process(Generic[T, R]):
    """One process and what it was asked for."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._turn: list[tuple[T, asyncio.Future[R]]] = []
        self._sent: deque[tuple[float, list[asyncio.Future[R]]]] = deque()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def start(self, make: Callable[[], Callable[[T], R]]) -> None:
        """Returns when it can work.

        :raises EOFError: it ended.
        :raises OSError: it cannot be started.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            self._reader, self._writer = await asyncio.open_connection(sock=ours)
            number = str(theirs.fileno())
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", __name__, number, pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL
            )
        self._writer.write(_framed(make))
        await _received(self._reader)

    async def run(self, task: T) -> R:
        """Its result.

        :raises _Undone: it has none.
        """
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._send_turn)
        self._turn.append((task, answer))
        self.in_flight += 1
        try:
            return await answer
        finally:
            self.in_flight -= 1

    async def answer_until_it_ends(self) -> None:
        """Hand its answers on. A process that answers nothing for too long is killed.

        :raises EOFError: it ended.
        """
        assert self._reader is not None
        watching = asyncio.create_task(self._kill_when_stuck())
        try:
            while True:
                results = cast("list[tuple[bool, R]]", await _received(self._reader))
                _, answers = self._sent.popleft()
                for answer, (is_done, result) in zip(answers, results, strict=True):
                    if answer.done():
                        continue
                    if is_done:
                        answer.set_result(result)
                    else:
                        answer.set_exception(_Undone())
        finally:
            watching.cancel()

    async def end(self) -> None:
        """Close its socket, by which it ends, and give back what it had."""
        for answers in (*(answers for _, answers in self._sent), [answer for _, answer in self._turn]):
            for answer in answers:
                if not answer.done():
                    answer.set_exception(_Undone())
        self._sent.clear()
        self._turn.clear()
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            try:
                async with asyncio.timeout(_END_S):
                    await self._process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()

    async def _kill_when_stuck(self) -> None:
        loop = asyncio.get_running_loop()
        while self._process is not None:
            await asyncio.sleep(_LOOK_S)
            if self._sent and loop.time() - self._sent[0][0] > _PATIENCE_S:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                return

    def _send_turn(self) -> None:
        turn, self._turn = self._turn, []
        if turn and self._writer is not None:
            self._sent.append((asyncio.get_running_loop().time(), [answer for _, answer in turn]))
            self._writer.write(_framed([task for task, _ in turn]))


def _framed(message: object) -> bytes:
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


async def _received(reader: asyncio.StreamReader) -> object:
    """The next message.

    :raises EOFError: there is none any more.
    """
    length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
    return pickle.loads(await reader.readexactly(length))  # noqa: S301 (from a process that we started)


def _work(connection: socket.socket) -> None:
    """Do what is asked for until the other side closes, however it ends.

    :raises EOFError: it has closed.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # whoever started this process says when it ends
    with connection, connection.makefile("rwb") as stream:

        def read(size: int) -> bytes:
            found = stream.read(size)
            if len(found) < size:
                raise EOFError
            return found

        def received() -> object:
            length = int.from_bytes(read(_LENGTH_BYTES), "big")
            return pickle.loads(read(length))  # noqa: S301 (from the process that started us)

        def send(message: object) -> None:
            stream.write(_framed(message))
            stream.flush()

        make = cast("Callable[[], Callable[[object], object]]", received())
        work = make()
        send(None)
        while True:
            send([_attempted(work, task) for task in cast("list[object]", received())])


def _attempted(work: Callable[[object], object], task: object) -> tuple[bool, object]:
    try:
        return True, work(task)
    except Exception:
        return False, None  # it is tried again where its failure can be seen


if __name__ == "__main__":
    with contextlib.suppress(EOFError, OSError):
        _work(socket.socket(fileno=int(sys.argv[1])))
