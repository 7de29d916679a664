"""The console in a real browser."""

from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from radbridge.cli.demo.parties import StepFailedError
from tests.browser.conftest import PATIENCE_MS, World
from tests.support.journeys import eventually

pytestmark = pytest.mark.browser

SERVICES = 7


def fits(page: Page) -> bool:
    """Whether nothing sticks out of the screen sideways."""
    inside: bool = page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    return inside


def test_login_with_the_admin_token(page: Page, world: World, screen: object) -> None:
    page.goto(world.url)
    page.get_by_label("管理令牌").fill("not the token")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("令牌不正确")
    page.get_by_label("管理令牌").fill(world.suite.token)
    page.get_by_role("button", name="登录").click()
    expect(page.locator(".service.up")).to_have_count(SERVICES)
    expect(page.get_by_role("status")).to_contain_text("实时")
    assert fits(page)

    cookie = next(c for c in page.context.cookies() if "session" in c["name"])
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_label("管理令牌")).to_be_visible()
    page.reload()
    expect(page.get_by_label("管理令牌")).to_be_visible()


def test_a_whole_journey_on_one_page(console: Page, world: World, screen: object) -> None:
    made = world.travelled_once()
    console.get_by_role("searchbox").fill(made["exam_number"])
    row = console.locator(".exam", has_text=made["exam_number"])
    expect(row).to_contain_text("24 幅")
    row.get_by_role("link").focus()
    console.keyboard.press("Enter")
    timeline = console.locator(".timeline")
    for title in (
        "检查登记",
        "影像入库",
        "患者身份关联",
        "收到报告",
        "签名验证通过",
        "签名验证未通过",
        "开单时提醒医生",
        "医生已互认",
        "通知已提交",
    ):
        expect(timeline.get_by_role("heading", name=title).first).to_be_visible()
    expect(timeline.locator(".step.bad")).to_contain_text("Timestampvalue")
    expect(timeline.locator(".gap").first).to_contain_text("+")
    expect(timeline).not_to_contain_text(made["patient_name"])
    assert fits(console)


def test_a_journey_grows_while_it_is_watched(console: Page, world: World) -> None:
    journey = world.new_journey()
    exam = journey.new_exam()
    exam_id = world.ris(journey).push_exam(exam)
    console.locator(".exam", has_text=exam.number).get_by_role("link").click()
    expect(console.get_by_role("heading", name="检查登记")).to_be_visible()
    expect(console.get_by_role("heading", name="影像入库")).to_have_count(0)
    assert exam_id in console.url
    console.evaluate("() => { window.notReloaded = true }")

    world.send_images(journey, exam)

    expect(console.get_by_role("heading", name="影像入库").first).to_be_visible()
    expect(console.get_by_text("24 幅")).to_be_visible()
    assert console.evaluate("() => window.notReloaded")


def test_every_fault_of_a_refused_push_is_shown(console: Page, world: World, screen: object) -> None:
    journey = world.new_journey()
    exam = replace(journey.new_exam(), study_instance_uid="not a UID", item_code="", accession_number="")
    with pytest.raises(StepFailedError) as refusal:
        world.ris(journey).push_exam(exam)
    with world.suite.client() as client:  # a refusal is kept after it was answered
        pushes = eventually(
            lambda: client.get("/api/ingest-api/v1/pushes").json()["pushes"],
            lambda found: any(push["number"] == exam.number for push in found),
        )
    faults = next(push["faults"] for push in pushes if push["number"] == exam.number)
    assert len(faults) >= 2

    console.goto(f"{world.url}/#/pushes")
    shown = console.locator(".push.refused", has_text=exam.number)
    expect(shown).to_be_visible()
    for fault in faults:
        entry = shown.locator(".faults li", has_text=fault["message"])
        expect(entry.locator(".fault-field")).to_have_text(fault["field"])
        expect(entry.locator(".fault-rule")).to_have_text(fault["rule"])
        assert fault["message"] in str(refusal.value)
    assert fits(console)


def test_the_verdict_on_a_report(console: Page, world: World) -> None:
    made = world.travelled_once()
    console.goto(f"{world.url}/#/verdict")
    console.get_by_label("医院").select_option(label="影桥示例甲医院")
    console.get_by_label("报告号").fill(f"{made['report_number']}X")
    console.get_by_role("button", name="查询").click()
    expect(console.locator(".verdict-result.rejected")).to_contain_text("Timestampvalue")
    console.get_by_label("报告号").fill(made["report_number"])
    console.get_by_role("button", name="查询").click()
    expect(console.locator(".verdict-result.accepted")).to_contain_text("证书链")


def test_a_restart_of_the_suite_changes_nothing_that_is_shown(console: Page, world: World) -> None:
    made = world.travelled_once()
    console.goto(f"{world.url}/#/exams/{made['exam_id']}")
    expect(console.locator(".step")).not_to_have_count(0)
    before = console.locator(".timeline").inner_text()
    assert world.suite.stop() == 0
    expect(console.locator(".live")).to_contain_text("重连中")
    world.suite.start()
    expect(console.locator(".live")).to_contain_text("实时", timeout=4 * PATIENCE_MS)
    console.reload()
    expect(console.locator(".step")).not_to_have_count(0)
    assert console.locator(".timeline").inner_text() == before
