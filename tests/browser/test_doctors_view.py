"""A ``viewUrl`` in a real browser, opened from a HIS without login."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import PHONE, World
from tests.browser.pictures import wait_for_picture

pytestmark = pytest.mark.browser


@pytest.mark.proves("NJ-070")
def test_report_and_images_side_by_side(page: Page, world: World) -> None:
    page.goto(world.travelled_once()["view_url"])
    expect(page.get_by_role("heading", name="影像诊断")).to_be_visible()
    frame = page.locator("iframe.view-images").element_handle().content_frame()
    assert frame is not None
    wait_for_picture(frame)


def test_on_a_phone_the_report_comes_first(page: Page, world: World) -> None:
    page.set_viewport_size(PHONE)
    page.goto(world.travelled_once()["view_url"])
    expect(page.get_by_role("heading", name="影像诊断")).to_be_visible()
    expect(page.locator("iframe")).to_have_count(0)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="查看影像").click()
    wait_for_picture(page)


def test_an_operator_sees_images_by_session(console: Page, context: BrowserContext, world: World) -> None:
    console.goto(f"{world.url}/#/exams/{world.travelled_once()['exam_id']}")
    with context.expect_page() as opened:
        console.get_by_role("link", name="查看影像").click()
    wait_for_picture(opened.value)


def test_a_link_opens_for_an_operator_who_is_logged_in(console: Page, world: World) -> None:
    console.goto(world.travelled_once()["view_url"])
    expect(console.get_by_role("heading", name="影像诊断")).to_be_visible()
    frame = console.locator("iframe.view-images").element_handle().content_frame()
    assert frame is not None
    wait_for_picture(frame)
    with console.expect_download() as download:
        console.get_by_role("link", name="下载报告").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")


def test_a_link_that_is_over_is_told(page: Page, world: World) -> None:
    page.goto(f"{world.url}/view?token=not-a-token")
    expect(page.get_by_role("alert")).to_contain_text("已过期")
