"""Facts about a report: ``ingest-api`` says what came in, ``signing`` says what it is worth."""

from datetime import datetime
from typing import ClassVar

from radbridge.contracts.events.base import BlobRef, EventBody, Part


class VerdictCheck(Part):
    """One named check of a verdict. ``result`` is ``passed``, ``failed``, ``finding`` or ``skipped``."""

    name: str
    result: str
    reason: str = ""
    field: str = ""
    """The wire field it speaks of."""


class _OfReport(EventBody):
    TOPIC: ClassVar[str] = "report"

    report_id: str
    institution_id: str
    hospital_code: str
    report_number: str
    exam_ids: list[str] = []

    def aggregate_id(self) -> str:
        return self.report_id


class ReportReceived(_OfReport):
    """A report arrived or changed. Texts, signature package and PDF are sealed blobs."""

    NAME: ClassVar[str] = "report.received"

    status: str
    """A value of ``contracts.model.codes.ReportStatus``; only an ``audited`` one is judged."""
    content: BlobRef
    """The canonical report (``contracts.model.report.Report``) as JSON."""
    signature_package: BlobRef | None = None
    """JSON of the wire fields CAData, ClientCert, SignType, SignValue, Timestampvalue."""
    document: BlobRef | None = None
    """The report's PDF or OFD file."""
    document_url: str = ""
    audited_at: datetime | None = None
    changed_at: datetime


class ReportSigned(_OfReport):
    """The report's signature stands; the report may be shown."""

    NAME: ClassVar[str] = "report.signed"

    received_version: int
    """Version of the ``report.received`` that was judged."""
    content: BlobRef
    document: BlobRef | None = None
    checks: list[VerdictCheck] = []
    signed_at: datetime | None = None
    """genTime of the timestamp token."""
    judged_at: datetime


class ReportRejected(_OfReport):
    """The report's signature does not stand; the report is not shown."""

    NAME: ClassVar[str] = "report.rejected"

    received_version: int
    reason: str
    """Chinese text that names the wire field."""
    field: str
    checks: list[VerdictCheck] = []
    judged_at: datetime


class ReportVoided(_OfReport):
    """The hospital deleted the report (``disableFlag`` 1 or ``checkStatus`` 5)."""

    NAME: ClassVar[str] = "report.voided"

    changed_at: datetime
