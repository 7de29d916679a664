"""One event log or the other: a test that takes ``backend`` or ``log`` runs on both."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from radbridge.contracts.topics import Topic
from radbridge.runtime.bus.protocol import EventLog
from radbridge.runtime.database.open import open_database
from radbridge.runtime.migrations import migrate
from tests.support.bus import Backend
from tests.support.consuming import Desk, Note


def patient(kafka_url: str) -> str:
    """The brokers count as away after a minute without an answer."""
    return f"{kafka_url}?timeout_ms=60000"


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Backend]:
    backend = Backend("embedded", f"sqlite:///{tmp_path}/events.db")
    yield backend
    await backend.close()


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.real)])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    kafka = request.param == "kafka"
    url = patient(request.getfixturevalue("kafka_url")) if kafka else f"sqlite:///{tmp_path}/events.db"
    backend = Backend(request.param, url)
    yield backend
    await backend.close()


@pytest.fixture
def log(backend: Backend) -> EventLog:
    return backend.open()


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.real)])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    """Embedded log with SQLite, and Kafka with PostgreSQL."""
    kafka = request.param == "kafka"
    log_url = patient(request.getfixturevalue("kafka_url")) if kafka else f"sqlite:///{tmp_path}/log.db"
    backend = Backend(request.param, log_url)
    url = request.getfixturevalue("postgres_database") if kafka else f"sqlite+aiosqlite:///{tmp_path}/desk.db"
    await migrate(url, "tests.support.outbox_migrations")
    name = f"note{uuid.uuid4().hex[:12]}"
    groups = (f"desk-{name}", f"other-{name}")
    topic = Topic(name, "note_id", (), (), groups, 4)
    log = backend.open()
    await log.ensure_topics([topic])
    database = open_database(url, service="desk")
    note_type = type("Note", (Note,), {"TOPIC": name, "__module__": __name__})
    yield Desk(backend, log, database, topic, note_type, *groups)
    await backend.close()
    await database.close()
