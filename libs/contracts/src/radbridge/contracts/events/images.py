"""Facts about stored images, published by ``dicom-edge``."""

from datetime import datetime
from typing import ClassVar

from radbridge.contracts.events.base import EventBody, Part


class StoredSeries(Part):
    """One series of a study as it stands now."""

    series_uid: str
    modality: str = ""
    instances: int


class ImagesStored(EventBody):
    """New instances of a study are durable and served. Counts are those of the whole study at this version."""

    NAME: ClassVar[str] = "images.stored"
    TOPIC: ClassVar[str] = "images"

    study_id: str
    """Derived from institution and study UID: two hospitals may hold the same study."""
    institution_id: str
    study_uid: str
    accession_number: str = ""
    modalities: list[str] = []
    series: list[StoredSeries] = []
    instances: int
    new_instances: int
    bytes: int
    stored_at: datetime

    def aggregate_id(self) -> str:
        return self.study_id
