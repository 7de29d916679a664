"""Settings of ``ingest-api``. Environment: ``RADBRIDGE_INGEST_…``."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from radbridge.runtime.settings import EnvironmentSettings


class IngestSettings(EnvironmentSettings):
    """How pushes are worked on."""

    model_config = SettingsConfigDict(env_prefix="RADBRIDGE_INGEST_")

    helper_processes: Annotated[int, Field(ge=0, le=64)] = 0
    """Processes beside the service's own in which exams are opened, checked and sealed; one less than it has cores."""
