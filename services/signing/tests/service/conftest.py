"""The service on the harness, with a trial CA registered and a hospital that calls."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pypdf import PdfWriter

from radbridge.contracts.dialects.shanxi_v2_1.request_signature import sign_request
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

    def transport(self) -> httpx.MockTransport:
        def answer(request: httpx.Request) -> httpx.Response:
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


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    outside = Outside({})
    authority = TrialAuthority.create(utc_now())
    async with running_service(SERVICE, tmp_path, transport=outside.transport()) as running:
        hospital = await running.add_institution(hosts=["10.1.2.3", PDF_HOST])
        world = World(running, authority, authority.issue_doctor("张三", "110101199003070038"), hospital, outside)
        await world.register(authority)
        yield world


@pytest.fixture(scope="session")
def unsigned_pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(width=300, height=300)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()
