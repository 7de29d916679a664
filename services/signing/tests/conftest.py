from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from radbridge.signing.trial_pki import Doctor, TrialAuthority

NOW = datetime(2026, 6, 15, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def authority() -> TrialAuthority:
    return TrialAuthority.create(NOW)


@pytest.fixture(scope="session")
def doctor(authority: TrialAuthority) -> Doctor:
    return authority.issue_doctor("张三", "110101199003070038")


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The external signing vectors; tests that need them are skipped where they are not."""
    repository = Path(__file__).resolve().parents[3]
    shared = Path(os.environ.get("RADBRIDGE_SHARED", repository.parent / "shared"))
    folder = shared / "data" / "signing"
    if not folder.is_dir():
        pytest.skip(f"no external vectors at {folder}")
    return folder
