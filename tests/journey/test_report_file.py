"""The report's file by its address instead of in the push: the patient gets the same one."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from radbridge.cli.demo import journey as demo
from radbridge.cli.demo.gateways import running_gateways
from radbridge.cli.demo.parties import Ris, StepFailedError, signed_report
from tests.support.journeys import journey
from tests.support.suites import EmbeddedSuite


@dataclass
class WebServer:
    """A hospital's web server with one file, once there is one."""

    host: str
    pdf: bytes = b""


@pytest.fixture
def web_server() -> Iterator[WebServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if server.pdf else 404)
            self.send_header("content-length", str(len(server.pdf)))
            self.end_headers()
            self.wfile.write(server.pdf)

        def log_message(self, format: str, *args: object) -> None:
            """Tests print nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = WebServer(f"127.0.0.1:{listening.server_port}")
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()


@pytest.mark.proves("SX-112")
def test_the_patient_gets_the_file_from_its_address(
    suite: EmbeddedSuite, tmp_path: Path, web_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[dict[str, object]] = []

    def by_address(exam: Any, *, pdf: bytes, **members: Any) -> dict[str, object]:
        web_server.pdf = pdf
        record = signed_report(exam, pdf=pdf, **members)
        pushed.append({**record, "reportPdfBase64": "", "pdf_path": f"http://{web_server.host}/R.pdf?id=1"})
        return pushed[-1]

    monkeypatch.setattr(demo, "signed_report", by_address)
    with running_gateways() as gateways:
        party = journey(suite, gateways, tmp_path)
        hospital = party.set_up.hospital_a
        address = f"/api/ingest-api/v1/institutions/{hospital.code}"
        party.client.patch(address, json={"hosts": [web_server.host]}).raise_for_status()
        party.run()
    neither = {**pushed[0], "recordNum": "R-neither", "ACCESS_NO": "R-neither", "pdf_path": ""}
    with pytest.raises(StepFailedError, match="pdf_path"):
        Ris(party.client, hospital).push_report(neither)
