"""The one route table: which service answers which path of the front door.

The embedded front door, ``radbridge serve front`` and the Kubernetes ingress are all made from it. The longest
matching prefix wins; a prefix matches whole path segments.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """All paths below ``prefix`` go to ``service``."""

    prefix: str
    service: str


ROUTES: tuple[Route, ...] = (
    Route("/exam-sync", "ingest-api"),
    Route("/report/sync", "ingest-api"),
    Route("/examMergeReport-sync", "ingest-api"),
    Route("/api/ingest-api", "ingest-api"),
    Route("/dicom-web", "dicom-edge"),
    Route("/api/dicom-edge", "dicom-edge"),
    Route("/api/mpi", "mpi"),
    Route("/dsvs", "signing"),
    Route("/coss", "signing"),
    Route("/sef", "signing"),
    Route("/api/signing", "signing"),
    Route("/open/smr", "recognition"),
    Route("/api/recognition", "recognition"),
    Route("/api/notify", "notify"),
    Route("/callbacks", "notify"),
    Route("/", "portal"),
)


def route_for(path: str) -> Route:
    """The route that ``path`` takes."""
    return max((r for r in ROUTES if _below(path, r.prefix)), key=lambda r: len(r.prefix))


def service_for(path: str) -> str:
    """The service that answers ``path``."""
    return route_for(path).service


def _below(path: str, prefix: str) -> bool:
    return prefix == "/" or path == prefix or path.startswith(prefix + "/")
