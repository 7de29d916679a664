"""A patient's link in a real browser: the question, the report, the file, the images."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import World
from tests.browser.pictures import wait_for_another_picture, wait_for_picture

pytestmark = pytest.mark.browser

WRONG = "0000"


def answer(page: Page, last_four: str) -> None:
    page.get_by_label("最后 4 位").fill(last_four)
    page.get_by_role("button", name="查看报告").click()


def test_the_report_opens_for_the_right_person(page: Page, world: World, screen: object) -> None:
    made = world.travelled_once()
    page.goto(world.url + made["patient_path"])
    answer(page, WRONG)
    expect(page.get_by_role("alert")).to_contain_text("不正确")
    expect(page.locator("#tries")).to_contain_text("还可尝试 4 次")

    answer(page, made["last_four"])
    expect(page.get_by_text(made["patient_name"])).to_be_visible()
    expect(page.get_by_role("heading", name="影像所见")).to_be_visible()
    page.get_by_text("电子签名已验证").click()
    expect(page.locator(".badge .passed")).not_to_have_count(0)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")

    with page.expect_download() as download:
        page.get_by_role("link", name="下载报告").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")

    kept = page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert kept == '[{},{},""]'
    assert made["patient_name"] not in page.url + page.title()


def test_the_images_are_one_tap_away(page: Page, world: World, screen: object) -> None:
    made = world.travelled_once()
    page.goto(world.url + made["patient_path"])
    answer(page, made["last_four"])
    page.get_by_role("link", name="查看影像").click()
    first = wait_for_picture(page)
    assert "token" not in page.url
    picture = page.locator("canvas.cornerstone-canvas").bounding_box()
    assert picture is not None
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert picture["width"] > (0.95 if width < 600 else 0.6) * width

    page.mouse.move(picture["x"] + picture["width"] / 2, picture["y"] + picture["height"] / 2)
    wait_for_another_picture(page, lambda: page.mouse.wheel(0, 100), than=first)

    page.reload()
    wait_for_picture(page)


def test_a_link_opens_for_an_operator_who_is_logged_in(console: Page, world: World) -> None:
    made = world.travelled_once()
    console.goto(world.url + made["patient_path"])
    answer(console, made["last_four"])
    with console.expect_download() as download:
        console.get_by_role("link", name="下载报告").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    console.get_by_role("link", name="查看影像").click()
    wait_for_picture(console)


def test_five_wrong_answers_lock_the_link(page: Page, world: World) -> None:
    made = world.travel()
    page.goto(world.url + made["patient_path"])
    for left in (4, 3, 2, 1):
        answer(page, WRONG)
        expect(page.locator("#tries")).to_contain_text(f"还可尝试 {left} 次")
    answer(page, WRONG)
    expect(page.get_by_role("alert")).to_contain_text("链接已锁定")
    expect(page.get_by_role("link", name="致电")).to_have_attribute("href", "tel:03510000000")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("链接已锁定")
    expect(page.get_by_label("最后 4 位")).to_have_count(0)


def test_a_link_that_nobody_issued(page: Page, world: World) -> None:
    page.goto(f"{world.url}/p/nobody-issued-this")
    expect(page.get_by_role("alert")).to_contain_text("链接无效")
