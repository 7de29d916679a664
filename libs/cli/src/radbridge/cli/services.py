"""The services there are, and where each is made. Only the host that runs one imports it."""

from importlib import import_module
from typing import cast

from radbridge.runtime.service import ServiceDefinition

SERVICES: dict[str, str] = {
    "ingest-api": "radbridge.ingest_api.main",
    "dicom-edge": "radbridge.dicom_edge.main",
    "mpi": "radbridge.mpi.main",
    "signing": "radbridge.signing.main",
    "recognition": "radbridge.recognition.main",
    "notify": "radbridge.notify.main",
    "portal": "radbridge.portal.main",
}


def load_service(name: str) -> ServiceDefinition:
    """The definition of a service.

    :raises KeyError: there is no such service.
    """
    return cast(ServiceDefinition, import_module(SERVICES[name]).SERVICE)
