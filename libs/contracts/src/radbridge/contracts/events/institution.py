"""The institution directory: a compacted topic that every service follows, published by ``ingest-api``."""

from datetime import datetime
from typing import ClassVar

from radbridge.contracts.events.base import EventBody, Part


class WrappedKey(Part):
    """A data key, wrapped by a root key. ``purpose``: ``patient``, ``document`` or ``credentials``."""

    key_id: str
    purpose: str
    root: str
    wrapped: str


class SealedCredentials(Part):
    """The institution's secrets, each sealed under its ``credentials`` key; the member's name is associated data."""

    sm4_key: str
    access_key: str
    """In clear: it is an identifier."""
    secret_key: str
    app_id: str
    """In clear: it is an identifier."""
    secure_code: str


class InstitutionUpdated(EventBody):
    """An institution as it stands now."""

    NAME: ClassVar[str] = "institution.updated"
    TOPIC: ClassVar[str] = "institution"

    institution_id: str
    code: str
    name: str
    dialect: str
    ae_title: str
    called_ae_title: str = "RADBRIDGE"
    hosts: list[str] = []
    enabled: bool = True
    clock_skew_seconds: int = 600
    service_phone: str = ""
    settings: dict[str, str] = {}
    """Choices for this institution (``InstitutionSettings``), for example ``sign_order`` = ``ascii``."""
    keys: list[WrappedKey] = []
    credentials: SealedCredentials
    updated_at: datetime

    def aggregate_id(self) -> str:
        return self.institution_id
