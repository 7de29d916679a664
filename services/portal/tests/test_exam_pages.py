"""The list of exams, page by page."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from radbridge.contracts.envelope import make_event
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.schemas.generate import example
from radbridge.portal import store
from radbridge.portal.domain.exam_page import Position, position
from radbridge.portal.main import SERVICE
from radbridge.runtime.clock import to_micros
from radbridge.runtime.testing import Running, running_service

MOMENT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
OF_ONE_MOMENT = [f"same-{letter}" for letter in "dbcae"]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
async def portal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Running]:
    """Five exams that one event changed, one before and one after it."""
    settings: dict[str, Any] = {}
    if request.param == "postgresql":
        settings["database_url"] = request.getfixturevalue("postgres_database")
    async with running_service(SERVICE, tmp_path, settings=settings) as running:

        async def changed(exam_id: str, at: datetime) -> None:
            body = ExamRegistered.model_validate({**example(ExamRegistered), "exam_id": exam_id})
            event = make_event(body, service="ingest-api", version=1, time=at)
            await running.resources.database.write(lambda tx: store.save_exam(tx, event, body))

        await changed("older", MOMENT - timedelta(seconds=1))
        for exam_id in OF_ONE_MOMENT:
            await changed(exam_id, MOMENT)
        await changed("newer", MOMENT + timedelta(seconds=1))
        yield running


async def page(portal: Running, **asked: Any) -> tuple[list[str], Any]:
    answer = await portal.admin.get("/api/portal/v1/exams", params=asked)
    assert answer.status_code == 200
    return [exam["exam_id"] for exam in answer.json()["exams"]], answer.json()["next"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_leave_out_none_of_those_that_changed_together(portal: Running, limit: int) -> None:
    found, next_page = await page(portal, limit=limit)
    while next_page is not None:
        more, next_page = await page(portal, limit=limit, before=next_page)
        found += more
    assert found == ["newer", *sorted(OF_ONE_MOMENT), "older"]


async def test_a_moment_alone_asks_for_what_changed_before_it(portal: Running) -> None:
    assert await page(portal, before=to_micros(MOMENT)) == (["older"], None)


async def test_a_page_behind_no_position_is_refused(portal: Running) -> None:
    assert (await portal.admin.get("/api/portal/v1/exams", params={"before": "yesterday"})).status_code == 422


@pytest.mark.parametrize("text", ["", "-1", "1.", ".a", "1.\0", "1.a b", "1.é", "٣", str(2**62 + 1), "1." + "a" * 201])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="position"):
        position(text)


def test_a_position_is_read_as_it_was_written() -> None:
    for written in (Position(5), Position(5, "e.1"), Position(2**62, "0195-a")):
        assert position(str(written)) == written
