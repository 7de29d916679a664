"""Operating-system processes of servers: started on free ports, stopped by pid, never left behind.

No death signal is set on them: it would come when the starting *thread* ends. Instead a small reaper process holds a
pipe to this process and, when the pipe breaks for whatever reason, kills what is still registered and removes its
folders.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

LOCALHOST = "127.0.0.1"
_PORTS = range(20000, 32000)  # below the ephemeral range, so no outgoing connection takes the port of a stopped server


class ServerUnavailableError(Exception):
    """A server cannot be had on this machine; the message says why, for the skip line."""


class ServerFailedError(Exception):
    """A server that is installed did not start; the message ends with its log."""


_reserved: list[socket.socket] = []


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on and that is given to nobody else while this process lives.

    A socket that never listens keeps it. Whoever binds it with ``SO_REUSEADDR``, as servers do, gets it all the same;
    whoever looks for a free port, here or in another run of the tests, passes it over.
    """
    for port in random.sample(_PORTS, 200):
        keeper = socket.socket()
        try:
            keeper.bind((LOCALHOST, port))
        except OSError:
            keeper.close()
            continue
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _reserved.append(keeper)
        return port
    raise ServerFailedError("no free port found")


def accepts(port: int) -> bool:
    """True when something listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOCALHOST, port)) == 0


class _Reaper:
    """The process that outlives this one by a moment and cleans up after it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def tell(self, line: str) -> None:
        with self._lock:
            if self._process is None or self._owner != os.getpid():
                reaper = Path(__file__).with_name("reaper.py")
                self._process = subprocess.Popen(
                    [sys.executable, "-S", "-E", str(reaper)], stdin=subprocess.PIPE, start_new_session=True
                )
                self._owner = os.getpid()
            pipe = self._process.stdin
            assert pipe is not None
            pipe.write(line.encode() + b"\n")
            pipe.flush()


_reaper = _Reaper()


def remove_folder_at_exit(folder: Path) -> None:
    """The folder goes when this process ends, also when it is killed."""
    _reaper.tell(f"folder {folder}")


class ServerProcess:
    """One server process. `start` may follow `stop` or `kill`, on the same port and data."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.folder = folder
        self._argv = list(argv)
        self._env = {**os.environ, **(env or {})}
        self._user = user
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._log: Path | None = None

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        if self._process is None:
            raise ServerFailedError(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log_text(self) -> str:
        """What the server printed since its last start."""
        return self._log.read_text(errors="replace") if self._log and self._log.exists() else ""

    def start(self, is_up: Callable[[], bool], timeout_s: float = 120) -> None:
        """Start and wait until `is_up`.

        Raises:
            ServerFailedError: it ended, or was not up in time.
        """
        if self.running:
            return
        self._starts += 1
        self._log = self.folder / f"{self.name}-{self._starts}.log"
        with self._log.open("wb") as log:
            self._process = self._spawn(log)
        _reaper.tell(f"pid {self._process.pid}")
        end = time.monotonic() + timeout_s
        while not is_up():
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise ServerFailedError(f"{self.name} did not start:\n{self.log_text()[-3000:]}")
            time.sleep(0.02)

    def _spawn(self, log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._argv,
            cwd=self.folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
        )

    def stop(self, timeout_s: float = 120) -> None:
        """Ask the server to end, and kill it when it does not in time."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(self._stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
        self.kill()

    def kill(self) -> None:
        """SIGKILL, as a machine that loses power would do to it (caches of the operating system survive)."""
        if self._process is None:
            return
        if self.running:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        _reaper.tell(f"ended {self._process.pid}")
        self._process = None


def run(argv: Sequence[str], folder: Path, *, user: str | None = None) -> None:
    """Run a server's own set-up command to its end.

    Raises:
        ServerFailedError: it exits with another code than 0; its output is in the message.
    """
    done = subprocess.run(
        list(argv),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        user=user,
        group=user,
        extra_groups=[] if user else None,
    )
    if done.returncode:
        raise ServerFailedError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
