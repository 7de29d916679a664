"""The suite that the demonstration plays on: the one that answers, else one of its own."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx

from radbridge.cli.demo.parties import StepFailedError

START_S = 60.0
STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class Suite:
    """Where a running suite is, and the folder that holds its token."""

    url: str
    dicom_port: int
    data: Path


def answers(url: str) -> bool:
    """Whether a suite is ready at the address."""
    try:
        return httpx.get(f"{url.rstrip('/')}/readyz", timeout=3).status_code == HTTPStatus.OK
    except httpx.HTTPError:
        return False


@contextmanager
def own_suite() -> Generator[Suite]:
    """A suite on free ports and a temporary data folder, gone when the block ends.

    :raises StepFailedError: it did not become ready.
    """
    port, dicom_port = _free_port(), _free_port()
    with tempfile.TemporaryDirectory(prefix="radbridge-demo-") as folder:
        command = [sys.executable, "-m", "radbridge.cli", "up", "--data", folder]
        command += ["--port", str(port), "--dicom-port", str(dicom_port)]
        log = Path(folder) / "up.log"
        with log.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603 - our own program
        try:
            suite = Suite(f"http://127.0.0.1:{port}", dicom_port, Path(folder))
            deadline = time.monotonic() + START_S
            while not answers(suite.url):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise StepFailedError(f"演示用的系统没有启动：{log.read_text(encoding='utf-8')[-800:]}")
                time.sleep(0.1)
            yield suite
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
