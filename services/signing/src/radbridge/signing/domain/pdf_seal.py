"""Judging every seal of a PDF: an honest byte range, the seal itself by its bytes, and what came after it.

/Contents is told apart by its bytes: an SES_Signature, a SignedData or a timestamp token, whatever /SubFilter says.
Each seal covers its own revision; a later revision must itself end in a signature and change nothing but what signing
needs (SX-026, SX-027, SX-090, SX-091).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from radbridge.signing.domain import der
from radbridge.signing.domain.document_signature import (
    INVALID,
    MODIFIED_AFTER_SIGNING,
    SealVerdict,
    is_document_timestamp,
    judge_contents,
)
from radbridge.signing.domain.errors import DerError, SealFormError
from radbridge.signing.domain.pdf_changes import modification
from radbridge.signing.domain.pdf_document import PdfFile, reading
from radbridge.signing.domain.pdf_fields import SignatureField, signature_fields
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.unforeseen import UNREADABLE, or_malformed

MAX_SEALS = 32
_HEX_STRING = re.compile(rb"<[0-9A-Fa-f\s]*>\Z")
_CONTENTS_KEY = re.compile(rb"/Contents\s*\Z")
_BYTE_RANGE = re.compile(rb"/ByteRange\s{0,16}\[\s{0,16}(\d{1,10})" + rb"\s{1,16}(\d{1,10})" * 3 + rb"\s{0,64}\]")
_END_OF_FILE = re.compile(rb"%%EOF[\r\n]{0,2}\Z")


@dataclass(frozen=True)
class PdfVerdict:
    """`seals` in the order of the form's fields; `reason` speaks of the document where it has none."""

    seals: tuple[SealVerdict, ...]
    reason: str


@or_malformed(lambda: PdfVerdict((SealVerdict(INVALID, f"PDF文件{UNREADABLE}"),), ""))
def judge_pdf(data: bytes, store: TrustStore, *, now: datetime) -> PdfVerdict:
    """All seals of the PDF `data`. None of a file that cannot be read is good."""
    try:
        with reading():
            file = PdfFile(data)
            fields = signature_fields(file.revision(len(data)))
    except SealFormError as fault:
        if b"/ByteRange" not in data:
            return PdfVerdict((), "PDF文件不能解析，没有可验证的签章")
        unread = SealVerdict(INVALID, f"PDF文件不能解析，无法验证其中的签章：{fault}")
        return PdfVerdict(_judge_lost(data, store, now, unread) or (unread,), "")
    if not fields:
        removed = SealVerdict(MODIFIED_AFTER_SIGNING, "签章之后的修订从表单中删除了签章")
        return PdfVerdict(_judge_lost(data, store, now, removed), "PDF文件没有签章")
    if len(fields) > MAX_SEALS:
        return PdfVerdict((SealVerdict(INVALID, f"PDF的签章超过{MAX_SEALS}个"),), "")
    changes = _Changes(file, fields)
    return PdfVerdict(
        tuple(
            replace(_judge(data, field, fields[:index], changes, store, now), index=index, page=field.page)
            for index, field in enumerate(fields)
        ),
        "已验证签章",
    )


def _judge_lost(data: bytes, store: TrustStore, now: datetime, fate: SealVerdict) -> tuple[SealVerdict, ...]:
    """The seals that the bytes of a file hold whose form shows none: those good in themselves have met with `fate`."""
    verdicts: list[SealVerdict] = []
    for text in islice(_BYTE_RANGE.finditer(data), MAX_SEALS):
        field = SignatureField(0, tuple(map(int, text.groups())), None, None, (0, len(data)), 0)
        end = _range_end(data, field)
        if end is not None:
            verdict = _judge_value(data, field, end, store, now)
            verdict = replace(verdict, word=fate.word, reason=fate.reason) if verdict.good else verdict
            verdicts.append(replace(verdict, index=len(verdicts)))
    return tuple(verdicts)


class _Changes:
    """What happened to the document after each signed revision, each pair of revisions compared once."""

    def __init__(self, file: PdfFile, fields: list[SignatureField]) -> None:
        self._file = file
        self._fields = [(end, field) for field in fields if (end := _range_end(file.data, field)) is not None]
        self._ends = sorted({end for end, _ in self._fields})
        self._steps: dict[tuple[int, int], str | None] = {}

    def after(self, end: int) -> str | None:
        """Why the document was modified after the revision that ends at `end`; None where it was not."""
        if self._ends[-1] != len(self._file.data):
            return "签章之后文件被追加了未签章的内容"
        later = [other for other in self._ends if other > end]
        return next((why for step in zip([end, *later], later, strict=False) if (why := self._step(step))), None)

    def _step(self, step: tuple[int, int]) -> str | None:
        if step not in self._steps:
            self._steps[step] = self._compare(*step)
        return self._steps[step]

    def _compare(self, signed: int, later: int) -> str | None:
        # What a later signature permits cannot excuse a change that came before it.
        levels = [field.docmdp for end, field in self._fields if end <= signed and field.docmdp is not None]
        signatures = [field.contents or b"" for end, field in self._fields if end == later]
        try:
            with reading():
                return modification(
                    self._file.revision(signed),
                    self._file.revision(later),
                    min(levels, default=None),
                    timestamp=all(map(is_document_timestamp, signatures)),
                )
        except SealFormError:
            return "签章之后的修订不能解析"


def _range_end(data: bytes, field: SignatureField) -> int | None:
    """Where the revision ends that the field's honest byte range covers: all but its own value."""
    if field.byte_range is None or len(field.byte_range) != 4:
        return None
    start, length, tail, tail_length = field.byte_range
    end = tail + tail_length
    honest = (
        start == 0
        and 0 < length < tail < end <= len(data)
        and field.span[0] < length
        and tail <= field.span[1]
        and _CONTENTS_KEY.search(data[max(0, length - 64) : length]) is not None
        and _HEX_STRING.match(data[length:tail]) is not None
        and _END_OF_FILE.search(data[max(0, end - 16) : end]) is not None
    )
    return end if honest else None


def _judge(
    data: bytes,
    field: SignatureField,
    earlier: list[SignatureField],
    changes: _Changes,
    store: TrustStore,
    now: datetime,
) -> SealVerdict:
    end = _range_end(data, field)
    if end is None or field.byte_range is None:
        return SealVerdict(INVALID, "ByteRange缺失，或没有恰好覆盖该签章值以外的整个修订")
    if field.written >= end and any(other.span == field.span for other in earlier):
        return SealVerdict(INVALID, "该签名域引用了另一签名域的签章")
    verdict = _judge_value(data, field, end, store, now)
    if verdict.good and (why := changes.after(end)) is not None:
        return replace(verdict, word=MODIFIED_AFTER_SIGNING, reason=why)
    return verdict


def _judge_value(data: bytes, field: SignatureField, end: int, store: TrustStore, now: datetime) -> SealVerdict:
    """The seal between the two parts of an honest byte range, over them."""
    _, length, tail, _ = field.byte_range or (0, 0, 0, 0)
    contents = _hex_string(data[length:tail])
    if not contents or field.contents not in (None, contents):
        return SealVerdict(INVALID, "ByteRange之间不是该签章的Contents")
    try:
        element = der.read(contents, 0, len(contents), ber=True)
    except DerError:
        return SealVerdict(INVALID, "Contents不是签章数据")
    if contents[element.end :].strip(b"\0"):
        return SealVerdict(INVALID, "Contents的填充不全为零")
    return judge_contents(element.raw, data[:length] + data[tail:end], store, now=now)


def _hex_string(text: bytes) -> bytes:
    """The octets of <…>; an odd last digit counts as followed by 0 (ISO 32000-1 clause 7.3.4.3)."""
    digits = b"".join(text[1:-1].split())
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
