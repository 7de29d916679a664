"""One event log or the other: a test that takes ``backend`` or ``log`` runs on both."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.bus import Backend

from radbridge.runtime.bus.protocol import EventLog


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Backend]:
    backend = Backend("embedded", f"sqlite:///{tmp_path}/events.db")
    yield backend
    await backend.close()


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.real)])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    kafka = request.param == "kafka"
    url = request.getfixturevalue("kafka_url") if kafka else f"sqlite:///{tmp_path}/events.db"
    backend = Backend(request.param, url)
    yield backend
    await backend.close()


@pytest.fixture
def log(backend: Backend) -> EventLog:
    return backend.open()
