"""A lost database of ``recognition`` has its mappings and marks again, from the service's own events."""

from pathlib import Path
from typing import Any

from radbridge.contracts.events.recognition import ExamMarked, ItemsMapped
from radbridge.contracts.schemas.generate import example
from radbridge.recognition import store
from radbridge.recognition.main import SERVICE
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.outbox import LARGEST_EVENT
from radbridge.runtime.testing import Running, running_service


async def own_facts(running: Running) -> list[dict[str, Any]]:
    async def work(tx: Transaction) -> list[dict[str, Any]]:
        mapped = await tx.fetch("SELECT * FROM item_mapping ORDER BY item_code, catalogue")
        return [dict(row) for row in [*mapped, *await tx.fetch("SELECT * FROM mark ORDER BY mark_id")]]

    return await running.resources.database.read(work)


async def import_items(running: Running, name: str, count: int) -> None:
    items = [
        {"item_code": f"X{number}", "item_name": name, "catalogue": "neijiang", "catalogue_code": "BW23"}
        for number in range(count)
    ]
    body = {"hospital_code": "HOSPITAL-A", "items": items}
    (await running.admin.post("/api/recognition/v1/items", json=body)).raise_for_status()


async def mark(running: Running, *, recognised: bool) -> None:
    """Decide, as ``Marks`` does."""
    body = ExamMarked.model_validate({**example(ExamMarked), "recognised": recognised})

    async def work(tx: Transaction) -> None:
        await store.save_mark(
            tx, mark_id=body.mark_id, asking_institution_id=body.asking_institution_id, report_id=body.report_id,
            exam_id=body.exam_id, recognised=recognised, reason_code="", marked_at=1_781_490_600_000_000,
        )  # fmt: skip
        await running.resources.outbox.publish(tx, body)

    await running.resources.database.write(work)


def lose_database(folder: Path) -> None:
    for file in folder.glob("recognition.db*"):
        file.unlink()


async def test_mappings_and_marks_are_restored_and_go_on(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        await running.add_institution(code="HOSPITAL-A")
        await import_items(running, "旧", 200)
        await import_items(running, "新", 100)
        await mark(running, recognised=True)
        await mark(running, recognised=False)
        before = await own_facts(running)
        assert len(await running.events(ItemsMapped)) == 5
    lose_database(tmp_path)
    async with running_service(SERVICE, tmp_path) as running:
        assert await own_facts(running) == before
        await mark(running, recognised=True)
        await import_items(running, "三", 1)
        assert [event.version for event, _ in await running.events(ExamMarked)] == [1, 2, 3]
        assert len(await running.events(ItemsMapped)) == 6


async def test_the_longest_items_fit_into_events(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        await running.add_institution(code="HOSPITAL-A")
        items = [
            {"item_code": f"{number:05}" + "𠀀" * 250, "item_name": "𠀀" * 255, "catalogue": "neijiang",
             "catalogue_code": "𠀀" * 50}
            for number in range(81)
        ]  # fmt: skip
        body = {"hospital_code": "HOSPITAL-A", "items": items}
        assert (await running.admin.post("/api/recognition/v1/items", json=body)).status_code == 200
        sizes = [len(event.data) for event, _ in await running.events(ItemsMapped)]
    assert max(sizes) < LARGEST_EVENT
