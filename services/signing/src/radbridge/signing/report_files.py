"""Files of reports that came by their address (``pdf_path``, SX-112): fetched from the hospital's own web server."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

from radbridge.contracts.events.base import BlobRef
from radbridge.contracts.events.report import ReportReceived
from radbridge.runtime.blobs.sealed import FETCHED, SealedBlobs
from radbridge.runtime.directory import Directory
from radbridge.runtime.http_client import (
    AddressRefused,
    AnswerTooLarge,
    CircuitOpen,
    OutboundClient,
    OutboundError,
    OutboundTimeout,
)

FILE_BYTES_MAX = 48 * 1024 * 1024
"""What a body of 64 MB brings in base64."""
PDF, OFD = "application/pdf", "application/ofd"
_TRIES_BEFORE_THE_VERDICT = 2
_AT_ONCE_BEFORE_THE_VERDICT = 4
_PATIENCE_SECONDS = 2.0
_MAGIC_WITHIN = 1024
_OK, _REDIRECTS = 200, range(300, 400)
_BUSY = "该院有多个报告文件正在获取，本报告的文件稍后获取"


class FileFault(Exception):
    """The address brought no file; the text says why, in Chinese, without the address."""


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Fetches files from hosts that the hospital registered, and stores them sealed as those that are sent.

    :ivar timeout: for one request, to the last byte.
    """

    blobs: SealedBlobs
    http: OutboundClient
    directory: Directory
    timeout: timedelta
    bytes_max: int = FILE_BYTES_MAX
    _turns: defaultdict[str, asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(_AT_ONCE_BEFORE_THE_VERDICT)), init=False
    )

    async def completed(self, body: ReportReceived) -> tuple[ReportReceived, str]:
        """The report with the file that its address brings, and nothing; else the report as it is and why. A file that
        was sent counts before an address; a report without a signature is rejected, whatever its file.

        A web server that is slow keeps the reports of no other hospital from being judged: a few files of each are
        fetched at a time, and those whose turn does not come at once are left for later.

        :raises BlobUnavailable: the file could not be stored.
        """
        if body.document is not None or not body.document_url or body.signature_package is None:
            return body, ""
        turns = self._turns[body.institution_id]
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await turns.acquire()
        except TimeoutError:
            return body, _BUSY
        try:
            return with_document(body, await self.fetch(body, tries=_TRIES_BEFORE_THE_VERDICT)), ""
        except FileFault as fault:
            return body, str(fault)
        finally:
            turns.release()

    async def fetch(self, body: ReportReceived, *, tries: int = 1) -> BlobRef:
        """Fetch and store the file at the report's address.

        :raises FileFault: there was none.
        :raises BlobUnavailable: it could not be stored.
        """
        data = await self._get(body, tries)
        head = data[:_MAGIC_WITHIN]
        if b"%PDF-" not in head and not head.startswith(b"PK"):
            raise FileFault("pdf_path上的内容不是PDF或OFD文件")
        media_type = OFD if head.startswith(b"PK") else PDF
        return await self.blobs.put(body.institution_id, data, media_type, below=FETCHED)

    async def _get(self, body: ReportReceived, tries: int) -> bytes:
        institution = self.directory.by_id(body.institution_id)
        try:
            answer = await self.http.request(
                "GET",
                body.document_url,
                headers={"accept-encoding": "identity"},
                timeout=self.timeout.total_seconds(),
                attempts=tries,
                hosts=institution.hosts if institution is not None and institution.enabled else (),
                answer_bytes_max=self.bytes_max,
            )
        except OutboundError as error:
            raise FileFault(self._told(error)) from None
        if answer.status_code in _REDIRECTS:
            raise FileFault(f"pdf_path的服务器要求跳转（HTTP {answer.status_code}），平台不跟随跳转")
        if answer.status_code != _OK:
            raise FileFault(f"pdf_path的服务器应答HTTP {answer.status_code}")
        return answer.content

    def _told(self, error: OutboundError) -> str:
        if isinstance(error, AddressRefused):
            return "pdf_path的地址无效，或其主机未登记，平台不访问"
        if isinstance(error, AnswerTooLarge):
            return f"pdf_path上的文件超过上限{self.bytes_max}字节"
        if isinstance(error, OutboundTimeout):
            return "pdf_path的服务器没有按时应答"
        if isinstance(error, CircuitOpen):
            return "pdf_path的服务器多次无法访问，暂停访问"
        return "pdf_path的服务器无法访问"


def with_document(body: ReportReceived, document: BlobRef) -> ReportReceived:
    """The report as if its file had been sent."""
    return body.model_copy(update={"document": document})
