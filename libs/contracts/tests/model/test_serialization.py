"""The canonical classes survive JSON, and readers survive newer writers."""

from datetime import UTC, date, datetime

import orjson
import pytest

from radbridge.contracts.model.codes import DocumentType, ExamStatus, Sex
from radbridge.contracts.model.exam import Exam, Settlement
from radbridge.contracts.model.people import Institution, Patient
from radbridge.contracts.model.serialization import MalformedValue, from_json, to_json

EXAM = Exam(
    number="E1",
    changed_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    patient=Patient(
        name="测试甲", sex=Sex.FEMALE, birth_date=date(1980, 2, 29), document_type=DocumentType.RESIDENT_ID
    ),
    hospital=Institution(code="12140000MB0000000X"),
    status=ExamStatus.EXAMINED,
    accession_numbers=("A1", "A2"),
    settlements=(Settlement(settlement_id="0" * 20), Settlement(settlement_id="S1")),
)


def test_an_exam_survives_json() -> None:
    assert from_json(Exam, to_json(EXAM)) == EXAM


def test_times_keep_their_offset() -> None:
    assert orjson.loads(to_json(EXAM))["changed_at"] == "2026-01-02T03:04:05Z"


def test_members_of_newer_writers_are_ignored() -> None:
    newer = orjson.loads(to_json(EXAM)) | {"added_later": 1}
    assert from_json(Exam, orjson.dumps(newer)) == EXAM


def test_what_is_no_exam_is_refused() -> None:
    with pytest.raises(MalformedValue, match="no Exam: "):
        from_json(Exam, b'{"number": "E1"}')


@pytest.mark.proves("SX-109")
def test_zeros_mean_self_paid() -> None:
    assert [settlement.is_self_paid for settlement in EXAM.settlements] == [True, False]
