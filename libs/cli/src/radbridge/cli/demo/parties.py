# pyright: basic
"""The parties of the demonstration, each speaking as the real one does."""

import base64
import hashlib
import secrets
import shutil
import subprocess
import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import httpx
import orjson
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,  # pyright: ignore[reportAttributeAccessIssue]
    StorageCommitmentPushModelInstance,
)

from radbridge.cli.demo.ct_series import CtSeries
from radbridge.contracts.dialects.neijiang_v0_94 import signature as neijiang
from radbridge.contracts.dialects.shanxi_v2_1 import envelope
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExampleExam, exam_record, report_record
from radbridge.signing.trial_pki import Doctor, TrialAuthority

PATIENCE_S = 60.0
"""How long the demonstration waits for any one thing; no more than a broken suite should keep anybody."""
TRY_LATER = "请稍后重试"
HEAD = {"bodyCode": "B020ZYZZZ", "bodyPart": "颅脑"}
"""Body site of the series, by WS/T 364.8."""


class StepFailedError(Exception):
    """A step of the journey did not happen; the text says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What ``hospital add`` issued."""

    code: str
    name: str
    ae_title: str
    called_ae_title: str
    sm4_key: bytes = field(repr=False)
    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ris:
    """Hospital A's RIS: pushes exams and signed reports in Shanxi's envelope."""

    client: httpx.Client
    credentials: Credentials

    def push_exam(self, exam: ExampleExam) -> str:
        """``POST /exam-sync``; answers the exam's id."""
        return self._push("/exam-sync", {**exam_record(exam), **HEAD})

    def push_report(self, record: dict[str, object]) -> str:
        """``POST /report/sync``; answers the report's id."""
        return self._push("/report/sync", record)

    def _push(self, path: str, record: dict[str, object]) -> str:
        sealed = envelope.seal_envelope(
            record, hospital_code=self.credentials.code, key=self.credentials.sm4_key, timestamp=int(time.time())
        )
        answer = self.client.post(
            path,
            content=sealed.to_json(),
            headers={envelope.ENCRYPTION_TYPE_HEADER: envelope.ENCRYPTION_TYPE, "content-type": "application/json"},
        )
        body: dict[str, Any] = answer.raise_for_status().json()
        if body.get("code") != 1:
            raise StepFailedError(f"{path} 被拒绝：{body.get('message')}")
        return str(body["content"])


def signed_report(
    exam: ExampleExam,
    *,
    number: str,
    findings: str,
    impression: str,
    pdf: bytes,
    doctor: Doctor,
    doctor_name: str,
    authority: TrialAuthority,
    at: datetime,
) -> dict[str, object]:
    """An audited report, signed by ``doctor`` (PKCS7) and timestamped by the authority."""
    original = orjson.dumps(
        {"recordNum": number, "patName": exam.patient.name, "findings": findings, "inspectExamResult": impression}
    ).decode()
    data = original.encode()
    record = report_record(
        exam,
        number=number,
        findings=findings,
        impression=impression,
        pdf=pdf,
        signature={
            "CAData": original,
            "ClientCert": _base64(doctor.cert_der),
            "SignType": 2,
            "SignValue": _base64(doctor.sign_pkcs7(data)),
            "Timestampvalue": _base64(authority.timestamp(data, at)),
        },
    )
    return {**record, "confirmDoctorName": doctor_name, "reportDoctorName": doctor_name}


def with_one_byte_changed(record: dict[str, object], *, number: str) -> dict[str, object]:
    """The same signed report under another number, with one character of the signed text changed."""
    original = str(record["CAData"])
    changed = original.replace("未见", "可见", 1)
    return {**record, "CAData": changed, "recordNum": number, "ACCESS_NO": number}


@dataclass(frozen=True, slots=True)
class Pacs:
    """Hospital A's PACS: sends images by C-STORE and asks for storage commitment."""

    credentials: Credentials
    host: str
    port: int

    def send(self, series: CtSeries) -> str:
        """Send the series with DCMTK's ``storescu`` where it is installed, else with pynetdicom; answers which."""
        storescu = shutil.which("storescu")
        if storescu:
            done = subprocess.run(  # noqa: S603 - a fixed program with our own arguments
                [
                    storescu,
                    "-aet",
                    self.credentials.ae_title,
                    "-aec",
                    self.credentials.called_ae_title,
                    self.host,
                    str(self.port),
                    *map(str, series.paths),
                ],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            if done.returncode:
                raise StepFailedError(f"storescu: {done.stderr.strip()[-400:]}")
            return "DCMTK storescu"
        self._send_with_pynetdicom(series)
        return "pynetdicom"

    def _send_with_pynetdicom(self, series: CtSeries) -> None:
        ae = AE(ae_title=self.credentials.ae_title)
        ae.add_requested_context(series.sop_class_uid)
        assoc = ae.associate(self.host, self.port, ae_title=self.credentials.called_ae_title)
        if not assoc.is_established:
            raise StepFailedError("C-STORE：平台未接受连接")
        try:
            for path in series.paths:
                status = assoc.send_c_store(path)
                if getattr(status, "Status", None) != 0:
                    raise StepFailedError(f"C-STORE {path.name}：{status}")
        finally:
            assoc.release()

    def commit(self, series: CtSeries, *, patience_s: float = PATIENCE_S) -> int:
        """Ask for storage commitment (PS3.4 Annex J); answers how many instances the platform committed to. Results
        of other requests of this AE that come first are acknowledged and passed over."""
        from pydicom.dataset import Dataset
        from pydicom.uid import generate_uid

        reports: dict[str, tuple[int | None, Dataset]] = {}

        def on_report(event: Event) -> tuple[int, None]:
            reports[event.event_information.TransactionUID] = (event.event_type, event.event_information)
            return 0x0000, None

        ds = Dataset()
        ds.TransactionUID = generate_uid()
        ds.ReferencedSOPSequence = []
        for uid in series.sop_instance_uids:
            item = Dataset()
            item.ReferencedSOPClassUID = series.sop_class_uid
            item.ReferencedSOPInstanceUID = uid
            ds.ReferencedSOPSequence.append(item)
        ae = AE(ae_title=self.credentials.ae_title)
        ae.add_requested_context(StorageCommitmentPushModel)
        assoc = ae.associate(
            self.host,
            self.port,
            ae_title=self.credentials.called_ae_title,
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, on_report)],
        )
        if not assoc.is_established:
            raise StepFailedError("存储确认：平台未接受连接")
        try:
            status, _ = assoc.send_n_action(ds, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
            if getattr(status, "Status", None) != 0:
                raise StepFailedError(f"存储确认请求被拒绝：{status}")
            deadline = time.monotonic() + patience_s
            while ds.TransactionUID not in reports and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            assoc.release()
        if ds.TransactionUID not in reports:
            raise StepFailedError("存储确认：没有收到 N-EVENT-REPORT")
        kind, information = reports[ds.TransactionUID]
        if kind != 1:
            raise StepFailedError("存储确认：有影像未被确认")
        return len(information.ReferencedSOPSequence)


@dataclass(frozen=True, slots=True)
class His:
    """Hospital B's HIS: asks at check-in what need not be repeated, and marks what the doctor accepts."""

    client: httpx.Client
    credentials: Credentials

    def studies(self, exam: ExampleExam) -> list[dict[str, Any]]:
        """``GET /open/smr/studies`` (interface 501) for the person known here under another number."""
        patient = exam.patient
        record = {
            "requestId": secrets.token_hex(16),
            "hospitalCode": self.credentials.code,
            "hospitalName": self.credentials.name,
            "visitId": f"MZ{secrets.token_hex(4)}",
            "PatName": patient.name,
            "PatSex": "M" if patient.sex == "1" else "F",
            "BirthDate": patient.birth_date.isoformat(),
            "ICCard": patient.resident_id,
            "clinicSource": "门诊",
            "DeptCode": "A04",
            "DeptName": "神经内科",
            "opUid": "B0001",
            "opName": "示例医师丁",
            "stationIP": "192.0.2.10",
            "stationMAC": "00-00-5E-00-53-01",
            "timeStamp": str(int(time.time() * 1000)),
            "shareHR": "全国HR",
            "smrType": "检查",
        }
        body = self._ask("GET", "/open/smr/studies", record, params=record)
        studies: list[dict[str, Any]] = body["result"]["study"]
        return studies

    def mark(self, study: dict[str, Any], *, by: str) -> None:
        """Mark the exam as recognised (互认), by ``GET`` with a JSON body as printed, or by ``POST``."""
        record: dict[str, Any] = {
            "requestId": secrets.token_hex(16),
            "hospitalCode": self.credentials.code,
            "ICCard": study["patient"]["ICCard"],
            "timeStamp": str(int(time.time() * 1000)),
            "opUid": "B0001",
            "opName": "示例医师丁",
            "visitId": f"MZ{secrets.token_hex(4)}",
            "stationIP": "192.0.2.10",
            "stationMAC": "00-00-5E-00-53-01",
            "smrInfo": [
                {
                    "originHospitalCode": study["originHospitalCode"],
                    "smrCode": "",
                    "smrName": "",
                    "smrMark": "1",
                    "smrMessage": "",
                    "ReportID": study["reportId"],
                }
            ],
        }
        path = f"/open/smr/study/{study['pntStudyUuid']}/smrMark"
        self._ask(by, path, record, json=record)

    def _signed(self, record: dict[str, Any]) -> dict[str, str]:
        sign = neijiang.sign(record, access_key=self.credentials.access_key, access_secret=self.credentials.secret_key)
        return {neijiang.ACCESS_KEY_HEADER: self.credentials.access_key, neijiang.SIGN_HEADER: sign}

    def _ask(self, method: str, path: str, record: dict[str, Any], **content: Any) -> dict[str, Any]:
        """The answer; asked again while the platform says that it has none in time and to try later."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = self.client.request(method, path, headers=self._signed(record), **content)
            body: dict[str, Any] = answer.raise_for_status().json()
            if body.get("code") == "N0000":
                return body
            if TRY_LATER not in str(body.get("message")) or time.monotonic() > deadline:
                raise StepFailedError(f"{answer.request.url.path}：{body.get('code')} {body.get('message')}")
            time.sleep(0.5)


def known_elsewhere(exam: ExampleExam) -> ExampleExam:
    """The same person as another hospital knows them: same document, another patient number."""
    return replace(exam, patient=replace(exam.patient, patient_number=f"B{secrets.token_hex(4)}"))


def fingerprint(data: bytes) -> str:
    """SHA-256, to compare what was sent with what is served."""
    return hashlib.sha256(data).hexdigest()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
