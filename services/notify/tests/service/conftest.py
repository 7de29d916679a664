"""The service on the harness, its vendors as stand-ins on a real port, and hospitals that register and sign."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from radbridge.contracts.events.base import BlobRef
from radbridge.contracts.events.exam import ExamRegistered, ExamVoided
from radbridge.contracts.events.notification import NotificationDelivered, NotificationIssued
from radbridge.contracts.events.report import ReportSigned, ReportVoided
from radbridge.contracts.identifiers import exam_id, patient_record_id, report_id
from radbridge.contracts.model.codes import DocumentType
from radbridge.contracts.model.people import Patient
from radbridge.notify.domain.local_time import SHANGHAI
from radbridge.notify.main import SERVICE
from radbridge.notify.stand_ins.accounts import (
    AliyunStandInAccount,
    AliyunTemplate,
    StandInCredentials,
    TencentStandInAccount,
    TencentTemplate,
    WeChatStandInAccount,
)
from radbridge.notify.stand_ins.app import build_stand_ins
from radbridge.notify.stand_ins.callbacks import CallbackPoster
from radbridge.runtime.clock import utc_now
from radbridge.runtime.directory import Institution
from radbridge.runtime.security.patient import seal_patient
from radbridge.runtime.testing import Running, eventually, running_service

PHONE = "13800000000"
UNREACHABLE = "13900000009"
NAME = "张三丰"
DOCUMENT = "11010519491231002X"
OPENID = "oPATIENT0000000000000000001"
PUBLIC_URL = "https://images.example.cn"
WAITING = {"queued", "sending"}

Start = Callable[[FastAPI], Awaitable[str]]


class MovedClock:
    """Goes on from ten in the morning of this day in Shanghai, whenever a test begins, and by what it adds: no midnight
    comes of itself, and no minute outside the quiet hours of a test."""

    def __init__(self) -> None:
        local = utc_now().astimezone(SHANGHAI)
        self._ahead = local.replace(hour=10, minute=0, second=0) - local
        self._present = utc_now

    def __call__(self) -> datetime:
        return self._present() + self._ahead

    def forward(self, **units: float) -> None:
        self._ahead += timedelta(**units)

    def stop(self) -> None:
        """Stand still from now on, but for what a test adds."""
        now = utc_now()
        self._present = lambda: now


@dataclass
class Vendors:
    """The running stand-ins."""

    url: str
    client: httpx.AsyncClient

    async def accepted(self, gateway: str | None = None) -> list[dict[str, Any]]:
        params = {"gateway": gateway} if gateway else {}
        return (await self.client.get(f"{self.url}/accepted", params=params)).json()

    async def order(self, gateway: str, kind: str, code: str = "", times: int = 1) -> None:
        order = {"gateway": gateway, "kind": kind, "code": code, "times": times}
        (await self.client.post(f"{self.url}/faults", json=order)).raise_for_status()

    async def report_to(self, **urls: str) -> None:
        (await self.client.put(f"{self.url}/callbacks", json=urls)).raise_for_status()

    def settings(self, channel: str) -> dict[str, Any]:
        """The body of ``PUT …/channels/{channel}`` for the stand-ins' account."""
        templates = {"report_ready": {"aliyun_sms": "SMS_1", "tencent_sms": "1110"}.get(channel, "TPL")}
        return {
            "aliyun_sms": {
                "base_url": f"{self.url}/aliyun",
                "access_key_id": "AKEXAMPLE",
                "access_key_secret": "SECRET-OF-ALIYUN",
                "sign_name": "影桥",
            },
            "tencent_sms": {
                "base_url": f"{self.url}/tencent",
                "secret_id": "AKIDEXAMPLE",
                "secret_key": "SECRET-OF-TENCENT",
                "sdk_app_id": "1400006666",
                "sign_name": "影桥",
            },
            "wechat_official": {
                "base_url": f"{self.url}/wechat",
                "appid": "wxofficial",
                "secret": "SECRET-OF-OFFICIAL",
                "callback_token": "CALLBACKTOKEN",
            },
            "wechat_mini": {
                "base_url": f"{self.url}/wechat",
                "appid": "wxmini",
                "secret": "SECRET-OF-MINI",
                "callback_token": "CALLBACKTOKEN",
                "mini_page": "pages/report",
            },
        }[channel] | {"templates": templates}


@dataclass
class Town:
    """A running service with a hospital, and what tests do there."""

    running: Running
    vendors: Vendors
    clock: MovedClock
    hospital: Institution
    versions: dict[str, int] = field(default_factory=dict)

    async def account(self, channel: str, *, code: str | None = None, **changes: Any) -> dict[str, Any]:
        path = f"/api/notify/v1/institutions/{code or self.hospital.code}/channels/{channel}"
        answer = await self.running.admin.put(path, json=self.vendors.settings(channel) | changes)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def bind(self, *, channel: str = "wechat_official", address: str = OPENID, **person: str) -> dict[str, Any]:
        body = {"hospital_code": self.hospital.code, "channel": channel, "address": address}
        answer = await self.running.admin.post("/api/notify/v1/bindings", json=body | (person or {"phone": PHONE}))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def send_by_both(self) -> None:
        """An SMS account, a WeChat account and a binding."""
        await self.account("aliyun_sms")
        await self.account("wechat_official")
        await self.bind()

    def exam_id(self, number: str = "E1") -> str:
        return exam_id(self.hospital.id, "ris", number)

    def report_id(self, number: str = "R1") -> str:
        return report_id(self.hospital.id, "ris", number)

    def exam(self, number: str = "E1", *, phone: str | None = PHONE, document: str | None = DOCUMENT) -> ExamRegistered:
        patient = Patient(name=NAME, phone=phone, document_type=DocumentType.RESIDENT_ID, document_number=document)
        record_id = patient_record_id(self.hospital.id, "ris", "P1")
        resources = self.running.resources
        return ExamRegistered(
            exam_id=self.exam_id(number),
            institution_id=self.hospital.id,
            hospital_code=self.hospital.code,
            hospital_name=self.hospital.name,
            exam_number=number,
            patient=seal_patient(resources.keyring, resources.vault, self.hospital.id, record_id, patient),
            status="examined",
            changed_at=self.clock(),
        )

    def signed(
        self, number: str = "R1", *, exams: tuple[str, ...] = ("E1",), received_version: int = 1, text: str = "A"
    ) -> ReportSigned:
        name = f"{self.hospital.id}/{hashlib.sha256(text.encode()).hexdigest()}"
        return ReportSigned(
            report_id=self.report_id(number),
            institution_id=self.hospital.id,
            hospital_code=self.hospital.code,
            report_number=number,
            exam_ids=[self.exam_id(exam) for exam in exams],
            received_version=received_version,
            content=BlobRef(name=name, size=len(text)),
            judged_at=self.clock(),
        )

    def voided(self, number: str = "R1") -> ReportVoided:
        signed = self.signed(number)
        return ReportVoided(**signed.model_dump(include=set(ReportVoided.model_fields)), changed_at=self.clock())

    def exam_voided(self, number: str = "E1") -> ExamVoided:
        return ExamVoided(
            exam_id=self.exam_id(number),
            institution_id=self.hospital.id,
            exam_number=number,
            changed_at=self.clock(),
        )

    async def publish(self, body: Any, *, version: int | None = None, at: datetime | None = None) -> None:
        """Put an event on the log as its service does; the next version of its aggregate, and of now, by default."""
        service = "signing" if isinstance(body, ReportSigned) else "ingest-api"
        key = f"{service}/{body.aggregate_id()}"
        self.versions[key] = version or self.versions.get(key, 0) + 1
        await self.running.publish(body, service=service, version=self.versions[key], at=at)

    async def deliveries(self, number: str = "R1") -> list[dict[str, Any]]:
        answer = await self.running.admin.get("/api/notify/v1/deliveries", params={"report_id": self.report_id(number)})
        assert answer.status_code == 200, answer.text
        return answer.json()["deliveries"]

    async def states(self, number: str = "R1") -> dict[str, str]:
        return {delivery["channel"]: delivery["state"] for delivery in await self.deliveries(number)}

    async def reaches(self, expected: dict[str, str], number: str = "R1") -> None:
        """Return once the report's deliveries have these states."""
        seen: list[dict[str, str]] = []

        async def holds() -> bool:
            seen[:] = [await self.states(number)]
            return seen[0] == expected

        try:
            await eventually(holds)
        except TimeoutError:
            raise AssertionError(f"{seen} instead of {expected}") from None

    async def at_rest(self) -> None:
        """Return once every event is handled and nothing waits to be sent now."""
        await self.running.settled()

        async def nothing_waits() -> bool:
            row = await self.running.resources.database.fetch_one(
                "SELECT COUNT(*) AS waiting FROM delivery WHERE state IN ('queued', 'sending')"
            )
            return row is None or row["waiting"] == 0

        await eventually(nothing_waits)

    async def issued(self) -> list[NotificationIssued]:
        return [body for _, body in await self.running.events(NotificationIssued)]

    async def told(self, channel: str) -> list[str]:
        """The states that events told of a channel's deliveries, in order."""
        events = await self.running.events(NotificationDelivered)
        return [body.state for _, body in events if body.channel == channel]


@pytest.fixture
def credentials() -> StandInCredentials:
    users = frozenset({OPENID, "oREFUSING"})
    return StandInCredentials(
        aliyun=AliyunStandInAccount(
            "AKEXAMPLE",
            "SECRET-OF-ALIYUN",
            frozenset({"影桥"}),
            {"SMS_1": AliyunTemplate("${name}您好，您在${hospital}的报告已出：https://images.example.cn/p/${code}")},
            unreachable=frozenset({UNREACHABLE}),
        ),
        tencent=TencentStandInAccount(
            "AKIDEXAMPLE",
            "SECRET-OF-TENCENT",
            "1400006666",
            frozenset({"影桥"}),
            {"1110": TencentTemplate("{1}您好，您的报告已出：https://images.example.cn/p/{2}")},
        ),
        wechat_official=WeChatStandInAccount(
            "wxofficial",
            "SECRET-OF-OFFICIAL",
            {"TPL": ("thing1", "thing2", "time3", "thing4")},
            users,
            refusing=frozenset({"oREFUSING"}),
        ),
        wechat_mini=WeChatStandInAccount(
            "wxmini",
            "SECRET-OF-MINI",
            {"TPL": ("thing1", "thing2", "time3", "phrase4")},
            users,
            pages=frozenset({"pages/report"}),
        ),
        wechat_callback_token="CALLBACKTOKEN",
    )


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def vendors(start: Start, credentials: StandInCredentials, clock: MovedClock) -> AsyncIterator[Vendors]:
    app = build_stand_ins(credentials, clock=clock, poster=CallbackPoster(timedelta(milliseconds=1)))
    async with httpx.AsyncClient(timeout=60) as client:
        yield Vendors(await start(app), client)


OpenTown = Callable[..., Awaitable[Town]]


@pytest.fixture
async def open_town(
    tmp_path: Path, vendors: Vendors, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[OpenTown]:
    """Starts the service; keywords are its settings. ``folder`` tells several apart, ``transport`` leads to vendors."""
    async with AsyncExitStack() as stack:

        async def open_one(
            *,
            folder: str = "town",
            database_url: str | None = None,
            transport: httpx.AsyncBaseTransport | None = None,
            **settings: str,
        ) -> Town:
            monkeypatch.setenv("RADBRIDGE_NOTIFY_VENDOR_TIMEOUT", "PT25S")
            for name, value in settings.items():
                monkeypatch.setenv(f"RADBRIDGE_NOTIFY_{name.upper()}", value)
            members = {"public_url": PUBLIC_URL} | ({"database_url": database_url} if database_url else {})
            running = await stack.enter_async_context(
                running_service(SERVICE, tmp_path / folder, settings=members, clock=clock, transport=transport)
            )
            code = f"HOSPITAL-{uuid4().hex[:6]}"
            hospital = await running.add_institution(code=code, service_phone="0351-0000000")
            return Town(running, vendors, clock, hospital)

        yield open_one


@pytest.fixture
async def town(open_town: OpenTown) -> Town:
    return await open_town()
