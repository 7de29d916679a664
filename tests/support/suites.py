"""Running suites for tests: all services in one process, or each in processes of its own on real servers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from radbridge.cli.services import SERVICES
from radbridge.contracts.routes import ROUTES
from radbridge.runtime.security.vault import Vault
from tests.servers.process import free_port

START_S = 240.0
STOP_S = 120.0
"""More than the product's own limits of what it finishes at its end add up to."""
PATIENT = {"RADBRIDGE_RECOGNITION_ANSWER_WITHIN": "PT60S"}
"""Settings of every suite: the 0.9 s in which a doctor has an answer are not for a machine that many suites share."""
RADBRIDGE = (sys.executable, "-m", "radbridge.cli")


class DidNotStartError(Exception):
    """A process ended, or was not ready in time; the text holds the end of its log."""


@dataclass(slots=True)
class Process:
    """One ``radbridge`` process with its log."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    url: str = ""
    """Where it answers probes; empty for a job, which does not."""
    running: subprocess.Popen[bytes] | None = None

    def start(self, program: tuple[str, ...] = RADBRIDGE) -> None:
        """Start it; returns at once. ``program`` stands in front of the arguments."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RADBRIDGE_")}
        with self.log.open("ab") as output:
            self.running = subprocess.Popen(
                [*program, *self.arguments],
                env={**environment, **self.environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.running is not None
        return self.running.pid

    def alive(self) -> bool:
        """Whether it runs."""
        return self.running is not None and self.running.poll() is None

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nobody is told."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, and wait; answers the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        if self.running is None:
            return 0
        if self.running.poll() is None:
            self.running.send_signal(number)
        try:
            return self.running.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
            raise

    def log_end(self) -> str:
        """The last lines it wrote."""
        return self.log.read_text("utf-8", "replace")[-3000:] if self.log.exists() else ""


def wait_until_ready(url: str, processes: list[Process]) -> None:
    """Return once ``/readyz`` answers 200.

    :raises DidNotStartError: a process ended, or it took too long.
    """
    deadline = time.monotonic() + START_S
    with plain_client(url) as client:
        while True:
            try:
                answer = client.get("/readyz")
                if answer.status_code == httpx.codes.OK:
                    return
                said = answer.text
            except httpx.HTTPError as error:
                said = repr(error)
            dead = [process for process in processes if not process.alive()]
            if dead or time.monotonic() > deadline:
                ends = "\n".join(f"{process.name}: {process.log_end()}" for process in dead)
                raise DidNotStartError(f"{url} is not ready: {said}\n{ends}")
            time.sleep(0.1)


def plain_client(url: str, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """Speaks HTTP on this machine. Reading the machine's certificates for it would take 30 ms of CPU each time."""
    return httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False, verify=False)


@dataclass(slots=True)
class EmbeddedSuite:
    """``radbridge up`` on a data folder. The same folder may be started again after ``stop`` or ``kill``."""

    data: Path
    port: int = field(default_factory=free_port)
    dicom_port: int = field(default_factory=free_port)
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    process: Process | None = None

    @property
    def url(self) -> str:
        """The front door."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        """The admin token."""
        return (self.data / "admin.token").read_text("ascii").strip()

    def launch(self, program: tuple[str, ...] = RADBRIDGE) -> None:
        """Start the process; returns at once."""
        self.data.mkdir(parents=True, exist_ok=True)
        arguments = ("up", "--data", str(self.data), "--port", str(self.port), "--dicom-port", str(self.dicom_port))
        environment = {**PATIENT, **self.environment}
        self.process = Process("up", arguments, environment, self.data.parent / f"{self.data.name}.log")
        self.process.start(program)

    def start(self) -> None:
        """Start and wait until it is ready."""
        self.launch()
        assert self.process is not None
        wait_until_ready(self.url, [self.process])

    def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        assert self.process is not None
        return self.process.stop()

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()

    def client(self) -> httpx.Client:
        """Speaks to the front door as an administrator."""
        return plain_client(self.url, {"authorization": f"Bearer {self.token}"})


@dataclass(slots=True)
class DistributedSuite:
    """Every service in operating-system processes of its own, on Kafka, PostgreSQL and S3.

    ``databases``: SQLAlchemy URL of each service. The migrations and topics jobs are run as a deployment runs them.
    """

    folder: Path
    kafka: str
    databases: Mapping[str, str]
    objects: str
    dicom_port: int = field(default_factory=free_port)
    front_port: int = field(default_factory=free_port)
    token: str = "token-of-a-test-suite"
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further variables of every process."""
    processes: dict[str, list[Process]] = field(default_factory=dict[str, list[Process]])
    front: Process | None = None
    _vault: str = field(default_factory=lambda: Vault.create().to_text())
    _ports: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def url(self) -> str:
        """The front door."""
        return f"http://127.0.0.1:{self.front_port}"

    @property
    def all_processes(self) -> list[Process]:
        """Every process that was started."""
        front = [self.front] if self.front else []
        return [process for replicas in self.processes.values() for process in replicas] + front

    def start(self) -> None:
        """Run the jobs, start everything and wait until it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._job("topics", ("topics",), next(iter(SERVICES)))
        for service in SERVICES:
            self._job(f"migrate-{service}", ("migrate", service), service)
        for service in SERVICES:
            self.processes[service] = [self._service(service, number) for number in range(self.replicas_of(service))]
        upstreams = {
            f"RADBRIDGE_UPSTREAM_{service.upper().replace('-', '_')}": f"http://127.0.0.1:{self._ports[service]}"
            for service in sorted({route.service for route in ROUTES})
        }
        self.front = Process(
            "front",
            ("serve", "front", "--port", str(self.front_port)),
            {**upstreams, **self.settings},
            self.folder / "front.log",
            self.url,
        )
        self.front.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return once each process says so itself: the front door asks only one process of each service.

        :raises DidNotStartError: a process ended, or it took too long.
        """
        for process in self.all_processes:
            wait_until_ready(process.url, [process])

    @staticmethod
    def replicas_of(service: str) -> int:
        """Two of each, but one receiver of images: its port and volume are its own."""
        return 1 if service == "dicom-edge" else 2

    def stop(self) -> None:
        """SIGTERM to all, the front door first."""
        for process in reversed(self.all_processes):
            if process.alive():
                process.stop()

    def client(self) -> httpx.Client:
        """Speaks to the front door as an administrator."""
        return plain_client(self.url, {"authorization": f"Bearer {self.token}"})

    def _service(self, service: str, number: int) -> Process:
        port = free_port()
        self._ports.setdefault(service, port)
        name = f"{service}-{number}"
        environment = {**self._environment(service), "RADBRIDGE_INSTANCE_ID": name, "RADBRIDGE_MIGRATE": "never"}
        environment["RADBRIDGE_DATA_DIR"] = str(self.folder / name)
        process = Process(
            name,
            ("serve", service, "--port", str(port)),
            environment,
            self.folder / f"{name}.log",
            f"http://127.0.0.1:{port}",
        )
        process.start()
        return process

    def _job(self, name: str, words: tuple[str, ...], service: str) -> None:
        job = Process(name, words, self._environment(service), self.folder / f"{name}.log")
        job.start()
        assert job.running is not None
        if job.running.wait(START_S):
            raise DidNotStartError(f"{name}: {job.log_end()}")

    def _environment(self, service: str) -> dict[str, str]:
        return {
            "RADBRIDGE_EVENTS_URL": self.kafka,
            "RADBRIDGE_DATABASE_URL": self.databases[service],
            "RADBRIDGE_BLOBS_URL": self.objects,
            "RADBRIDGE_VAULT_KEY": self._vault,
            "RADBRIDGE_ADMIN_TOKEN": self.token,
            "RADBRIDGE_DATA_DIR": str(self.folder / service),
            "RADBRIDGE_DICOM_PORT": str(self.dicom_port),
            "RADBRIDGE_PUBLIC_URL": self.url,
            **PATIENT,
            **self.settings,
        }
