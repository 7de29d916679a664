"""One embedded suite with two registered hospitals for the attacks of a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.suites import EmbeddedSuite, plain_client

HOSPITAL_A, HOSPITAL_B, OTHER_B = "12140000MB1X000107", "SECB000001", "SECB000002"


@dataclass(frozen=True, slots=True)
class Attacked:
    """A running suite and the credentials of its hospitals by code."""

    suite: EmbeddedSuite
    admin: httpx.Client
    hospitals: dict[str, dict[str, Any]]

    def anonymous(self) -> httpx.Client:
        """Somebody without any token."""
        return plain_client(self.suite.url)


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """``radbridge up`` with a Shanxi hospital and two Neijiang ones; it must still end cleanly after all attacks."""
    suite = EmbeddedSuite(tmp_path_factory.mktemp("attacked") / "data")
    suite.start()
    admin = suite.client()
    hospitals: dict[str, dict[str, Any]] = {}
    for code, dialect in ((HOSPITAL_A, "shanxi"), (HOSPITAL_B, "neijiang"), (OTHER_B, "neijiang")):
        body = {"code": code, "name": f"医院{code[-3:]}", "dialect": dialect}
        answer = admin.post("/api/ingest-api/v1/institutions", json=body)
        hospitals[code] = answer.raise_for_status().json()
    yield Attacked(suite, admin, hospitals)
    assert suite.process is not None
    assert suite.process.alive()
    assert suite.stop() == 0
