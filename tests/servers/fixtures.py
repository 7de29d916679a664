"""Fixtures of the real servers, loaded by the root conftest.py for every test folder.

Each server starts once per session, at the first test that asks for it. `RADBRIDGE_TEST_KAFKA` (`kafka://host:port`),
`RADBRIDGE_TEST_POSTGRES` (`postgresql+asyncpg://user:password@host:port/database`, allowed to create databases) and
`RADBRIDGE_TEST_S3` (`s3://key:secret@host:port`) name servers that run already. What cannot be had skips the test
with the reason. Tests that stop or kill a server take `KafkaBroker`, `PostgresCluster` or `S3Server` of their own:

    kafka_url           `kafka://host:port`; topics are the tests' own, under names nobody else uses
    postgres_database   URL of a fresh database, dropped after the test
    on_each_database    settings of a service, once for each kind of database
    s3_url              URL of a fresh bucket
    kafka_server, postgres_server, s3_server    the session's server objects, for fixtures of wider scope
    own_kafka, own_postgres, own_s3             a server for this test alone, to be stopped and killed at will
    chromium_path, dcmtk, openssl               programs
    shared_data         folder with the published standards and test vectors
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from tests.servers.external import ExternalKafka, ExternalPostgres, ExternalS3
from tests.servers.kafka import KafkaBroker
from tests.servers.postgres import PostgresCluster
from tests.servers.process import ServerUnavailableError
from tests.servers.s3 import S3Server
from tools.shared_data import find_shared_data

DCMTK_TOOLS = ("echoscu", "storescu", "storescp", "findscu", "dcmdump", "dump2dcm", "dcmcjpeg", "dcmodify")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


class _Server(Protocol):
    def start(self) -> None: ...
    def close(self) -> None: ...


S = TypeVar("S", bound=_Server)


def _running(make: Callable[[], S]) -> Iterator[S]:
    try:
        server = make()
    except ServerUnavailableError as reason:
        pytest.skip(str(reason))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaBroker | ExternalKafka]:
    """The session's Kafka broker: `.url`, `.bootstrap`."""
    if url := os.environ.get("RADBRIDGE_TEST_KAFKA"):
        yield ExternalKafka(url)
    else:
        yield from _running(KafkaBroker)


@pytest.fixture
def kafka_url(kafka_server: KafkaBroker | ExternalKafka) -> str:
    """`kafka://host:port` of the session's broker."""
    return kafka_server.url


@pytest.fixture
def own_kafka() -> Iterator[KafkaBroker]:
    """A Kafka broker for this test alone."""
    yield from _running(KafkaBroker)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresCluster | ExternalPostgres]:
    """The session's PostgreSQL: `.url`, `.create_database()`, `.drop_database(url)`."""
    if url := os.environ.get("RADBRIDGE_TEST_POSTGRES"):
        yield ExternalPostgres(url)
    else:
        yield from _running(PostgresCluster)


@pytest.fixture
def postgres_url(postgres_server: PostgresCluster | ExternalPostgres) -> str:
    """`postgresql+asyncpg://…` of the administrative database; tables belong into `postgres_database`."""
    return postgres_server.url


@pytest.fixture
def postgres_database(postgres_server: PostgresCluster | ExternalPostgres) -> Iterator[str]:
    """`postgresql+asyncpg://…` of an empty database, dropped after the test."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def on_each_database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings for `running_service`: once with the embedded database, once with `postgres_database`."""
    return {} if request.param == "sqlite" else {"database_url": request.getfixturevalue("postgres_database")}


@pytest.fixture
def own_postgres() -> Iterator[PostgresCluster]:
    """A PostgreSQL cluster for this test alone."""
    yield from _running(PostgresCluster)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server | ExternalS3]:
    """The session's S3 server: `.url`, `.create_bucket()`."""
    if url := os.environ.get("RADBRIDGE_TEST_S3"):
        yield ExternalS3(url)
    else:
        yield from _running(S3Server)


@pytest.fixture
def s3_url(s3_server: S3Server | ExternalS3) -> str:
    """`s3://key:secret@host:port/bucket?region=…&secure=false` of an empty bucket."""
    return s3_server.create_bucket()


@pytest.fixture
def own_s3() -> Iterator[S3Server]:
    """An S3 server for this test alone."""
    yield from _running(S3Server)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of Chromium, `RADBRIDGE_TEST_CHROMIUM` first."""
    if path := os.environ.get("RADBRIDGE_TEST_CHROMIUM"):
        return path
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        pytest.skip("Chromium is not installed")
    return found


@pytest.fixture(scope="session")
def dcmtk() -> dict[str, str]:
    """Paths of DCMTK's programs by name (`storescu`, `findscu`, …)."""
    paths = {name: shutil.which(name) for name in DCMTK_TOOLS}
    missing = [name for name, path in paths.items() if path is None]
    if missing:
        pytest.skip(f"DCMTK is not installed: no {', '.join(missing)}")
    return {name: path for name, path in paths.items() if path}


@pytest.fixture(scope="session")
def openssl() -> str:
    """Path of the `openssl` program."""
    path = shutil.which("openssl")
    if path is None:
        pytest.skip("openssl is not installed")
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with `specs/` and `data/`: RADBRIDGE_SHARED, else `shared` beside the repository."""
    folder = find_shared_data()
    if folder is None:
        pytest.skip("the published test vectors are not here (RADBRIDGE_SHARED, or ../shared)")
    return folder
