"""What hospitals do while a suite is being killed: push in any order and again until accepted; then the reckoning."""

import random
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from pynetdicom import AE

from radbridge.cli.demo.ct_series import CtSeries, write_ct_series
from radbridge.cli.demo.gateways import Gateways
from radbridge.cli.demo.parties import Ris, StepFailedError, signed_report
from radbridge.cli.demo.set_up import SetUp
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExampleExam, ExamplePatient
from radbridge.contracts.model.people import Patient
from tests.support.journeys import RunningSuite, eventually

SLICES = 3
PATIENCE_S = 180.0
TROUBLES = (httpx.HTTPError, StepFailedError, OSError)


@dataclass(slots=True)
class Case:
    """One exam with its images and report, and what of it was accepted so far."""

    exam: ExampleExam
    series: CtSeries
    report_number: str
    record: dict[str, object]
    exam_id: str = ""
    report_id: str = ""
    acknowledged: set[str] = field(default_factory=set[str])
    """SOP Instance UIDs that a C-STORE answered with success."""


@dataclass(slots=True)
class Workload:
    """Some cases, pushed in an order drawn from ``dice``; every push is repeated until it is accepted."""

    suite: RunningSuite
    known: SetUp
    gateways: Gateways
    dice: random.Random
    folder: Path
    cases: list[Case] = field(default_factory=list[Case])

    def prepare(self, count: int) -> None:
        """Make the cases: different people, a few slices each."""
        for number in range(count):
            label = secrets.token_hex(4)
            patient = ExamplePatient(
                name=f"测试{'甲乙丙丁戊己庚辛'[number % 8]}", sequence=2 * self.dice.randrange(400) + 1,
                birth_date=(datetime(1970, 1, 1) + timedelta(days=self.dice.randrange(15000))).date(),
                phone=f"199{self.dice.randrange(10**8):08}", patient_number=f"P{label}",
            )  # fmt: skip
            exam = ExampleExam(
                examined_at=datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2),
                patient=patient,
                number=f"E{label}",
                study_instance_uid=f"2.25.{secrets.randbits(100)}",
                accession_number=f"A{label}",
                item_code=self.known.item_code,
                item_name=self.known.item_name,
                hospital_code=self.known.hospital_a.code,
                hospital_name=self.known.hospital_a.name,
            )
            folder = self.folder / label
            folder.mkdir(parents=True)
            series = write_ct_series(
                folder,
                patient=Patient(name=patient.name, imaging_number=patient.patient_number),
                accession_number=exam.accession_number,
                study_instance_uid=exam.study_instance_uid,
            )
            record = signed_report(
                exam, number=f"R{label}", findings="未见异常。", impression="未见异常。", pdf=b"%PDF-1.7\n%%EOF\n",
                doctor=self.known.doctor, doctor_name="示例医师丙", authority=self.known.authority,
                at=datetime.now(UTC).replace(microsecond=0),
            )  # fmt: skip
            self.cases.append(Case(exam, series, f"R{label}", record))

    def push(self) -> None:
        """Everything of every case once or twice, in a drawn order."""
        steps: list[Callable[[], None]] = []
        for case in self.cases:
            once: list[Callable[[], None]] = [
                lambda case=case: self.push_exam(case),
                lambda case=case: self.push_report(case),
                lambda case=case: self.send_images(case),
            ]
            steps += once + self.dice.sample(once, self.dice.randrange(len(once)))
        self.dice.shuffle(steps)
        for step in steps:
            self._until_accepted(step)

    def _until_accepted(self, step: Callable[[], None]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                step()
            except TROUBLES:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def _ris(self) -> Ris:
        return Ris(self.suite.client(), self.known.hospital_a)

    def push_exam(self, case: Case) -> None:
        """Once; raises when it is not accepted."""
        case.exam_id = self._ris().push_exam(case.exam)

    def push_report(self, case: Case) -> None:
        """Once; raises when it is not accepted."""
        case.report_id = self._ris().push_report(case.record)

    def send_images(self, case: Case) -> None:
        """The first slices, once; raises when one is not acknowledged."""
        ae = AE(ae_title=self.known.hospital_a.ae_title)
        ae.add_requested_context(case.series.sop_class_uid)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = 60
        assoc = ae.associate("127.0.0.1", self.suite.dicom_port, ae_title=self.known.hospital_a.called_ae_title)
        if not assoc.is_established:
            raise StepFailedError("no association")
        try:
            for uid, path in list(zip(case.series.sop_instance_uids, case.series.paths, strict=True))[:SLICES]:
                status = assoc.send_c_store(path)
                if getattr(status, "Status", None) != 0:
                    raise StepFailedError(f"C-STORE: {status}")
                case.acknowledged.add(uid)
        finally:
            assoc.release() if assoc.is_established else assoc.abort()

    def reckon(self) -> list[str]:
        """What is missing, doubled or wrong, one line each, once everything had time to arrive."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                faults = [fault for case in self.cases for fault in self._faults(case)]
            except TROUBLES as error:
                faults = [repr(error)]
            if not faults or time.monotonic() > deadline:
                break
            time.sleep(0.3)
        return faults + self._doubled() + self._dead_letters()

    def _faults(self, case: Case) -> list[str]:
        client = self.suite.client()
        faults: list[str] = []
        name = case.exam.number
        steps = client.get(f"/api/portal/v1/exams/{case.exam_id}").raise_for_status().json()["steps"]
        kinds = Counter(step["type"].removeprefix("radbridge.") for step in steps)
        expected = {"exam.registered.v1": 1, "report.received.v1": 1, "report.signed.v1": 1}
        faults += [f"{name}: {kind} {kinds[kind]} times" for kind, times in expected.items() if kinds[kind] != times]
        if not kinds["patient.linked.v1"]:
            faults.append(f"{name}: not linked")
        listed = client.get(f"/api/recognition/v1/exams/{case.exam_id}")
        if listed.status_code != httpx.codes.OK or listed.json()["reason"] != "listed":
            faults.append(f"{name}: not listed: {listed.text[:200]}")
        found = client.get(
            f"/dicom-web/studies/{case.exam.study_instance_uid}/instances", headers={"accept": "application/dicom+json"}
        )
        uids = [one["00080018"]["Value"][0] for one in found.json()] if found.status_code == httpx.codes.OK else []
        if sorted(uids) != sorted(case.acknowledged):
            faults.append(f"{name}: {len(uids)} images, {len(case.acknowledged)} acknowledged")
        stored = [step["details"]["instances"] for step in steps if step["type"] == "radbridge.images.stored.v1"]
        if max(stored, default=0) != len(case.acknowledged):
            faults.append(f"{name}: images.stored says {stored}")
        return faults + self._message_faults(case, client)

    def _message_faults(self, case: Case, client: httpx.Client) -> list[str]:
        """One SMS each; none only where a send that may have left is being asked about."""
        accepted: list[dict[str, Any]] = httpx.get(f"{self.gateways.url}/accepted", timeout=60).json()
        sent = [one for one in accepted if one["recipient"].endswith(case.exam.patient.phone)]
        if len(sent) > 1:
            return [f"{case.exam.number}: {len(sent)} SMS"]
        if sent:
            return []
        steps = client.get(f"/api/portal/v1/exams/{case.exam_id}").json()["steps"]
        unknown = any(step["details"].get("state") == "unknown" for step in steps)
        return [] if unknown else [f"{case.exam.number}: no SMS"]

    def _doubled(self) -> list[str]:
        """No event is in the log twice with different content, and none is handled twice in the journeys."""
        faults: list[str] = []
        for case in self.cases:
            steps = self._read(f"/api/portal/v1/exams/{case.exam_id}")["steps"]
            ids = Counter(step["event_id"] for step in steps)
            faults += [f"{case.exam.number}: event {event} {times} times" for event, times in ids.items() if times > 1]
        return faults

    def _dead_letters(self) -> list[str]:
        letters = self._read("/api/portal/v1/dead-letters")["dead_letters"]
        return [f"dead letter of {letter['topic']} {letter['group']}: {letter['reason']}" for letter in letters]

    def _read(self, path: str) -> dict[str, Any]:
        """What the suite answers there, asked again while it cannot."""
        client = self.suite.client()
        found: dict[str, Any] = eventually(lambda: client.get(path), lambda answer: answer.is_success).json()
        return found
