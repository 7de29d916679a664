"""Item mappings and counts, for administrators."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from radbridge.contracts.events.recognition import ItemsMapped, MappedItem
from radbridge.recognition import store
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.security.hospital import institution_of
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources

Administrator = Annotated[Principal, Depends(require("admin"))]
Reader = Annotated[Principal, Depends(require("admin", "operator"))]
_ITEMS_PER_EVENT = 80
"""The longest texts that an item may have fill 2.3 KB; an event holds 256 KB."""
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


class Item(BaseModel):
    """A hospital's item as a recognition catalogue knows it."""

    item_code: str = Field(min_length=1, max_length=255, pattern=_PRINTABLE)
    item_name: str = Field(default="", max_length=255, pattern=_PRINTABLE)
    catalogue: Literal["shanxi", "neijiang", "jiangsu"]
    catalogue_code: str = Field(min_length=1, max_length=50, pattern=_PRINTABLE)


class ItemImport(BaseModel):
    """Items of one hospital; known ones are replaced, others stay."""

    hospital_code: str
    items: list[Item] = Field(min_length=1, max_length=20_000)


class ItemList(BaseModel):
    """All mapped items of one hospital."""

    hospital_code: str
    items: list[Item]


class MarkCount(BaseModel):
    """How often one hospital recognised, or did not."""

    hospital_code: str
    recognised: bool
    marks: int


class Statistics(BaseModel):
    """Counts of marks."""

    marks: list[MarkCount]


def _batched(items: Sequence[MappedItem], size: int) -> Iterator[list[MappedItem]]:
    """The items in their order, so many at a time."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def router(resources: Resources) -> APIRouter:
    """Routes below ``/api/recognition/v1``."""
    api = APIRouter(prefix="/api/recognition/v1", tags=["items"])

    @api.post("/items")
    async def import_items(request: ItemImport, _: Administrator) -> ItemList:
        """Store a hospital's mapped items; reminders use them from this answer on."""
        institution_id = institution_of(resources.directory, request.hospital_code).id
        rows = [(institution_id, i.item_code, i.catalogue, i.catalogue_code, i.item_name) for i in request.items]
        mapped = [MappedItem.model_validate(item.model_dump()) for item in request.items]

        async def work(tx: Transaction) -> None:
            now = resources.clock()
            await tx.lock(f"items:{institution_id}")
            await store.save_mappings(tx, rows)
            for some in _batched(mapped, _ITEMS_PER_EVENT):
                body = ItemsMapped(institution_id=institution_id, items=some, mapped_at=now)
                await resources.outbox.publish(tx, body)

        await resources.database.write(work)
        return await list_items(request.hospital_code, _)

    @api.get("/items")
    async def list_items(hospital: str, _: Reader) -> ItemList:
        """A hospital's mapped items."""
        institution_id = institution_of(resources.directory, hospital).id
        rows = await resources.database.read(lambda tx: store.all_mappings(tx, institution_id))
        return ItemList(
            hospital_code=hospital,
            items=[
                Item(
                    item_code=row["item_code"],
                    item_name=row["item_name"],
                    catalogue=row["catalogue"],
                    catalogue_code=row["catalogue_code"],
                )
                for row in rows
            ],
        )

    @api.get("/statistics")
    async def statistics(_: Reader) -> Statistics:
        """How often each hospital recognised the exams of others."""
        counts: list[MarkCount] = []
        for row in await resources.database.read(store.mark_counts):
            institution = resources.directory.by_id(row["asking_institution_id"])
            counts.append(
                MarkCount(
                    hospital_code=institution.code if institution else "",
                    recognised=bool(row["recognised"]),
                    marks=row["marks"],
                )
            )
        return Statistics(marks=counts)

    return api
