"""One embedded suite for all journeys of a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.suites import EmbeddedSuite


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSuite]:
    """``radbridge up`` on a fresh data folder."""
    folder: Path = tmp_path_factory.mktemp("suite")
    running = EmbeddedSuite(folder / "data")
    running.start()
    yield running
    assert running.stop() == 0
