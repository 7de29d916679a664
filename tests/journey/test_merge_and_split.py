"""An operator merges two people and splits them again: reminders, journeys and the index of people follow."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from radbridge.cli.demo.gateways import running_gateways
from radbridge.cli.demo.journey import Journey
from radbridge.cli.demo.parties import His, Ris, known_elsewhere, signed_report
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExampleExam, ExamplePatient
from radbridge.contracts.identifiers import patient_record_id
from tests.support.journeys import eventually, journey
from tests.support.suites import EmbeddedSuite


@dataclass(frozen=True, slots=True)
class Known:
    """A pushed exam with a signed report."""

    exam: ExampleExam
    exam_id: str
    record_id: str


@pytest.fixture(scope="module")
def party(suite: EmbeddedSuite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """The demonstration's journey, played to its end."""
    with running_gateways() as gateways:
        trip = journey(suite, gateways, tmp_path_factory.mktemp("journey"))
        trip.run()
        yield trip


def arrive(party: Journey, patient: ExamplePatient) -> Known:
    """Hospital A pushes an exam of the patient and its signed report; both are linked and listed."""
    exam = replace(party.new_exam(), patient=patient)
    ris = Ris(party.client, party.set_up.hospital_a)
    exam_id = ris.push_exam(exam)
    ris.push_report(
        signed_report(
            exam,
            number=f"R{secrets.token_hex(4)}",
            findings="未见异常。",
            impression="未见异常。",
            pdf=b"%PDF-1.7\n%%EOF\n",
            doctor=party.set_up.doctor,
            doctor_name="示例医师丙",
            authority=party.set_up.authority,
            at=datetime.now(UTC).replace(microsecond=0),
        )
    )
    seen = eventually(lambda: recognised(party.client, exam_id), lambda found: found.get("reason") == "listed")
    eventually(lambda: person_in_recognition(party.client, exam_id), bool)
    institution = party.client.get(f"/api/ingest-api/v1/institutions/{seen['hospital_code']}").json()
    return Known(exam, exam_id, str(patient_record_id(institution["institution_id"], "his", patient.patient_number)))


def recognised(client: httpx.Client, exam_id: str) -> dict[str, Any]:
    return client.get(f"/api/recognition/v1/exams/{exam_id}").json()


def person_in_recognition(client: httpx.Client, exam_id: str) -> str | None:
    return recognised(client, exam_id).get("person_id")


def person_in_timeline(client: httpx.Client, exam_id: str) -> tuple[str, str]:
    """The person and the rule of the last link that the console shows."""
    steps = client.get(f"/api/portal/v1/exams/{exam_id}").raise_for_status().json()["steps"]
    last = [step for step in steps if step["kind"] == "linked"][-1]
    return last["details"]["person_id"], last["details"]["rule"]


def person_of(party: Journey, known: Known) -> str:
    """As ``mpi`` says."""
    return party.client.get(f"/api/mpi/v1/records/{known.record_id}").raise_for_status().json()["person_id"]


def offered(party: Journey, known: Known) -> set[str]:
    """Study UIDs that hospital B is shown when this patient checks in there."""
    his = His(party.client, party.set_up.hospital_b)
    return {study["StudyInstanceUID"] for study in his.studies(known_elsewhere(known.exam))}


def shown(party: Journey, known: Known, person_id: str, rule: str) -> None:
    """Wait until everybody says that the exam is this person's."""
    assert person_of(party, known) == person_id
    eventually(lambda: person_in_recognition(party.client, known.exam_id), lambda found: found == person_id)
    eventually(lambda: person_in_timeline(party.client, known.exam_id), lambda found: found == (person_id, rule))


def merge(party: Journey, survivor: str, retired: str) -> None:
    party.client.post(f"/api/mpi/v1/persons/{survivor}/merge", json={"retired_id": retired}).raise_for_status()


def split(party: Journey, person_id: str, *records: str) -> str:
    """Answers the new person."""
    answer = party.client.post(f"/api/mpi/v1/persons/{person_id}/split", json={"record_ids": list(records)})
    return answer.raise_for_status().json()["person_id"]


def push_again(party: Journey, known: Known) -> None:
    """A later change of the exam, for instance a corrected time."""
    Ris(party.client, party.set_up.hospital_a).push_exam(replace(known.exam, examined_at=datetime.now(UTC)))


def people(*numbers: int) -> list[ExamplePatient]:
    """Different people that no other test knows."""
    label = secrets.token_hex(3)
    born = date(1950, 1, 1).replace(year=1950 + secrets.randbelow(50), month=1 + secrets.randbelow(12))
    return [
        ExamplePatient(
            name=f"测试{'甲乙丙丁'[number]}",
            birth_date=born.replace(day=1 + number),
            sequence=2 * secrets.randbelow(400) + 1,
            phone=f"1990000{secrets.randbelow(10**4):04}",
            patient_number=f"P{label}{number}",
        )
        for number in numbers
    ]


@pytest.mark.proves("SZ-022", "SZ-023")
def test_two_documents_become_one_person_and_two_again(party: Journey) -> None:
    first, second = (arrive(party, patient) for patient in people(0, 1))
    one, two = person_of(party, first), person_of(party, second)
    assert one != two
    uids = {known.exam.study_instance_uid for known in (first, second)}
    assert offered(party, first) == {first.exam.study_instance_uid}
    assert offered(party, second) == {second.exam.study_instance_uid}

    merge(party, one, two)
    shown(party, second, one, "manual")
    assert offered(party, first) == offered(party, second) == uids

    parted = split(party, one, second.record_id)
    shown(party, second, parted, "manual")
    assert person_of(party, first) == one
    assert offered(party, first) == {first.exam.study_instance_uid}
    assert offered(party, second) == {second.exam.study_instance_uid}


@pytest.mark.proves("SZ-022")
def test_a_record_with_another_persons_document_is_split_off_for_good(party: Journey) -> None:
    """Hospital A typed the right person's ID number for a second patient."""
    [right] = people(2)
    wrong = replace(right, name="测试他人", phone="19900009999", patient_number=f"{right.patient_number}X")
    first, second = arrive(party, right), arrive(party, wrong)
    one = person_of(party, first)
    assert person_of(party, second) == one
    uids = {known.exam.study_instance_uid for known in (first, second)}
    assert offered(party, first) == uids

    parted = split(party, one, second.record_id)
    shown(party, second, parted, "manual")
    assert offered(party, first) == {first.exam.study_instance_uid}
    for known in (first, second):
        push_again(party, known)
    later = arrive(party, replace(right, patient_number=f"{right.patient_number}Y"))
    assert (person_of(party, first), person_of(party, second), person_of(party, later)) == (one, parted, one)
    assert offered(party, first) == {first.exam.study_instance_uid, later.exam.study_instance_uid}

    merge(party, one, parted)
    shown(party, second, one, "manual")
    assert offered(party, first) == uids | {later.exam.study_instance_uid}


def test_the_journey_before_is_as_it_was(party: Journey) -> None:
    """Nobody else's exams moved."""
    his = His(party.client, party.set_up.hospital_b)
    studies = his.studies(known_elsewhere(party.new_exam()))
    assert {study["patient"]["ICCard"] for study in studies} == {party.set_up.patient.resident_id}
