"""A new database learns item mappings and marks from this service's own events."""

from collections.abc import Sequence

from radbridge.contracts.envelope import Event
from radbridge.contracts.events.recognition import ExamMarked, ItemsMapped
from radbridge.recognition import store
from radbridge.runtime.clock import to_micros
from radbridge.runtime.database.protocol import Transaction

TOPIC = ItemsMapped.TOPIC


async def keep(tx: Transaction, events: Sequence[Event]) -> None:
    """Store what was mapped and marked; reminders are kept nowhere."""
    for event in events:
        if event.type == ItemsMapped.event_type():
            await _mapped(tx, ItemsMapped.model_validate_json(event.data))
        elif event.type == ExamMarked.event_type():
            await _marked(tx, ExamMarked.model_validate_json(event.data))


async def _mapped(tx: Transaction, body: ItemsMapped) -> None:
    await store.save_mappings(
        tx,
        [(body.institution_id, i.item_code, i.catalogue, i.catalogue_code, i.item_name) for i in body.items],
    )


async def _marked(tx: Transaction, body: ExamMarked) -> None:
    await store.save_mark(
        tx,
        mark_id=body.mark_id,
        asking_institution_id=body.asking_institution_id,
        report_id=body.report_id,
        exam_id=body.exam_id,
        recognised=body.recognised,
        reason_code=body.reason_code,
        marked_at=to_micros(body.marked_at),
    )
