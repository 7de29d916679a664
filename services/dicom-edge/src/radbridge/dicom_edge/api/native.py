"""The native API: what operators ask the index."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from radbridge.dicom_edge.volume import Volume
from radbridge.runtime.clock import from_micros
from radbridge.runtime.database.protocol import Database
from radbridge.runtime.security.principal import require


class QuarantinedObject(BaseModel):
    """An object that is kept, but not served."""

    institution_id: str
    sop_instance_uid: str
    study_id: str
    reason: str
    quarantined_at: datetime
    received_at: datetime
    size: int


class Stats(BaseModel):
    """What the service holds and does now."""

    studies: int
    instances: int
    bytes: int
    instances_on_volume: int
    instances_unannounced: int
    quarantined: int
    volume_free_bytes: int
    associations: int
    dicom_port: int


@dataclass(frozen=True, slots=True)
class Gauges:
    """What only the running process knows."""

    associations: Callable[[], int]
    dicom_port: Callable[[], int]


def router(database: Database, volume: Volume, gauges: Gauges) -> APIRouter:
    """Routes of the native API."""
    routes = APIRouter(prefix="/api/dicom-edge/v1", tags=["native"])

    @routes.get("/quarantine", dependencies=[Depends(require("operator"))])
    async def quarantine(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[QuarantinedObject]:
        """Objects held back, the newest first, with the reason."""
        rows = await database.fetch(
            "SELECT * FROM instance WHERE quarantined_at IS NOT NULL ORDER BY quarantined_at DESC LIMIT $1", limit
        )
        return [
            QuarantinedObject(
                institution_id=row["institution_id"],
                sop_instance_uid=row["sop_instance_uid"],
                study_id=row["study_id"],
                reason=row["quarantine_reason"],
                quarantined_at=from_micros(row["quarantined_at"]),
                received_at=from_micros(row["received_at"]),
                size=row["size"],
            )
            for row in rows
        ]

    @routes.get("/stats", dependencies=[Depends(require("service", "operator"))])
    async def stats() -> Stats:
        """Counts of the index and of this process."""
        row = await database.fetch_one(
            """SELECT (SELECT COUNT(*) FROM study) AS studies, COUNT(*) AS instances,
                      COALESCE(SUM(size), 0) AS bytes, COUNT(volume_id) AS on_volume,
                      COALESCE(SUM(1 - announced), 0) AS unannounced, COUNT(quarantined_at) AS quarantined
               FROM instance"""
        )
        assert row is not None
        return Stats(
            studies=row["studies"],
            instances=row["instances"],
            bytes=int(row["bytes"]),
            instances_on_volume=row["on_volume"],
            instances_unannounced=int(row["unannounced"]),
            quarantined=row["quarantined"],
            volume_free_bytes=volume.free_bytes(),
            associations=gauges.associations(),
            dicom_port=gauges.dicom_port(),
        )

    return routes
