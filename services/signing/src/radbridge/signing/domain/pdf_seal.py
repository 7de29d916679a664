"""Judging every seal of a PDF: an honest byte range, the seal itself by its bytes, and what came after it.

/Contents is told apart by its bytes: an SES_Signature, a SignedData or a timestamp token, whatever /SubFilter says.
Each seal covers its own revision; a later revision must itself end in a signature and change nothing but what signing
needs (SX-026, SX-027, SX-090, SX-091).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from radbridge.signing.domain import der
from radbridge.signing.domain.document_signature import INVALID, MODIFIED_AFTER_SIGNING, SealVerdict, judge_contents
from radbridge.signing.domain.errors import DerError, SealFormError
from radbridge.signing.domain.pdf_changes import modification
from radbridge.signing.domain.pdf_fields import SignatureField, signature_fields
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.unforeseen import UNREADABLE, or_malformed

MAX_SEALS = 32
_HEX_STRING = re.compile(rb"<[0-9A-Fa-f\s]*>\Z")
_CONTENTS_KEY = re.compile(rb"/Contents\s*\Z")
_END_OF_FILE = re.compile(rb"%%EOF[\r\n]{0,2}\Z")


@dataclass(frozen=True)
class PdfVerdict:
    """`seals` in the order of the form's fields; `reason` speaks of the document where it has none."""

    seals: tuple[SealVerdict, ...]
    reason: str


@or_malformed(lambda: PdfVerdict((SealVerdict(INVALID, f"PDF文件{UNREADABLE}"),), ""))
def judge_pdf(data: bytes, store: TrustStore, *, now: datetime) -> PdfVerdict:
    """All seals of the PDF `data`. A file that cannot be read but speaks of signatures has one invalid seal."""
    try:
        fields = signature_fields(data)
    except SealFormError as fault:
        if b"/ByteRange" in data:
            return PdfVerdict((SealVerdict(INVALID, f"PDF文件不能解析，无法验证其中的签章：{fault}"),), "")
        return PdfVerdict((), "PDF文件不能解析，没有可验证的签章")
    if not fields:
        return PdfVerdict((), "PDF文件没有签章")
    if len(fields) > MAX_SEALS:
        return PdfVerdict((SealVerdict(INVALID, f"PDF的签章超过{MAX_SEALS}个"),), "")
    ends = sorted(end for field in fields if (end := _range_end(data, field)) is not None)
    level = min((field.docmdp for field in fields if field.docmdp is not None), default=None)
    changes = _Changes(data, ends, level)
    return PdfVerdict(
        tuple(_judge_field(data, index, field, changes, store, now) for index, field in enumerate(fields)), "已验证签章"
    )


class _Changes:
    """What happened to the document after each signed revision, each pair of revisions compared once."""

    def __init__(self, data: bytes, ends: list[int], docmdp: int | None) -> None:
        self._data = data
        self._ends = ends
        self._docmdp = docmdp
        self._steps: dict[tuple[int, int], str | None] = {}

    def after(self, end: int) -> str | None:
        """Why the document was modified after the revision that ends at `end`; None where it was not."""
        if self._ends[-1] != len(self._data):
            return "签章之后文件被追加了未签章的内容"
        later = [other for other in self._ends if other > end]
        return next((why for step in zip([end, *later], later, strict=False) if (why := self._step(step))), None)

    def _step(self, step: tuple[int, int]) -> str | None:
        if step not in self._steps:
            try:
                self._steps[step] = modification(self._data[: step[0]], self._data[: step[1]], self._docmdp)
            except SealFormError:
                self._steps[step] = "签章之后的修订不能解析"
        return self._steps[step]


def _range_end(data: bytes, field: SignatureField) -> int | None:
    """Where the revision ends that the field's honest byte range covers."""
    if field.byte_range is None or len(field.byte_range) != 4:
        return None
    start, length, tail, tail_length = field.byte_range
    end = tail + tail_length
    honest = (
        start == 0
        and 0 < length < tail < end <= len(data)
        and _CONTENTS_KEY.search(data[max(0, length - 64) : length]) is not None
        and _HEX_STRING.match(data[length:tail]) is not None
        and _END_OF_FILE.search(data[max(0, end - 16) : end]) is not None
    )
    return end if honest else None


def _judge_field(
    data: bytes, index: int, field: SignatureField, changes: _Changes, store: TrustStore, now: datetime
) -> SealVerdict:
    verdict = _judge_range(data, field, changes, store, now)
    return replace(verdict, index=index, page=field.page)


def _judge_range(
    data: bytes, field: SignatureField, changes: _Changes, store: TrustStore, now: datetime
) -> SealVerdict:
    end = _range_end(data, field)
    if end is None or field.byte_range is None:
        return SealVerdict(INVALID, "ByteRange缺失，或没有覆盖除签章值以外的整个修订")
    _, length, tail, _ = field.byte_range
    contents = _hex_string(data[length:tail])
    if not contents or contents != field.contents:
        return SealVerdict(INVALID, "ByteRange之间不是该签章的Contents")
    try:
        element = der.read(contents, 0, len(contents), ber=True)
    except DerError:
        return SealVerdict(INVALID, "Contents不是签章数据")
    if contents[element.end :].strip(b"\0"):
        return SealVerdict(INVALID, "Contents的填充不全为零")
    verdict = judge_contents(element.raw, data[:length] + data[tail:end], store, now=now)
    if verdict.good and (why := changes.after(end)) is not None:
        return replace(verdict, word=MODIFIED_AFTER_SIGNING, reason=why)
    return verdict


def _hex_string(text: bytes) -> bytes:
    """The octets of <…>; an odd last digit counts as followed by 0 (ISO 32000-1 clause 7.3.4.3)."""
    digits = b"".join(text[1:-1].split())
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
