"""The conformance statement names every status and failure reason, and no other."""

import re
from pathlib import Path

from radbridge.dicom_edge.domain.statuses import UNRECOGNIZED_OPERATION, ActionStatus, FailureReason, StoreStatus

STATEMENT = Path(__file__).parents[3] / "docs" / "conformance" / "dicom.md"


def table(heading: str) -> set[int]:
    section = STATEMENT.read_text(encoding="utf-8").split(f"## {heading}")[1].split("\n## ")[0]
    return {int(code, 16) for code in re.findall(r"^\| `([0-9A-F]{4})`", section, re.MULTILINE)}


def test_the_statement_lists_the_statuses_answered() -> None:
    assert table("C-STORE statuses") == {int(status) for status in StoreStatus}
    assert table("N-ACTION statuses") == {int(status) for status in ActionStatus}
    assert table("Failure reasons") == {int(reason) for reason in FailureReason}
    assert f"{UNRECOGNIZED_OPERATION:04X}" in STATEMENT.read_text(encoding="utf-8")
