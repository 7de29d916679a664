"""Reports that give the address of their file (``pdf_path``): fetched before the verdict, or later, or told why not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from radbridge.contracts.events.report import ReportRejected, ReportSigned
from radbridge.contracts.model.codes import ReportStatus
from radbridge.runtime.clock import utc_now
from radbridge.runtime.testing import eventually
from radbridge.signing.domain.evidence_chain import check_chain
from radbridge.signing.report_files import ReportFiles
from radbridge.signing.trial_pki import TrialAuthority
from radbridge.signing.trial_seal import TrialSealer

Page = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class WebServer:
    """A hospital's web server on this machine. ``asked`` are the paths of all requests."""

    port: int = 0
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def address(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def serve(self, path: str, content: bytes, status: str = "200 OK", **headers: str) -> str:
        """Serve this at the path from now on; answers its address."""
        lines = [f"HTTP/1.1 {status}", f"content-length: {len(content)}", "connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]

        async def page(writer: asyncio.StreamWriter) -> None:
            writer.write("\r\n".join([*lines, "", ""]).encode() + content)

        self.pages[path] = page
        return self.address(path)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        path = request.split(b" ")[1].decode()
        self.asked.append(path)
        if (page := self.pages.get(path)) is not None:
            await page(writer)
        else:
            writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()


@asynccontextmanager
async def web_server() -> AsyncIterator[WebServer]:
    server = WebServer()
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


@dataclass
class Hospital:
    """A world whose calls go out, a hospital in it, and its web server."""

    world: Any
    institution: Any
    server: WebServer

    async def push(self, number: str, **changes: Any) -> Any:
        return await self.world.push(number, institution=self.institution, **changes)

    async def verdict(self, number: str) -> dict[str, Any]:
        return await self.world.verdict(number, self.institution)

    async def file_check(self, number: str) -> tuple[str, str, str]:
        """Result, field and reason of the check of the file."""
        checks = (await self.verdict(number))["checks"]
        (check,) = [one for one in checks if one["name"] in ("pdf_seal", "ofd_seal")]
        return check["result"], check["field"], check["reason"]

    async def signed(self) -> list[ReportSigned]:
        return [body for _, body in await self.world.running.events(ReportSigned)]

    async def file_of(self, body: ReportSigned) -> bytes | None:
        """What the report shows to doctor and patient."""
        blobs = self.world.running.resources.sealed_blobs
        return await blobs.get(self.institution.id, body.document) if body.document else None

    async def waiting(self) -> int:
        """How many files are asked for again."""
        rows = await self.world.running.resources.database.fetch("SELECT report_id FROM awaited_file")
        return len(rows)

    async def judged_again_the_same(self) -> bool:
        """Whether each verdict comes out of its evidence."""
        lines = await self.world.evidence()
        assert check_chain(lines).holds
        client, same = self.world.running.admin, []
        for position in range(1, len(lines) + 1):
            answer = await client.post(f"/api/signing/v1/evidence/{position}/judge-again")
            same.append(answer.json().get("same"))
        return same == [True] * len(lines)


@asynccontextmanager
async def hospital_of(world: Any, policy: str = "reject") -> AsyncIterator[Hospital]:
    async with web_server() as server:
        settings = {"signing_policy": policy}
        institution = await world.running.add_institution(
            code="FILES", ae_title="FILES", hosts=[server.host], settings=settings
        )
        yield Hospital(world, institution, server)


@pytest.fixture
async def hospital(networked_world: Any) -> AsyncIterator[Hospital]:
    async with hospital_of(networked_world) as found:
        yield found


@pytest.fixture
def asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an address did not bring is not asked for again within a test."""
    monkeypatch.setenv("RADBRIDGE_SIGNING_FILE_RETRY", "PT1H")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADBRIDGE_SIGNING_FILE_TIMEOUT", "PT0.2S")


@pytest.fixture
def asked_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADBRIDGE_SIGNING_FILE_RETRY_FOR", "PT0.1S")


@pytest.fixture
def sealed_pdf(networked_world: Any, unsigned_pdf: bytes) -> bytes:
    return TrialSealer.create(networked_world.authority, "某某医院").seal_pdf(unsigned_pdf)


@pytest.mark.proves("SX-112", "SX-062")
async def test_an_address_and_base64_yield_the_same_file(hospital: Hospital, sealed_pdf: bytes) -> None:
    address = hospital.server.serve("/R2.pdf?token=1", sealed_pdf)
    await hospital.push("R1", document=sealed_pdf)
    await hospital.push("R2", document_url=address)
    sent, fetched = await hospital.signed()
    assert [await hospital.file_of(sent), await hospital.file_of(fetched)] == [sealed_pdf, sealed_pdf]
    assert fetched.document is not None
    assert fetched.document.media_type == "application/pdf"
    assert [(await hospital.file_check(number))[:2] for number in ("R1", "R2")] == [
        ("passed", "reportPdfBase64"),
        ("passed", "pdf_path"),
    ]
    digests = [json.loads(line)["entry"]["materials"]["document"] for line in await hospital.world.evidence()]
    assert digests[0] == digests[1]
    assert await hospital.judged_again_the_same()


@pytest.mark.proves("SX-112")
async def test_a_file_that_was_sent_counts_before_its_address(hospital: Hospital, sealed_pdf: bytes) -> None:
    address = hospital.server.serve("/R1.pdf", b"%PDF-1.7 another")
    body = await hospital.push("R1", document=sealed_pdf, document_url=address)
    assert [await hospital.file_of(signed) for signed in await hospital.signed()] == [sealed_pdf]
    assert hospital.server.asked == []
    assert body.document_url == address


async def test_a_broken_seal_rejects_however_the_file_came(hospital: Hospital, sealed_pdf: bytes) -> None:
    address = hospital.server.serve("/R1.pdf", sealed_pdf + b"% more\n")
    await hospital.push("R1", document_url=address)
    assert (await hospital.verdict("R1"))["verdict"] == "rejected"
    assert (await hospital.file_check("R1"))[:2] == ("failed", "pdf_path")


@pytest.mark.proves("SX-112")
@pytest.mark.parametrize(
    ("prepare", "told", "asked"),
    [
        (lambda server: server.serve("/r", b"", "302 Found", location=server.address("/pdf")), "跳转", {"/r"}),
        (lambda server: f"http://localhost:{server.port}/pdf", "未登记", set()),
        (lambda server: "http://127.0.0.1:1/pdf", "未登记", set()),
        (lambda server: f"http://{server.host}@elsewhere.example/pdf", "无效", set()),
        (lambda server: server.address("/none"), "HTTP 404", {"/none"}),
        (lambda server: server.serve("/login", b"<html>login</html>"), "不是PDF", {"/login"}),
    ],
    ids=["redirect", "foreign host", "foreign port", "userinfo", "missing", "no document"],
)
async def test_an_address_that_brings_no_file_is_a_finding(
    asked_once: None,
    networked_world: Any,
    unsigned_pdf: bytes,
    prepare: Callable[[WebServer], str],
    told: str,
    asked: set[str],
) -> None:
    async with hospital_of(networked_world) as hospital:
        hospital.server.serve("/pdf", unsigned_pdf)
        await hospital.push("R1", document_url=prepare(hospital.server))
        assert (await hospital.verdict("R1"))["verdict"] == "accepted"
        result, wire_field, reason = await hospital.file_check("R1")
        assert (result, wire_field) == ("finding", "pdf_path")
        assert told in reason
        assert set(hospital.server.asked) == asked
        assert [signed.document for signed in await hospital.signed()] == [None]
        assert await hospital.judged_again_the_same()


async def test_a_server_that_does_not_answer_keeps_no_report_from_its_verdict(
    asked_once: None, impatient: None, networked_world: Any
) -> None:
    async def never(_: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with hospital_of(networked_world) as hospital:
        hospital.server.pages["/slow"] = never
        await hospital.push("R1", document_url=hospital.server.address("/slow"))
        assert (await hospital.verdict("R1"))["verdict"] == "accepted"
        assert await hospital.file_check("R1") == ("finding", "pdf_path", "pdf_path的服务器没有按时应答")


async def test_a_file_over_the_limit_is_not_read_to_its_end(hospital: Hospital) -> None:
    resources = hospital.world.running.resources
    files = ReportFiles(
        resources.sealed_blobs, resources.http, resources.directory, timedelta(seconds=60), bytes_max=1000
    )

    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n%PDF-1.7\n")
        try:
            while True:
                writer.write(bytes(4096))
                await writer.drain()
        except ConnectionError:
            return

    hospital.server.pages["/endless"] = endless
    body = await hospital.push("R1", status=ReportStatus.NOT_AUDITED.value)
    asking = body.model_copy(update={"document_url": hospital.server.address("/endless")})
    assert await files.completed(asking) == (asking, "pdf_path上的文件超过上限1000字节")


@pytest.mark.proves("SX-112")
async def test_a_file_that_comes_later_is_shown_from_then_on(hospital: Hospital, sealed_pdf: bytes) -> None:
    await hospital.push("R1", document_url=hospital.server.address("/R1.pdf"))
    assert (await hospital.file_check("R1"))[0] == "finding"
    assert [await hospital.file_of(signed) for signed in await hospital.signed()] == [None]
    hospital.server.serve("/R1.pdf", sealed_pdf)
    await eventually(lambda: has_signed(hospital, 2))
    assert [await hospital.file_of(signed) for signed in await hospital.signed()] == [None, sealed_pdf]
    assert (await hospital.file_check("R1"))[:2] == ("passed", "pdf_path")
    assert await hospital.waiting() == 0
    assert await hospital.judged_again_the_same()


async def test_a_late_file_with_a_broken_seal_takes_the_verdict_back(hospital: Hospital, sealed_pdf: bytes) -> None:
    await hospital.push("R1", document_url=hospital.server.address("/R1.pdf"))
    assert (await hospital.verdict("R1"))["verdict"] == "accepted"
    hospital.server.serve("/R1.pdf", sealed_pdf + b"% more\n")
    await eventually(lambda: is_verdict(hospital, "R1", "rejected"))
    assert [body.field for _, body in await hospital.world.running.events(ReportRejected)] == ["pdf_path"]


async def test_what_changed_meanwhile_takes_no_verdict_back(hospital: Hospital, sealed_pdf: bytes) -> None:
    await hospital.push("R1", document_url=hospital.server.address("/R1.pdf"))
    await hospital.world.register(TrialAuthority.create(utc_now()))
    hospital.server.serve("/R1.pdf", sealed_pdf)
    asked = len(hospital.server.asked)

    async def is_asked_twice_more() -> bool:
        return len(hospital.server.asked) >= asked + 2

    await eventually(is_asked_twice_more)
    assert (await hospital.verdict("R1"))["verdict"] == "accepted"
    await hospital.world.register(hospital.world.authority)
    await eventually(lambda: has_signed(hospital, 2))
    assert await hospital.world.running.events(ReportRejected) == []


async def test_a_held_report_is_held_with_its_late_file(networked_world: Any, sealed_pdf: bytes) -> None:
    stranger = TrialAuthority.create(utc_now())
    async with hospital_of(networked_world, "hold") as hospital:
        address = hospital.server.address("/R1.pdf")
        doctor = stranger.issue_doctor("张三", "2")
        await hospital.push("R1", document_url=address, doctor=doctor, stamped_by=stranger)
        assert (await hospital.verdict("R1"))["verdict"] == "pending"
        hospital.server.serve("/R1.pdf", sealed_pdf)
        await eventually(lambda: no_longer_waits(hospital))
        assert (await hospital.verdict("R1"))["verdict"] == "pending"
        await networked_world.register(stranger, "BACK")
        await eventually(lambda: is_verdict(hospital, "R1", "accepted"))
        assert [await hospital.file_of(signed) for signed in await hospital.signed()] == [sealed_pdf]
        assert await hospital.judged_again_the_same()


async def test_an_operator_ends_the_waiting(networked_world: Any) -> None:
    stranger = TrialAuthority.create(utc_now()).issue_doctor("张三", "2")
    async with hospital_of(networked_world, "hold") as hospital:
        await hospital.push("R1", document_url=hospital.server.address("/R1.pdf"), doctor=stranger)
        assert await hospital.waiting() == 1
        path = "/api/signing/v1/reports/R1/release"
        params = {"hospitalCode": hospital.institution.code}
        released = await networked_world.running.admin.post(path, params=params, json={"decision": "accept"})
        assert released.status_code == 200, released.text
        assert await hospital.waiting() == 0


async def test_a_newer_push_and_a_rejection_end_the_waiting(hospital: Hospital, sealed_pdf: bytes) -> None:
    address = hospital.server.address("/none")
    await hospital.push("R1", document_url=address)
    await hospital.push("R2", document_url=address, value=b"\x30\x00")
    assert await hospital.waiting() == 1
    await hospital.push("R1", version=2, document=sealed_pdf)
    assert await hospital.waiting() == 0


async def test_nothing_is_asked_for_for_ever(asked_for_a_moment: None, networked_world: Any) -> None:
    async with hospital_of(networked_world) as hospital:
        await hospital.push("R1", document_url=hospital.server.address("/none"))
        await eventually(lambda: no_longer_waits(hospital))
        assert (await hospital.verdict("R1"))["verdict"] == "accepted"


async def test_a_slow_server_holds_up_a_few_reports_only(hospital: Hospital, sealed_pdf: bytes) -> None:
    opened = asyncio.Event()
    hospital.server.serve("/R.pdf", sealed_pdf)
    at_once = hospital.server.pages["/R.pdf"]

    async def slow(writer: asyncio.StreamWriter) -> None:
        await opened.wait()
        await at_once(writer)

    hospital.server.pages["/R.pdf"] = slow
    numbers = [f"R{number}" for number in range(6)]
    for number in numbers:
        await hospital.push(number, document_url=hospital.server.address("/R.pdf"), settle=False)
    await eventually(lambda: has_signed(hospital, 2))
    assert [body.document for body in await hospital.signed()] == [None, None]
    opened.set()
    await eventually(lambda: has_signed(hospital, 8))
    with_file = {body.report_number for body in await hospital.signed() if body.document}
    assert with_file == set(numbers)


async def test_late_files_on_postgresql(networked_world_on_postgresql: Any, unsigned_pdf: bytes) -> None:
    async with hospital_of(networked_world_on_postgresql) as hospital:
        await hospital.push("R1", document_url=hospital.server.address("/R1.pdf"))
        hospital.server.serve("/R1.pdf", unsigned_pdf)
        await eventually(lambda: has_signed(hospital, 2))
        assert [await hospital.file_of(signed) for signed in await hospital.signed()] == [None, unsigned_pdf]


async def has_signed(hospital: Hospital, times: int) -> bool:
    return len(await hospital.signed()) == times


async def is_verdict(hospital: Hospital, number: str, outcome: str) -> bool:
    return (await hospital.verdict(number))["verdict"] == outcome


async def no_longer_waits(hospital: Hospital) -> bool:
    return await hospital.waiting() == 0
