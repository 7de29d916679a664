"""Debian's Chromium on the pages of a real suite, with the demonstration's parties to make things happen."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

from radbridge.cli.demo.ct_series import write_ct_series
from radbridge.cli.demo.gateways import Gateways, running_gateways
from radbridge.cli.demo.journey import Journey
from radbridge.cli.demo.parties import His, Pacs, Ris, known_elsewhere
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExampleExam
from radbridge.contracts.model.people import Patient
from tests.support.journeys import journey, until_whole
from tests.support.suites import EmbeddedSuite
from tools.stamps import ROOT
from tools.web import VIEWER, WEB

DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)
CHROMIUM = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
)
PATIENCE_MS = 60_000


@dataclass(slots=True)
class World:
    """A suite and the parties that speak to it."""

    suite: EmbeddedSuite
    gateways: Gateways
    folder: Path
    travelled: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    @property
    def url(self) -> str:
        return self.suite.url

    def new_journey(self) -> Journey:
        """A journey that has not begun; each has images in a folder of its own."""
        folder = self.folder / f"journey-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        return journey(self.suite, self.gateways, folder)

    def travel(self) -> dict[str, str]:
        """Play a whole journey; answers what it made, with the patient's link and the doctor's ``viewUrl``."""
        made = self.new_journey()
        found: dict[str, str] = made.run()
        until_whole(made.client, found["exam_id"])
        messages = self.gateways.messages_for(made.set_up.patient.phone)
        assert messages is not None
        found["patient_path"] = urlsplit(messages[1].link).path
        found["last_four"] = made.set_up.patient.resident_id[-4:]
        found["patient_name"] = made.set_up.patient.name
        his = His(made.client, made.set_up.hospital_b)
        studies = his.studies(known_elsewhere(made.new_exam()))
        found["view_url"] = next(
            study["viewUrl"] for study in studies if study["StudyInstanceUID"] == found["study_instance_uid"]
        )
        return found

    def travelled_once(self) -> dict[str, str]:
        """What one journey made that many tests may look at."""
        if not self.travelled:
            self.travelled.append(self.travel())
        return self.travelled[0]

    def ris(self, made: Journey) -> Ris:
        return Ris(made.client, made.set_up.hospital_a)

    def send_images(self, made: Journey, exam: ExampleExam) -> None:
        """A CT series of the exam by C-STORE."""
        series = write_ct_series(
            made.folder,
            patient=Patient(name=exam.patient.name, imaging_number=exam.patient.patient_number),
            accession_number=exam.accession_number,
            study_instance_uid=exam.study_instance_uid,
        )
        Pacs(made.set_up.hospital_a, "127.0.0.1", self.suite.dicom_port).send(series)


@pytest.fixture(scope="session")
def built_pages() -> None:
    for file in (WEB / "dist" / "index.html", VIEWER / "index.html"):
        if not file.is_file():
            pytest.skip(f"{file.relative_to(ROOT)} is missing (make web)")


@pytest.fixture(scope="session")
def world(built_pages: None, chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """``radbridge up`` on a fresh data folder, with the message gateways' stand-ins beside it."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "journeys").mkdir()
    places = {"RADBRIDGE_PORTAL_PAGES_DIR": str(WEB / "dist"), "RADBRIDGE_PORTAL_VIEWER_DIR": str(VIEWER)}
    suite = EmbeddedSuite(folder / "data", environment=places)
    suite.start()
    try:
        with running_gateways() as gateways:
            yield World(suite, gateways, folder / "journeys")
    finally:
        suite.stop()


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """A module's own: Playwright's loop must not run while tests of other modules run theirs."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM)
        yield running
        running.close()


@pytest.fixture(params=[DESKTOP, PHONE], ids=["1280", "390"])
def screen(request: pytest.FixtureRequest) -> ViewportSize:
    """Tests that take this run on a desktop's screen and on a phone's."""
    size: ViewportSize = request.param
    return size


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest, world: World) -> Iterator[BrowserContext]:
    """A browser profile that keeps to the suite: no error of a script, none of the policy, nobody else asked."""
    size = request.getfixturevalue("screen") if "screen" in request.fixturenames else DESKTOP
    profile = browser.new_context(viewport=size, locale="zh-CN")
    profile.set_default_timeout(PATIENCE_MS)
    wrong: list[str] = []

    def on_request(asked: Request) -> None:
        if not asked.url.startswith((world.url, "blob:", "data:")):
            wrong.append(f"asked {asked.url}")

    def on_console(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            wrong.append(message.text)

    profile.on("request", on_request)
    profile.on("console", on_console)
    profile.on("weberror", lambda error: wrong.append(str(error.error)))
    yield profile
    profile.close()
    assert wrong == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def console(page: Page, world: World) -> Page:
    """The console, logged in."""
    page.goto(world.url)
    page.get_by_label("管理令牌").fill(world.suite.token)
    page.get_by_role("button", name="登录").click()
    page.get_by_role("heading", name="检查 Exams").wait_for()
    return page
