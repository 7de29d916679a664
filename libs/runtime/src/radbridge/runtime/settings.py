"""Settings from the environment: typed, checked at start, each failure named by its variable.

Every setting ``x`` of a class with the prefix ``RADBRIDGE_`` is read from ``RADBRIDGE_X``, or from the file that
``RADBRIDGE_X_FILE`` names (how Docker and Kubernetes hand over secrets).
"""

import os
import secrets
import socket
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, IPvAnyNetwork, SecretStr, StringConstraints, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "RADBRIDGE_"


class SettingsError(Exception):
    """The environment is not complete or not valid; the text names each variable and what is wrong with it."""


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads ``<VARIABLE>_FILE``: the file's content, without surrounding white space, is the setting."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{variable_of(self.settings_cls, field_name)}_FILE")
        if not path:
            return None, field_name, False
        return Path(path).read_text(encoding="utf-8").strip(), field_name, False

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, field in self.settings_cls.model_fields.items():
            try:
                value, _, _ = self.get_field_value(field, name)
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "not UTF-8 text"
                raise SettingsError(f"{variable_of(self.settings_cls, name)}_FILE: {reason}") from error
            if value is not None:
                found[name] = value
        return found


class EnvironmentSettings(BaseSettings):
    """Base of all settings classes; a service's own class sets ``env_prefix="RADBRIDGE_<SERVICE>_"``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True, populate_by_name=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _SecretFiles(settings_cls)


S = TypeVar("S", bound=EnvironmentSettings)


def load_settings(settings_class: type[S], /, **known: Any) -> S:
    """Settings of one class; ``known`` values win over the environment.

    :raises SettingsError: with one line per variable that is missing or wrong. Values are never shown.
    """
    try:
        return settings_class(**known)
    except ValidationError as error:
        lines = [
            f"{variable_of(settings_class, str(fault['loc'][0])) if fault['loc'] else settings_class.__name__}: "
            f"{fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsError("\n".join(lines)) from None


def variable_of(settings_class: type[BaseSettings], name: str) -> str:
    """The environment variable of a setting; of other people's variables, which carry their own name, that one."""
    field = settings_class.model_fields.get(name)
    if field is not None and isinstance(field.validation_alias, str):
        return field.validation_alias
    if any(name == other.validation_alias for other in settings_class.model_fields.values()):
        return name
    return f"{settings_class.model_config.get('env_prefix') or ''}{name}".upper()


def environment_variables(settings_class: type[BaseSettings]) -> frozenset[str]:
    """Every variable that a settings class reads, the ``…_FILE`` forms included."""
    names = {variable_of(settings_class, name) for name in settings_class.model_fields}
    return frozenset(names | {f"{name}_FILE" for name in names})


def new_instance_id() -> str:
    """Name of this process among all instances: host name and eight random hex digits."""
    return f"{socket.gethostname()}-{secrets.token_hex(4)}"


def _words(value: object) -> object:
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else value


Url = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z0-9+]+://")]
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_words)]
"""Addresses and networks (``10.0.0.7,192.0.2.0/24``), separated by commas."""
LOOPBACK: tuple[IPv4Network | IPv6Network, ...] = (ip_network("127.0.0.1"), ip_network("::1"))
HttpUrl = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^https?://[^/?#]+[^?#]*$")]


class EventLogSettings(EnvironmentSettings):
    """Where the event log is."""

    events_url: Url
    """``sqlite:///PATH/events.db`` or ``kafka://HOST:PORT[,HOST:PORT]``."""


class DatabaseSettings(EnvironmentSettings):
    """Where the service's own database is."""

    database_url: Url
    """``sqlite+aiosqlite:///PATH`` or ``postgresql+asyncpg://…``."""


class RuntimeSettings(EventLogSettings, DatabaseSettings):
    """What every service needs to run. Prefix ``RADBRIDGE_``."""

    blobs_url: Url
    """The object store: ``file:///DIR`` or ``s3://KEY:SECRET@HOST:PORT/BUCKET?region=…&secure=…``."""
    vault_key: SecretStr
    """The root keys as JSON text (``radbridge vault new`` makes one)."""
    admin_token: SecretStr | None = None
    """Bearer token that may read and administer everything; none: nobody is admin by token."""
    data_dir: Path = Path("data")
    """A folder of this service's own for what must be on a local disk."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    dicom_port: Annotated[int, Field(ge=0, le=65535)] = 11112
    public_url: HttpUrl | None = None
    """Start of absolute links handed to people and hospitals; none: the address the process listens on."""
    trusted_proxies: Networks = LOOPBACK
    """Proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` count; from others they are not read."""
    instance_id: str = Field(default_factory=new_instance_id)
    migrate: Literal["start", "never"] = "start"
    """``start``: bring database and topics up to date when starting; ``never``: jobs of their own do it."""

    shutdown_grace_seconds: Annotated[float, Field(gt=0)] = 20.0
    request_timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    """How long a client may leave a started request without sending a byte."""
    body_limit_bytes: Annotated[int, Field(gt=0)] = 64 * 1024 * 1024

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    otlp_endpoint: HttpUrl | None = None
    """OpenTelemetry collector (OTLP over HTTP, for example ``http://collector:4318``); none: spans are not recorded."""
    otel_sdk_disabled: bool = Field(default=False, validation_alias="OTEL_SDK_DISABLED")
    """OpenTelemetry's own switch: requests are neither traced, counted nor logged, and nothing is sent."""
    trace_sample_ratio: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of new traces that are recorded; traces that arrive with a decision keep it."""
    outbound_proxy: HttpUrl | None = None
    """HTTP proxy of outbound calls; the process's proxy variables are not used."""

    session_hours: Annotated[float, Field(gt=0, le=24)] = 8.0
    """How long people stay logged in; the ends of sessions are remembered for a day."""
    oidc_issuer: HttpUrl | None = None
    """OpenID Connect provider; none: people log in with the admin token."""
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_scopes: str = "openid profile"
    oidc_role_claim: str = "roles"
    """Claim that holds the person's roles; dots step into objects (``realm_access.roles``)."""
    oidc_role_map: Mapping[str, str] = Field(default_factory=dict[str, str])
    """Provider role to RadBridge role (``admin``, ``operator``, ``doctor``), as JSON; roles that it does not name are
    dropped. None: the provider's roles count by their own names, one called ``admin`` too (docs/operating/login.md)."""

    @property
    def base_url(self) -> str:
        """Start of absolute links, without a trailing slash."""
        return (self.public_url or f"http://{_reachable(self.host)}:{self.port}").rstrip("/")


def _reachable(host: str) -> str:
    """The host part of a URL for an address to listen on; the wildcards stand for this machine."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
