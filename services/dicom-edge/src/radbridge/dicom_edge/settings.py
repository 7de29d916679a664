"""Settings of ``dicom-edge``."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from radbridge.runtime.settings import EnvironmentSettings


class DicomEdgeSettings(EnvironmentSettings):
    """Limits and delays. Environment: ``RADBRIDGE_DICOM_EDGE_…``; the port is ``RADBRIDGE_DICOM_PORT``."""

    model_config = SettingsConfigDict(env_prefix="RADBRIDGE_DICOM_EDGE_")

    associations_max: Annotated[int, Field(gt=0)] = 200
    """Associations at one time; one more is rejected as transient (local limit exceeded)."""
    pdu_length_max: Annotated[int, Field(ge=4096, le=1 << 20)] = 131072
    """Longest P-DATA-TF taken, told to every peer."""
    idle_seconds: Annotated[float, Field(gt=0)] = 600.0
    """An association on which nothing happens for so long is aborted."""
    stall_seconds: Annotated[float, Field(gt=0)] = 30.0
    """A peer that stops inside a PDU or an object, or never asks for an association, is cut off after this."""
    object_bytes_max: Annotated[int, Field(gt=0)] = 8 << 30
    """A larger object is refused as out of resources."""
    free_bytes_min: Annotated[int, Field(ge=0)] = 256 << 20
    """Room that stays on the volume; with less, objects are refused as out of resources."""
    quiet_seconds: Annotated[float, Field(gt=0)] = 0.5
    """A study is announced (``images.stored``) once nothing of it arrived for so long."""
    announce_seconds_max: Annotated[float, Field(gt=0)] = 5.0
    """A study that keeps arriving is announced at least this often."""
    move_after_seconds: Annotated[float, Field(ge=0)] = 30.0
    """Age at which an object moves from the volume to the object store."""
    audit_minutes: Annotated[float, Field(gt=0)] = 5.0
    """Reads of one study by one reader leave one audit event in this time."""
