"""The report of proven requirements: reading the capabilities, and what a requirement's tests say of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import requirements_report
from tools.proven import ProvingTest
from tools.requirements_report import read_capabilities, report, standing

MARKDOWN = """
#### 1. Encrypted envelope

- Owner: ingest-api (11).
- Rows: SX-006, SX-017..019; NJ-001.
- Hardest numbers: SX-999 is no row.
"""


def test_ranges_of_rows_are_expanded() -> None:
    (capability,) = read_capabilities(MARKDOWN)
    assert capability.title == "1. Encrypted envelope"
    assert capability.ids == ("SX-006", "SX-017", "SX-018", "SX-019", "NJ-001")


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["passed"], "proven"),
        (["passed", "skipped"], "proven"),
        (["passed", "failed"], "failing"),
        (["skipped"], "tagged"),
        ([None], "tagged"),
    ],
)
def test_one_failed_test_unproves_a_requirement(outcomes: list[str | None], expected: str) -> None:
    tests = {str(number): {"proves": ["SX-006"], "outcome": outcome} for number, outcome in enumerate(outcomes)}
    assert standing(tests) == {"SX-006": expected}  # pyright: ignore[reportArgumentType]


def test_unknown_ids_are_told_and_other_kinds_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ["id,owner,text_en,kind", "SX-006,ingest-api,Decrypt,functional", "SX-017,ingest-api,Sign,functional"]
    (tmp_path / "requirements.csv").write_text("\n".join([*rows, "SX-018,ingest-api,Train,non-software"]))
    (tmp_path / "requirements.md").write_text(MARKDOWN)
    tests: dict[str, ProvingTest] = {
        "a": {"proves": ["SX-006"], "outcome": "passed"},
        "b": {"proves": ["SX-700"], "outcome": "passed"},
    }
    monkeypatch.setattr(requirements_report, "load_proving_tests", lambda: tests)
    text, unknown = report(tmp_path, with_missing=True)
    assert unknown == ["SX-700"]
    assert "1. Encrypted envelope: 1 of 2 proven" in text
    assert "SX-017 (ingest-api): Sign" in text
    assert "SX-018" not in text


def test_every_software_requirement_has_one_capability(shared_data: Path) -> None:
    specs = shared_data / "specs"
    ids = [id_ for item in read_capabilities((specs / "requirements.md").read_text()) for id_ in item.ids]
    rows = [line.partition(",")[0] for line in (specs / "requirements.csv").read_text().splitlines()[1:]]
    assert len(ids) == len(set(ids))
    assert set(ids) == {id_ for id_ in rows if id_[2:3] == "-"}
