"""Item mappings and counts, for administrators."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from radbridge.recognition import store
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources

Administrator = Annotated[Principal, Depends(require("admin"))]
Reader = Annotated[Principal, Depends(require("admin", "operator"))]
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


def router(resources: Resources) -> APIRouter:
    """Routes below ``/api/recognition/v1``."""
    api = APIRouter(prefix="/api/recognition/v1", tags=["items"])

    def institution_id_of(code: str) -> str:
        institution = resources.directory.by_code(code)
        if institution is None:
            raise Problem(404, "No such institution", f"hospital {code} is not registered")
        return institution.id

    @api.post("/items")
    async def import_items(request: ItemImport, _: Administrator) -> ItemList:
        """Store a hospital's mapped items; reminders use them from this answer on."""
        institution_id = institution_id_of(request.hospital_code)
        rows = [(institution_id, i.item_code, i.catalogue, i.catalogue_code, i.item_name) for i in request.items]
        await resources.database.write(lambda tx: store.save_mappings(tx, rows))
        return await list_items(request.hospital_code, _)

    @api.get("/items")
    async def list_items(hospital: str, _: Reader) -> ItemList:
        """A hospital's mapped items."""
        institution_id = institution_id_of(hospital)
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
