"""Exams prepared in another process are accepted, refused and opened again as those prepared here."""

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from radbridge.contracts.dialects.shanxi_v2_1 import envelope
from radbridge.contracts.dialects.shanxi_v2_1.examples import HOSPITAL_CODE, ExampleExam, exam_record
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.model.exam import Exam
from radbridge.contracts.model.serialization import from_json
from radbridge.ingest_api.main import SERVICE
from radbridge.ingest_api.preparing import ExamPreparation, ExamPush, PreparedExam
from radbridge.runtime import process_pool
from radbridge.runtime.directory import Institution
from radbridge.runtime.security.patient import open_patient
from radbridge.runtime.testing import eventually, running_service


def pushed(hospital: Institution, number: str, **changed: str) -> bytes:
    exam = ExampleExam(examined_at=datetime.now(UTC) - timedelta(hours=1), number=number)
    sealed = envelope.seal_envelope(
        {**exam_record(exam), **changed}, hospital_code=hospital.code, key=hospital.sm4_key, timestamp=int(time.time())
    )
    return sealed.to_json()


async def test_pushes_are_prepared_in_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADBRIDGE_INGEST_HELPER_PROCESSES", "1")
    monkeypatch.setattr(process_pool, "_PATIENCE_S", 60)  # a slow helper is no stuck one
    prepare, here = ExamPreparation.__call__, list[str]()

    def watched(self: ExamPreparation, push: ExamPush) -> PreparedExam:
        here.append(str(os.getpid()))
        return prepare(self, push)

    monkeypatch.setattr(ExamPreparation, "__call__", watched)
    async with running_service(SERVICE, tmp_path) as running:
        hospital = await running.add_institution(code=HOSPITAL_CODE)

        async def elsewhere() -> bool:
            before = len(here)
            answer = await running.client.post("/exam-sync", content=pushed(hospital, "E0"))
            assert answer.json()["code"] == 1, answer.text
            return len(here) == before

        await eventually(elsewhere)
        here.clear()
        bodies = [pushed(hospital, f"E{number}") for number in range(1, 20)]
        answers = await asyncio.gather(*(running.client.post("/exam-sync", content=body) for body in bodies))
        assert {answer.json()["code"] for answer in answers} == {1}
        assert here == []
        registered = {event.exam_number: event for _, event in await running.events(ExamRegistered)}
        assert registered.keys() == {f"E{number}" for number in range(20)}
        event = registered["E7"]
        exam = from_json(Exam, running.resources.keyring.open(event.exam_sealed, place=event.exam_id))
        assert exam.number == "E7"
        assert open_patient(running.resources.keyring, event.patient) == exam.patient

        refused = await running.client.post("/exam-sync", content=pushed(hospital, "E99", sex="7"))
        assert refused.json()["code"] == 0
        assert "sex" in refused.text
        wrong_key = envelope.seal_envelope({}, hospital_code=HOSPITAL_CODE, key=bytes(16), timestamp=int(time.time()))
        answer = await running.client.post("/exam-sync", content=wrong_key.to_json())
        assert (answer.json()["code"], "data" in answer.text) == (0, True)
