"""A Python process of a test's own, to be talked with, stopped and killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_REPOSITORY = Path(__file__).parents[2]


class Child:
    """A running process; its lines of output can be waited for."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []

    async def until_line(self, line: str, *, seconds: float = 60) -> None:
        """Read output until this line comes."""
        async with asyncio.timeout(seconds):
            while await self.next_line() != line:
                pass

    async def next_line(self) -> str | None:
        """The next whole line; ``None`` at the end."""
        assert self._process.stdout is not None
        raw = await self._process.stdout.readline()
        if not raw.endswith(b"\n"):
            return None
        self.lines.append(raw.decode().rstrip("\n"))
        return self.lines[-1]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    async def kill(self) -> list[str]:
        """SIGKILL; answers all whole lines that were printed."""
        if self._process.returncode is None:
            self._process.kill()
        while await self.next_line() is not None:
            pass
        await self._process.wait()
        return self.lines


@asynccontextmanager
async def child(script: Path, *arguments: str) -> AsyncIterator[Child]:
    """Run a script of the tests in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 22,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_REPOSITORY), os.environ.get("PYTHONPATH", "")])},
    )
    running = Child(process)
    try:
        yield running
    finally:
        await running.kill()
