"""What may be chosen for each institution: the keys of ``settings`` in ``institution.updated``, and their values.

Who registers or changes an institution is told of every key and value that is none (``InstitutionSettings`` refuses
them). Who reads one gets what is known (``known_settings``): an institution of an older or a newer release must not be
lost for a setting.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv6Address
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from radbridge.contracts.dialects.neijiang_v0_94.signature import SignOrder

_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_PORT_MAX = 65535


class SigningPolicy(StrEnum):
    """What becomes of a report whose signature cannot be relied on for reasons of standing alone."""

    REJECT = "reject"
    WARN = "warn"
    HOLD = "hold"


def host_and_port(address: str) -> tuple[str, int]:
    """Host (an IPv6 address without brackets) and port of ``host:port``.

    :raises ValueError: it is none.
    """
    host, _, port = address.rpartition(":")
    if not _PORT.fullmatch(port) or not 1 <= int(port) <= _PORT_MAX:
        raise ValueError("must be host:port with a port of 1 to 65535")
    if ":" in host:
        return str(IPv6Address(host.removeprefix("[").removesuffix("]"))), int(port)
    if not _HOST.fullmatch(host):
        raise ValueError("must be host:port with a host's name or address")
    return host, int(port)


def _plain(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _address(value: str) -> str:
    host_and_port(value)
    return value


def _no_setting(value: object) -> None:
    if value is not None:
        known = ", ".join(InstitutionSettings.model_fields)
        raise PydanticCustomError("extra_forbidden", "no such setting; there are: {known}", {"known": known})


class InstitutionSettings(BaseModel):
    """An institution's settings; ``None`` is one that was not chosen. What is no setting may be ``None`` only: so one
    that is left from an older release can be taken away."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Annotated[None, BeforeValidator(_no_setting)]] = Field(init=False)

    signing_policy: Annotated[SigningPolicy | None, BeforeValidator(_plain)] = None
    """What signing makes of soft faults (docs/operating/signing.md)."""
    dicom_address: Annotated[str, BeforeValidator(_plain), AfterValidator(_address)] | None = None
    """``host:port`` on which its storage commitment SCU listens."""
    sign_order: Annotated[SignOrder | None, BeforeValidator(_plain)] = None
    """Order of the parameters under a Neijiang signature."""
    sign_length: Annotated[Literal["16", "32"] | None, BeforeValidator(_plain)] = None
    """``16``: the middle 16 digits of a Neijiang signature are accepted too."""

    def chosen(self) -> dict[str, str]:
        """What was chosen, as the event carries it."""
        return self.model_dump(mode="json", exclude_none=True)

    def changed_in(self, settings: Mapping[str, str]) -> dict[str, str]:
        """``settings`` with what was given here; ``None`` takes one away."""
        given: dict[str, Any] = self.model_dump(mode="json", exclude_unset=True)
        return {name: value for name, value in {**settings, **given}.items() if value is not None}


def known_settings(settings: Mapping[str, str]) -> tuple[InstitutionSettings, list[str]]:
    """The settings among ``settings``, and the names of those that are left out: unknown ones and malformed values."""
    try:
        return InstitutionSettings.model_validate(settings), []
    except ValidationError as error:
        ignored = {str(fault["loc"][0]) for fault in error.errors()}
    kept = {name: value for name, value in settings.items() if name not in ignored}
    return InstitutionSettings.model_validate(kept), sorted(ignored)
