"""A report whose file is an OFD: its seals count in the verdict as a PDF's do."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from radbridge.signing.domain.cases import DEFAULTS
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.verdict import CheckResult
from radbridge.signing.judging import ofd_check


@pytest.mark.proves("SX-033", "SX-062")
def test_ofd_seals_count(vectors: Path) -> None:
    folder = vectors / "pki"
    cases = map(json.loads, (folder / "cases.jsonl").read_text("utf-8").splitlines())

    def files(names: str) -> list[bytes]:
        return [(folder / name).read_bytes() for name in names.split()]

    known = files(DEFAULTS["intermediates"] + " " + DEFAULTS["known_tsa"])
    store = TrustStore.from_bytes(files(DEFAULTS["trust"]), known, files(DEFAULTS["crls"]))
    seen: set[CheckResult] = set()
    for case in cases:
        if case["kind"] != "ofd":
            continue
        check = ofd_check((folder / case["file"]).read_bytes(), store, datetime.fromisoformat(case["at"]))
        assert (check.result is CheckResult.PASSED) is (case["expected"] == "valid"), case["id"]
        seen.add(check.result)
    assert {CheckResult.PASSED, CheckResult.FAILED} <= seen


def test_a_file_without_seals_is_a_finding(now: datetime) -> None:
    check = ofd_check(b"PK no package", TrustStore(()), now)
    assert (check.result, check.field) == (CheckResult.FINDING, "reportPdfBase64")
