"""The notes that a test run leaves about requirements (written by `tests/reports/proven.py`)."""

from __future__ import annotations

import json
import os
from typing import Literal, TypedDict

from tools.stamps import CACHE

PROVEN = CACHE / "requirements-proven.json"


class ProvingTest(TypedDict):
    """The requirement ids a test is tagged with, and how it ended when it last ran."""

    proves: list[str]
    outcome: Literal["passed", "failed", "skipped"] | None


def load_proving_tests() -> dict[str, ProvingTest]:
    """Test id → what it proves; empty before the first run."""
    return json.loads(PROVEN.read_text()) if PROVEN.exists() else {}


def save_proving_tests(tests: dict[str, ProvingTest]) -> None:
    """Replace the notes in one step: several runs may read and write them at once."""
    PROVEN.parent.mkdir(exist_ok=True)
    new = PROVEN.with_suffix(f".{os.getpid()}.new")
    new.write_text(json.dumps(tests, indent=1, sort_keys=True))
    new.replace(PROVEN)
