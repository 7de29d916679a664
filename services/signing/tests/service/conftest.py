"""The service on the harness, with a trial CA registered and a hospital that calls."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pypdf import PdfWriter

from radbridge.contracts.dialects.shanxi_v2_1.request_signature import sign_request
from radbridge.contracts.events.report import ReportReceived
from radbridge.contracts.identifiers import report_id
from radbridge.contracts.model.codes import ReportStatus, SignatureFormat
from radbridge.contracts.model.people import Institution as HospitalName
from radbridge.contracts.model.people import Practitioner
from radbridge.contracts.model.report import Report, ReportStep, SignaturePackage
from radbridge.contracts.model.serialization import to_json
from radbridge.runtime.clock import utc_now
from radbridge.runtime.directory import Institution
from radbridge.runtime.testing import Running, running_service
from radbridge.signing.main import SERVICE
from radbridge.signing.trial_pki import Doctor, TrialAuthority

PDF_HOST = "pdf.hospital.example"
NEAR = ("10.1.2.3", 40000)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass
class Outside:
    """Answers the service's outbound calls by address."""

    pages: dict[str, bytes]
    answering: dict[str, Callable[[httpx.Request], httpx.Response]] = field(default_factory=dict)

    def transport(self) -> httpx.MockTransport:
        def answer(request: httpx.Request) -> httpx.Response:
            if (answering := self.answering.get(str(request.url))) is not None:
                return answering(request)
            page = self.pages.get(str(request.url))
            return httpx.Response(404) if page is None else httpx.Response(200, content=page)

        return httpx.MockTransport(answer)


@dataclass
class World:
    """A running service and its surroundings."""

    running: Running
    authority: TrialAuthority
    doctor: Doctor
    hospital: Institution
    outside: Outside

    @contextmanager
    def caller(self, address: tuple[str, int]) -> Iterator[httpx.AsyncClient]:
        """A client that the service sees at this address."""
        yield httpx.AsyncClient(
            transport=httpx.ASGITransport(self.running.host.app, client=address), base_url="http://testserver"
        )

    async def post(self, path: str, body: Any, *, address: tuple[str, int] = NEAR) -> dict[str, Any]:
        """The answer to a request from an address; every answer must be HTTP 200."""
        with self.caller(address) as client:
            answer = await client.post(path, **({"content": body} if isinstance(body, bytes) else {"json": body}))
        assert answer.status_code == 200
        return answer.json()

    def signed(self, parameters: dict[str, Any], hash_name: str = "sha256", algorithm: str = "HMAC") -> dict[str, Any]:
        """The parameters with the hospital's HMAC."""
        complete = {"appId": self.hospital.app_id, "signAlgo": algorithm, "version": "1.0", **parameters}
        return {**complete, "signature": sign_request(complete, self.hospital.secure_code, hash_name)}

    async def hospital_with(self, code: str, policy: str) -> Institution:
        """A further hospital with a signing policy."""
        settings = {"signing_policy": policy}
        return await self.running.add_institution(code=code, ae_title=code, settings=settings)

    async def push(
        self, number: str, *, institution: Institution | None = None, version: int = 1, **changes: Any
    ) -> ReportReceived:
        """A report as ``ingest-api`` passes it on: audited, signed and stamped by the trial CA unless changed.

        :param changes: ``doctor``, ``stamped_by``, ``text``, ``value``, ``status``, ``document``, ``document_url``,
            ``package``; without ``settle`` it is not waited until the report was handled.
        """
        sender = institution or self.hospital
        doctor, stamped_by = changes.get("doctor", self.doctor), changes.get("stamped_by", self.authority)
        text = changes.get("text", "报告内容：双肺纹理清晰。")
        package = SignaturePackage(
            signed_text=text,
            certificate=b64(doctor.cert_der),
            format=SignatureFormat.PKCS1,
            value=b64(changes.get("value", doctor.sign_pkcs1(text.encode()))),
            timestamp_token=b64(stamped_by.timestamp(text.encode(), utc_now())),
        )
        report = Report(
            number=number,
            exam_numbers=("E1",),
            changed_at=utc_now(),
            hospital=HospitalName(code=sender.code),
            status=ReportStatus.AUDITED,
            written=ReportStep(doctor=Practitioner(name="张三")),
        )
        blobs, document = self.running.resources.sealed_blobs, changes.get("document")
        body = ReportReceived(
            report_id=report_id(sender.id, "shanxi", number),
            institution_id=sender.id,
            hospital_code=sender.code,
            report_number=number,
            status=changes.get("status", ReportStatus.AUDITED.value),
            content=await blobs.put(sender.id, to_json(report)),
            signature_package=await blobs.put(sender.id, to_json(package)) if changes.get("package", True) else None,
            document=await blobs.put(sender.id, document, "application/pdf") if document else None,
            document_url=changes.get("document_url", ""),
            changed_at=utc_now(),
        )
        await self.running.publish(body, service="ingest-api", version=version)
        if changes.get("settle", True):
            await self.running.settled()
        return body

    async def verdict(self, number: str, institution: Institution | None = None) -> dict[str, Any]:
        """The verdict as the API shows it."""
        code = (institution or self.hospital).code
        path = f"/api/signing/v1/reports/{number}/verdict"
        answer = await self.running.admin.get(path, params={"hospitalCode": code})
        assert answer.status_code == 200
        return answer.json()

    async def evidence(self) -> list[str]:
        """The exported chain."""
        answer = await self.running.admin.get("/api/signing/v1/evidence")
        assert answer.headers["content-type"].startswith("application/jsonl")
        return answer.text.splitlines()

    async def register(self, authority: TrialAuthority, name: str = "TRIAL", **more: Any) -> dict[str, Any]:
        """Register a CA by the API."""
        body = {
            "roots": [b64(authority.root_der)],
            "intermediates": [b64(authority.sub_der), b64(authority.tsa_der)],
            "crls": [b64(crl) for crl in authority.crls],
            **more,
        }
        answer = await self.running.admin.put(f"/api/signing/v1/authorities/{name}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def opened(
    folder: Path, settings: Mapping[str, Any] | None = None, *, by_network: bool = False
) -> AsyncIterator[World]:
    """The world; ``by_network``, its outbound calls reach servers of this machine."""
    outside = Outside({})
    authority = TrialAuthority.create(utc_now())
    transport = None if by_network else outside.transport()
    async with running_service(SERVICE, folder, settings=settings, transport=transport) as running:
        hospital = await running.add_institution(hosts=["10.1.2.3", PDF_HOST])
        world = World(running, authority, authority.issue_doctor("张三", "110101199003070038"), hospital, outside)
        await world.register(authority)
        yield world


@pytest.fixture(autouse=True)
def _held_reports_are_looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADBRIDGE_SIGNING_HELD_CHECK", "PT0.05S")
    monkeypatch.setenv("RADBRIDGE_SIGNING_OCSP_RETRY", "PT0.05S")
    monkeypatch.setenv("RADBRIDGE_SIGNING_FILE_RETRY", "PT0.05S")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path) as world:
        yield world


@pytest.fixture
async def networked_world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path, by_network=True) as world:
        yield world


@pytest.fixture
async def world_on_postgresql(tmp_path: Path, postgres_database: str) -> AsyncIterator[World]:
    async with opened(tmp_path, {"database_url": postgres_database}) as world:
        yield world


@pytest.fixture
async def networked_world_on_postgresql(tmp_path: Path, postgres_database: str) -> AsyncIterator[World]:
    async with opened(tmp_path, {"database_url": postgres_database}, by_network=True) as world:
        yield world


@pytest.fixture(scope="session")
def unsigned_pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(width=300, height=300)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()
