# pyright: basic
"""The journey itself: each step does one thing as the real party would, and fails loudly where it does not happen."""

import io
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
from pydicom import dcmread

from radbridge.cli.demo.ct_series import CtSeries, write_ct_series
from radbridge.cli.demo.gateways import Gateways, code_of
from radbridge.cli.demo.parties import (
    PATIENCE_S,
    His,
    Pacs,
    Ris,
    StepFailedError,
    fingerprint,
    known_elsewhere,
    signed_report,
    with_one_byte_changed,
)
from radbridge.cli.demo.report_pdf import report_pdf
from radbridge.cli.demo.set_up import SetUp
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExampleExam
from radbridge.contracts.model.people import Patient

T = TypeVar("T")

FINDINGS = "颅骨完整，脑实质密度均匀，未见异常高低密度影，中线结构居中。"
IMPRESSION = "颅脑CT平扫未见异常。"
DOCTOR = "示例医师丙"
REQUIRED_KINDS = frozenset({"arrived", "stored", "linked", "verified", "reminded", "marked", "sent"})


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step that happened: its two titles, how long it took, and what there is to say."""

    party: str
    title: str
    title_en: str
    duration_ms: float
    details: str


@dataclass(slots=True)
class Journey:
    """One exam on its way. ``report`` is told of each step as it is done."""

    client: httpx.Client
    dicom: tuple[str, int]
    set_up: SetUp
    gateways: Gateways
    report: Callable[[StepDone], None]
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="radbridge-demo-")))
    steps: list[StepDone] = field(default_factory=list[StepDone])

    def run(self) -> dict[str, Any]:
        """Play all parties; answers the identifiers of what was made.

        :raises StepFailedError: a step did not happen.
        """
        exam = self.new_exam()
        already_sent = self.gateways.sent()
        ris = Ris(self.client, self.set_up.hospital_a)
        his = His(self.client, self.set_up.hospital_b)
        exam_id = self._push_exam(ris, exam)
        series = self._send_images(exam)
        self._look_at_images(series)
        report_number, pdf = self._push_reports(ris, exam)
        study = self._remind(his, exam, series)
        self._mark(his, study)
        self._reach_patient(exam, series, pdf, already_sent)
        self._tell(exam_id)
        return {
            "exam_id": exam_id,
            "exam_number": exam.number,
            "report_number": report_number,
            "study_instance_uid": series.study_instance_uid,
        }

    @contextmanager
    def _step(self, party: str, title: str, title_en: str) -> Generator[list[str]]:
        details: list[str] = []
        began = time.perf_counter()
        yield details
        took = (time.perf_counter() - began) * 1000
        done = StepDone(party, title, title_en, took, "，".join(details))
        self.steps.append(done)
        self.report(done)

    def new_exam(self) -> ExampleExam:
        """An exam of the patient that nobody has heard of yet."""
        label = secrets.token_hex(4)
        return ExampleExam(
            examined_at=datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2),
            patient=self.set_up.patient,
            number=f"E{label}",
            study_instance_uid=f"2.25.{secrets.randbits(100)}",
            accession_number=f"A{label}",
            item_code=self.set_up.item_code,
            item_name=self.set_up.item_name,
            catalogue_code=self.set_up.catalogue_code,
            catalogue_name=self.set_up.item_name,
            hospital_code=self.set_up.hospital_a.code,
            hospital_name=self.set_up.hospital_a.name,
        )

    def _push_exam(self, ris: Ris, exam: ExampleExam) -> str:
        with self._step("甲医院 RIS", "推送检查", "Exam pushed (Shanxi V2.1, SM4)") as details:
            exam_id = ris.push_exam(exam)
            details.append(f"检查号 {exam.number}")
        return exam_id

    def _send_images(self, exam: ExampleExam) -> CtSeries:
        pacs = Pacs(self.set_up.hospital_a, *self.dicom)
        patient = Patient(
            name=exam.patient.name,
            imaging_number=exam.patient.patient_number,
            birth_date=exam.patient.birth_date,
        )
        series = write_ct_series(
            self.folder,
            patient=patient,
            accession_number=exam.accession_number,
            study_instance_uid=exam.study_instance_uid,
        )
        with self._step("甲医院 PACS", "发送影像", "CT series sent (C-STORE)") as details:
            sender = pacs.send(series)
            details += [f"{len(series.paths)} 幅", sender]
        with self._step("甲医院 PACS", "存储确认", "Storage commitment") as details:
            committed = pacs.commit(series)
            if committed != len(series.paths):
                raise StepFailedError(f"存储确认：{committed} 幅，应为 {len(series.paths)} 幅")
            details.append(f"已确认 {committed} 幅")
        return series

    def _look_at_images(self, series: CtSeries) -> None:
        root = f"/dicom-web/studies/{series.study_instance_uid}"
        with self._step("影桥", "影像可调阅", "Images in DICOMweb (QIDO-RS, WADO-RS)") as details:
            instances = self._eventually(
                "QIDO-RS 列出全部影像",
                lambda: self._get(f"{root}/instances", "application/dicom+json").json(),
                lambda found: len(found) == len(series.paths),
            )
            details.append(f"QIDO-RS {len(instances)} 幅")
            for uid, path in zip(series.sop_instance_uids, series.paths, strict=True):
                self._compare_instance(f"{root}/series/{series.series_instance_uid}/instances/{uid}", path)
            metadata = self._get(f"{root}/metadata", "application/dicom+json").json()
            if len(metadata) != len(series.paths):
                raise StepFailedError(f"metadata：{len(metadata)} 幅")
            details.append("WADO-RS 原件、帧与元数据逐位一致")

    def _compare_instance(self, address: str, path: Path) -> None:
        stored = _only_part(self._get(address, 'multipart/related; type="application/dicom"; transfer-syntax=*'))
        sent = path.read_bytes()
        if _dataset_of(stored) != _dataset_of(sent):
            raise StepFailedError(f"{path.name}：取回的实例与发送的不一致")
        frame = _only_part(self._get(f"{address}/frames/1", 'multipart/related; type="application/octet-stream"'))
        if fingerprint(frame) != fingerprint(dcmread(path).PixelData):
            raise StepFailedError(f"{path.name}：取回的帧与发送的不一致")

    def _push_reports(self, ris: Ris, exam: ExampleExam) -> tuple[str, bytes]:
        number = f"R{secrets.token_hex(4)}"
        pdf = report_pdf(
            hospital=exam.hospital_name,
            patient=exam.patient.name,
            item=exam.item_name,
            findings=FINDINGS,
            impression=IMPRESSION,
        )
        good = signed_report(
            exam,
            number=number,
            findings=FINDINGS,
            impression=IMPRESSION,
            pdf=pdf,
            doctor=self.set_up.doctor,
            doctor_name=DOCTOR,
            authority=self.set_up.authority,
            at=datetime.now(UTC).replace(microsecond=0),
        )
        with self._step("甲医院 RIS", "推送签名报告", "Signed report pushed, verified") as details:
            ris.push_report(good)
            verdict = self._verdict(number)
            if verdict["verdict"] != "accepted":
                raise StepFailedError(f"报告未通过验签：{verdict['reason']}")
            passed = sum(1 for check in verdict["checks"] if check["result"] == "passed")
            details.append(f"SM2 签名、证书链、吊销列表、时间戳：{passed} 项通过")
        tampered = f"{number}X"
        with self._step("甲医院 RIS", "推送被篡改的报告", "Tampered copy rejected") as details:
            ris.push_report(with_one_byte_changed(good, number=tampered))
            verdict = self._verdict(tampered)
            if verdict["verdict"] != "rejected":
                raise StepFailedError("被篡改的报告没有被拒绝")
            details.append(f"已拒绝：{verdict['reason']}")
        return number, pdf

    def _verdict(self, number: str) -> dict[str, Any]:
        path = f"/api/signing/v1/reports/{number}/verdict"
        params = {"hospitalCode": self.set_up.hospital_a.code}
        return self._eventually(
            f"报告 {number} 的验签结论",
            lambda: self.client.get(path, params=params).raise_for_status().json(),
            lambda verdict: verdict["verdict"] != "pending",
        )

    def _remind(self, his: His, exam: ExampleExam, series: CtSeries) -> dict[str, Any]:
        with self._step("乙医院 HIS", "开单前提醒", "Doctor reminded (Neijiang 501)") as details:
            studies = self._eventually(
                "提醒列出该检查",
                lambda: his.studies(known_elsewhere(exam)),
                lambda found: any(study["StudyInstanceUID"] == series.study_instance_uid for study in found),
            )
            study = next(s for s in studies if s["StudyInstanceUID"] == series.study_instance_uid)
            if study["finding"] != FINDINGS or study["conclusion"] != IMPRESSION:
                raise StepFailedError("提醒中的报告文字与推送的不一致")
            details.append(f"列出 {len(studies)} 项检查")
        with self._step("乙医院 医生", "打开影像与报告", "viewUrl opened without login") as details:
            details += _opened("viewUrl", self._anonymous().get(study["viewUrl"]))
        return study

    def _mark(self, his: His, study: dict[str, Any]) -> None:
        before = self._recognised()
        with self._step("乙医院 医生", "标记互认", "Recognised (GET with JSON body, and POST)") as details:
            his.mark(study, by="GET")
            his.mark(study, by="POST")
            after = self._recognised()
            if after != before + 1:
                raise StepFailedError(f"互认计数应加一：{before} → {after}")
            details.append(f"互认计数 {after}")

    def _recognised(self) -> int:
        counts = self.client.get("/api/recognition/v1/statistics").raise_for_status().json()["marks"]
        return sum(c["marks"] for c in counts if c["recognised"] and c["hospital_code"] == self.set_up.hospital_b.code)

    def _reach_patient(self, exam: ExampleExam, series: CtSeries, pdf: bytes, already_sent: int) -> None:
        with self._step("患者", "收到短信与微信消息", "SMS and WeChat message") as details:
            sms, wechat = self._eventually(
                "短信与微信消息",
                lambda: self.gateways.messages_for(exam.patient.phone, after=already_sent),
                lambda found: found is not None,
            ) or (None, None)
            if sms is None or wechat is None:
                raise StepFailedError("短信与微信消息没有都发出，或链接不一致")
            details.append(f"短信：{sms.text}")
        code = code_of(wechat.link)
        address = f"/api/portal/v1/links/{code}"
        last_four = exam.patient.resident_id[-4:]
        with self._step("患者", "打开报告", "Link opened with the last four characters") as details:
            details += _opened("患者页面", self._anonymous().get(f"/p/{code}"))
            self._eventually(
                "链接生效", lambda: self._anonymous().get(address).status_code, lambda status: status == HTTPStatus.OK
            )
            wrong = self._anonymous().post(f"{address}/open", json={"last_four": "0000"})
            if wrong.status_code != HTTPStatus.FORBIDDEN:
                raise StepFailedError(f"错误的后四位应被拒绝：HTTP {wrong.status_code}")
            view = self._eventually(
                "报告与影像可供患者查看",
                lambda: self._open_link(address, last_four),
                lambda opened: opened.get("viewer_url") is not None,
            )
            if view["report"]["findings"] != FINDINGS:
                raise StepFailedError("患者看到的报告与推送的不一致")
            document = self._anonymous().get(view["document_url"]).raise_for_status().content
            if document != pdf:
                raise StepFailedError("下载的 PDF 与推送的不一致")
            details.append("报告、PDF 一致")
            details.append(f"页面 {self.client.base_url}/p/{code}（后四位 {last_four}）")
        with self._step("患者", "查看影像", "Images in the OHIF viewer") as details:
            details += _opened("影像浏览器", self._anonymous().get(view["viewer_url"]))
            token = parse_qs(urlsplit(view["viewer_url"]).query)["token"][0]
            listed = self._anonymous().get(
                f"/dicom-web/studies/{series.study_instance_uid}/series",
                headers={"authorization": f"Bearer {token}", "accept": "application/dicom+json"},
            )
            if listed.raise_for_status().json()[0]["0020000E"]["Value"] != [series.series_instance_uid]:
                raise StepFailedError("影像浏览器取不到该序列")
            details.append(f"{len(series.paths)} 幅")

    def _tell(self, exam_id: str) -> None:
        with self._step("控制台", "检查旅程", "Journey drawn from events") as details:
            found = self._eventually(
                "旅程完整",
                lambda: self._steps_of(exam_id),
                lambda steps: {step["kind"] for step in steps} >= REQUIRED_KINDS,
            )
            details.append(f"{len(found)} 个事件")

    def _open_link(self, address: str, last_four: str) -> dict[str, Any]:
        """What the patient is shown; nothing before the platform has heard of the exam and the report."""
        answer = self._anonymous().post(f"{address}/open", json={"last_four": last_four})
        return {} if answer.status_code == HTTPStatus.NOT_FOUND else answer.raise_for_status().json()

    def _steps_of(self, exam_id: str) -> list[dict[str, Any]]:
        """The exam's journey so far; none before the console has heard of the exam."""
        answer = self.client.get(f"/api/portal/v1/exams/{exam_id}")
        return [] if answer.status_code == HTTPStatus.NOT_FOUND else answer.raise_for_status().json()["steps"]

    def _get(self, path: str, accept: str) -> httpx.Response:
        return self.client.get(path, headers={"accept": accept}).raise_for_status()

    def _anonymous(self) -> httpx.Client:
        return httpx.Client(base_url=self.client.base_url, timeout=PATIENCE_S)

    def _eventually(self, what: str, look: Callable[[], T], is_there: Callable[[T], bool]) -> T:
        """What ``look`` answers once ``is_there`` accepts it: events take a moment."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = look()
            if is_there(found):
                return found
            if time.monotonic() > deadline:
                raise StepFailedError(f"{what}：{PATIENCE_S:.0f} 秒内没有发生")
            time.sleep(0.05)


def _opened(what: str, page: httpx.Response) -> list[str]:
    """Nothing to remark when a page opened; a remark where the pages of this checkout were not built yet.

    :raises StepFailedError: it did not open.
    """
    if page.status_code == HTTPStatus.SERVICE_UNAVAILABLE and "make web" in page.text:
        return [f"{what}尚未构建 not built yet: make web"]
    if page.status_code != HTTPStatus.OK or "text/html" not in page.headers.get("content-type", ""):
        raise StepFailedError(f"{what}打不开：HTTP {page.status_code}")
    return []


def _only_part(answer: httpx.Response) -> bytes:
    """The content of a multipart answer that has one part (RFC 2046)."""
    boundary = re.search(r'boundary="?([^";]+)', answer.headers["content-type"])
    if boundary is None:
        raise StepFailedError("WADO-RS 的回答不是 multipart")
    delimiter = b"--" + boundary[1].encode()
    _, _, rest = answer.content.partition(delimiter)
    _, _, body = rest.partition(b"\r\n\r\n")
    content, _, _ = body.rpartition(b"\r\n" + delimiter)
    return content


def _dataset_of(part10: bytes) -> bytes:
    """The data set behind the preamble and the file meta information, which each writer makes itself (PS3.10 7.1)."""
    stream = io.BytesIO(part10)
    meta = dcmread(stream, stop_before_pixels=True, specific_tags=[]).file_meta
    group_length = int(meta.FileMetaInformationGroupLength)
    return part10[128 + 4 + 12 + group_length :]
