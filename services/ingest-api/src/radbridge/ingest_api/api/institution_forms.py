"""Institutions on the wire: what administrators send, and what they are answered."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from radbridge.contracts.events.institution import InstitutionUpdated
from radbridge.contracts.institution_settings import InstitutionSettings

HOSTS_MAX = 100
_AE_TITLE = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,255}", re.ASCII)


def _ae_title(value: str) -> str:
    if value and not _AE_TITLE.fullmatch(value):
        raise ValueError("an AE title is up to 16 printable ASCII characters without backslash (PS3.5 6.2)")
    return value


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError(f"not a host name or address: {value[:64]}")
    return value


Dialect = Literal["shanxi", "neijiang", "jiangsu"]
Name = Annotated[str, Field(min_length=1, max_length=70)]
AeTitle = Annotated[
    str,
    Field(max_length=16, description="Calling AE title; derived from the code when empty"),
    AfterValidator(_ae_title),
]
Hosts = Annotated[
    list[Annotated[str, AfterValidator(_host)]],
    Field(max_length=HOSTS_MAX, description="Hosts that addresses given by this hospital may name"),
]
ServicePhone = Annotated[str, Field(max_length=32, description="Shown to patients whose link has expired")]
ClockSkewSeconds = Annotated[int, Field(ge=1, le=86400)]


class NewInstitution(BaseModel):
    """A hospital to register."""

    code: str = Field(min_length=1, max_length=22, pattern=r"^[0-9A-Za-z_-]+$")
    name: Name
    dialect: Dialect = "shanxi"
    ae_title: AeTitle = ""
    hosts: Hosts = []
    service_phone: ServicePhone = ""
    clock_skew_seconds: ClockSkewSeconds = 600
    settings: InstitutionSettings = InstitutionSettings()


def _without_defaults(schema: dict[str, Any]) -> None:
    for described in schema["properties"].values():
        described.pop("default", None)


class InstitutionChange(BaseModel):
    """What is to become different; what is not sent stays. A setting that is ``null`` is taken away."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_defaults)

    name: Name = ""
    dialect: Dialect = "shanxi"
    ae_title: AeTitle = ""
    hosts: Hosts = []
    service_phone: ServicePhone = ""
    clock_skew_seconds: ClockSkewSeconds = 600
    settings: InstitutionSettings = InstitutionSettings()

    def applied_to(self, body: InstitutionUpdated) -> InstitutionUpdated:
        """The institution with what was sent."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        if "settings" in sent:
            sent["settings"] = self.settings.changed_in(body.settings)
        return body.model_copy(update=sent)


class InstitutionView(BaseModel):
    """An institution without its secrets."""

    institution_id: str
    code: str
    name: str
    dialect: str
    ae_title: str
    called_ae_title: str
    hosts: list[str]
    enabled: bool
    clock_skew_seconds: int
    service_phone: str
    settings: dict[str, str]


class ChangedInstitution(InstitutionView):
    """An institution as it now stands."""

    applied: bool
    """Whether every running service knows it already."""


class IssuedInstitution(ChangedInstitution):
    """An institution with the credentials that were just issued, or are shown to an administrator."""

    sm4_key: str
    access_key: str
    secret_key: str
    app_id: str
    secure_code: str


class InstitutionList(BaseModel):
    """All institutions, by code."""

    institutions: list[InstitutionView]
