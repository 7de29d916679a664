"""SES seals and sealed PDF of our own making: what is honest is good, every known trick has its own verdict."""

from __future__ import annotations

import base64
import io
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    RectangleObject,
    StreamObject,
    TextStringObject,
)

from radbridge.signing.domain import der
from radbridge.signing.domain.der_write import sequence
from radbridge.signing.domain.pdf_seal import judge_pdf
from radbridge.signing.domain.report_verdict import SignedReport, judge_report
from radbridge.signing.domain.ses import judge_ses
from radbridge.signing.domain.ses_structure import parse_ses_signature
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.verdict import CheckResult
from radbridge.signing.trial_pki import Doctor, TrialAuthority
from radbridge.signing.trial_seal import TrialSealer

DOCUMENT = "报告全文".encode()


@pytest.fixture(scope="module")
def sealer(authority: TrialAuthority) -> TrialSealer:
    return TrialSealer.create(authority, "某某医院")


@pytest.fixture
def store(authority: TrialAuthority) -> TrustStore:
    return authority.trust_store()


@pytest.fixture(scope="module")
def unsigned_pdf() -> bytes:
    writer = PdfWriter()
    page = writer.add_blank_page(200, 200)
    content = StreamObject()
    content.set_data(b"BT (report) Tj ET")
    page[NameObject("/Contents")] = writer._add_object(content)
    writer.add_blank_page(200, 200)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


@pytest.fixture(scope="module")
def sealed_pdf(sealer: TrialSealer, unsigned_pdf: bytes) -> bytes:
    return sealer.seal_pdf(unsigned_pdf)


def words(pdf: bytes, store: TrustStore, now: datetime) -> list[str]:
    return [seal.word for seal in judge_pdf(pdf, store, now=now).seals]


def updated(pdf: bytes, change: Callable[[PdfWriter], None]) -> bytes:
    """`pdf` with an incremental update after `change`."""
    writer = PdfWriter(PdfReader(io.BytesIO(pdf)), incremental=True)
    change(writer)
    written = io.BytesIO()
    writer.write(written)
    assert written.getvalue().startswith(pdf)
    return written.getvalue()


def rewrite_content(writer: PdfWriter) -> None:
    content = StreamObject()
    content.set_data(b"BT (other findings) Tj ET")
    writer.pages[0][NameObject("/Contents")] = writer._add_object(content)


def add_note(writer: PdfWriter) -> None:
    note = DictionaryObject(
        {NameObject("/Subtype"): NameObject("/Text"), NameObject("/Contents"): TextStringObject("x")}
    )
    page = writer.pages[0]
    page[NameObject("/Annots")].append(writer._add_object(note))
    page[NameObject("/Annots")] = page["/Annots"]


# --- SES


@pytest.mark.parametrize("with_timestamp", [False, True])
def test_an_honest_seal_is_valid(sealer: TrialSealer, store: TrustStore, now: datetime, with_timestamp: bool) -> None:
    verdict = judge_ses(sealer.ses(DOCUMENT, with_timestamp=with_timestamp), DOCUMENT, store, now=now)
    assert verdict.word == "valid"
    assert verdict.signature is not None
    assert verdict.signature.seal.name == "某某医院"
    assert verdict.signature.seal.picture.data.startswith(b"\x89PNG")


def test_another_document_is_told(sealer: TrialSealer, store: TrustStore, now: datetime) -> None:
    assert judge_ses(sealer.ses(DOCUMENT), DOCUMENT + b" ", store, now=now).word == "document_changed"


def test_the_seals_period_is_that_of_the_signing(authority: TrialAuthority, store: TrustStore, now: datetime) -> None:
    day = timedelta(days=1)
    early = TrialSealer.create(authority, "A", valid_from=now + day)
    late = TrialSealer.create(authority, "B", valid_to=now - day)
    assert judge_ses(early.ses(DOCUMENT), DOCUMENT, store, now=now).word == "seal_not_yet_valid"
    assert judge_ses(late.ses(DOCUMENT), DOCUMENT, store, now=now).word == "seal_expired"


def test_a_seal_set_in_the_future_is_not_believed(sealer: TrialSealer, store: TrustStore, now: datetime) -> None:
    verdict = judge_ses(sealer.ses(DOCUMENT), DOCUMENT, store, now=now - timedelta(days=1))
    assert verdict.word == "signature_invalid"
    assert "晚于当前时间" in verdict.reason


def test_a_signer_that_the_seal_does_not_list_is_told(
    authority: TrialAuthority, doctor: Doctor, store: TrustStore, now: datetime
) -> None:
    sealer = TrialSealer.create(authority, "C", listed=doctor)
    assert judge_ses(sealer.ses(DOCUMENT), DOCUMENT, store, now=now).word == "signer_not_in_seal"


def test_a_seal_that_its_maker_did_not_sign_is_told(
    authority: TrialAuthority, sealer: TrialSealer, store: TrustStore, now: datetime
) -> None:
    other = TrialSealer.create(authority, "F")
    info, maker, algorithm, _ = der.parse(sealer.seal).children()
    *_, signature = der.parse(other.seal).children()
    forged = replace(sealer, seal=sequence(info.raw, maker.raw, algorithm.raw, signature.raw))
    assert judge_ses(forged.ses(DOCUMENT), DOCUMENT, store, now=now).word == "seal_invalid"


def test_revocations_reach_seals(now: datetime) -> None:
    authority = TrialAuthority.create(now)
    sealer = TrialSealer.create(authority, "D")
    plain, stamped = sealer.ses(DOCUMENT), sealer.ses(DOCUMENT, with_timestamp=True)
    later = now + timedelta(days=2)
    authority.revoke(sealer.unit, now + timedelta(days=1))
    store = authority.trust_store()
    # Only a timestamp proves that the seal was set before the revocation.
    assert judge_ses(plain, DOCUMENT, store, now=later).word == "cert_revoked"
    assert judge_ses(stamped, DOCUMENT, store, now=later).word == "valid"
    authority.revoke(sealer.maker)
    assert judge_ses(plain, DOCUMENT, authority.trust_store(), now=later).word == "seal_invalid"


def test_every_flipped_bit_of_a_seal_is_noticed(sealer: TrialSealer, store: TrustStore, now: datetime) -> None:
    value = sealer.ses(DOCUMENT)
    for position in range(0, len(value) * 8, 61):
        changed = bytearray(value)
        changed[position // 8] ^= 1 << position % 8
        assert judge_ses(bytes(changed), DOCUMENT, store, now=now).word != "valid", position


# --- PDF


@pytest.mark.proves("SX-090")
def test_an_honest_sealed_pdf_is_good(sealed_pdf: bytes, store: TrustStore, now: datetime) -> None:
    (seal,) = judge_pdf(sealed_pdf, store, now=now).seals
    assert (seal.word, seal.page, seal.form) == ("0", 1, "ses")
    assert seal.picture is not None
    assert seal.maker is not None
    assert seal.signing_time == now


def test_two_seals_are_both_good(sealer: TrialSealer, sealed_pdf: bytes, store: TrustStore, now: datetime) -> None:
    both = sealer.seal_pdf(sealed_pdf, sign=sealer.cms)
    assert words(both, store, now) == ["0", "0"]
    assert [seal.form for seal in judge_pdf(both, store, now=now).seals] == ["ses", "cms"]


def test_an_unsealed_pdf_has_no_seals(unsigned_pdf: bytes, store: TrustStore, now: datetime) -> None:
    assert words(unsigned_pdf, store, now) == []


def test_a_changed_byte_is_told(sealer: TrialSealer, unsigned_pdf: bytes, store: TrustStore, now: datetime) -> None:
    for sign in (sealer.ses, lambda document: sealer.unit.sign_pkcs7(document, attached=False)):
        sealed = sealer.seal_pdf(unsigned_pdf, sign=sign)
        assert words(sealed.replace(b"(report)", b"(rep0rt)"), store, now) == ["document_changed"]


@pytest.mark.parametrize("change", [rewrite_content, add_note, lambda writer: writer.add_blank_page(9, 9)])
def test_an_update_after_sealing_is_told(
    sealed_pdf: bytes, store: TrustStore, now: datetime, change: Callable[[PdfWriter], None]
) -> None:
    assert words(updated(sealed_pdf, change), store, now) == ["modified_after_signing"]


@pytest.mark.parametrize("change", [rewrite_content, add_note, lambda writer: writer.add_blank_page(9, 9)])
def test_a_further_seal_does_not_launder_a_change(
    sealer: TrialSealer, sealed_pdf: bytes, store: TrustStore, now: datetime, change: Callable[[PdfWriter], None]
) -> None:
    laundered = sealer.seal_pdf(updated(sealed_pdf, change))
    assert words(laundered, store, now) == ["modified_after_signing", "0"]


def test_appended_bytes_are_told(sealed_pdf: bytes, store: TrustStore, now: datetime) -> None:
    assert words(sealed_pdf + b"% more\n", store, now) == ["modified_after_signing"]


@pytest.mark.parametrize(("level", "first"), [(1, "modified_after_signing"), (2, "0"), (3, "0")])
def test_a_certification_may_forbid_further_seals(
    sealer: TrialSealer, unsigned_pdf: bytes, store: TrustStore, now: datetime, level: int, first: str
) -> None:
    certified = sealer.seal_pdf(unsigned_pdf, docmdp=level)
    assert words(certified, store, now) == ["0"]
    assert words(sealer.seal_pdf(certified), store, now) == [first, "0"]


def test_a_certification_may_allow_notes(
    sealer: TrialSealer, unsigned_pdf: bytes, store: TrustStore, now: datetime
) -> None:
    certified = sealer.seal_pdf(unsigned_pdf, docmdp=3)
    assert words(sealer.seal_pdf(updated(certified, add_note)), store, now) == ["0", "0"]


def with_tail(pdf: bytes, rows: bytes, objects: bytes = b"") -> bytes:
    """`pdf` with an incremental update written by hand: `objects`, and a table of `rows`."""
    previous = pdf[pdf.rindex(b"startxref") + 9 :].split()[0]
    root = re.findall(rb"/Root (\d+ 0 R)", pdf)[-1]
    size = re.findall(rb"/Size (\d+)", pdf)[-1]
    start = len(pdf) + len(objects)
    trailer = b"trailer\n<</Size %s/Root %s/Prev %s>>\nstartxref\n%d\n%%%%EOF\n" % (size, root, previous, start)
    return pdf + objects + b"xref\n" + rows + trailer


def content_number(pdf: bytes) -> int:
    contents = PdfReader(io.BytesIO(pdf)).pages[0].raw_get("/Contents")
    assert isinstance(contents, IndirectObject)
    return contents.idnum


@pytest.mark.parametrize("generation", [0, 1, 65535])
def test_a_content_that_was_freed_is_told(
    sealer: TrialSealer, sealed_pdf: bytes, store: TrustStore, now: datetime, generation: int
) -> None:
    freed = with_tail(sealed_pdf, b"%d 1\n0000000000 %05d f \n" % (content_number(sealed_pdf), generation))
    assert words(sealer.seal_pdf(freed), store, now) == ["modified_after_signing", "0"]


def test_a_content_that_a_hybrid_file_hides_is_told(
    sealer: TrialSealer, sealed_pdf: bytes, store: TrustStore, now: datetime
) -> None:
    number = content_number(sealed_pdf)
    content = b"%d 0 obj\n<</Length 3>>stream\nBT \nendstream\nendobj\n" % number
    stream_at = len(sealed_pdf) + len(content)
    row = b"\1" + len(sealed_pdf).to_bytes(4, "big") + b"\0"
    stream = b"900 0 obj\n<</Type/XRef/W[1 4 1]/Index[%d 1]/Size 901/Length 6>>stream\n%s\nendstream\nendobj\n"
    hybrid = with_tail(sealed_pdf, b"0 0\n", content + stream % (number, row))
    hybrid = hybrid[:stream_at] + hybrid[stream_at:].replace(b"trailer\n<<", b"trailer\n<</XRefStm %d" % stream_at)
    assert words(hybrid, store, now) == ["modified_after_signing"]


def test_an_object_that_was_signed_unfinished_is_told(
    sealer: TrialSealer, sealed_pdf: bytes, store: TrustStore, now: datetime
) -> None:
    # The signed revision says that its content lies where only the next revision will put it.
    number, end = content_number(sealed_pdf), len(sealed_pdf)
    ahead = with_tail(sealed_pdf, b"%d 1\n%010d 00000 n \n" % (number, end + 40_000))
    verdicts = words(sealer.seal_pdf(ahead), store, now)
    assert "0" not in verdicts


def test_an_object_that_the_signed_revision_refers_to_and_lacks_cannot_be_supplied(
    sealer: TrialSealer, unsigned_pdf: bytes, store: TrustStore, now: datetime
) -> None:
    def lack_content(writer: PdfWriter) -> None:
        writer.pages[1][NameObject("/Contents")] = IndirectObject(900, 0, writer)

    sealed = sealer.seal_pdf(updated(unsigned_pdf, lack_content))
    assert words(sealed, store, now) == ["0"]
    content = b"900 0 obj\n<</Length 3>>stream\nBT \nendstream\nendobj\n"
    supplied = with_tail(sealed, b"900 1\n%010d 00000 n \n" % len(sealed), content)
    assert words(sealer.seal_pdf(supplied), store, now) == ["modified_after_signing", "0"]


def add_annotation(kind: str, *, parent: bool, listed: bool = False) -> Callable[[PdfWriter], None]:
    def change(writer: PdfWriter) -> None:
        form = writer.root_object["/AcroForm"]
        assert isinstance(form, DictionaryObject)
        note = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Annot"),
                NameObject("/Subtype"): NameObject(kind),
                NameObject("/Rect"): RectangleObject((0, 0, 200, 200)),
            }
        )
        field = DictionaryObject({NameObject("/FT"): NameObject("/Sig"), NameObject("/T"): TextStringObject("x")})
        if parent:
            note[NameObject("/Parent")] = writer._add_object(field)
        else:
            note.update(field)
        item = writer._add_object(note)
        page = writer.pages[0]
        page[NameObject("/Annots")] = ArrayObject([*page["/Annots"], item])
        if listed:
            form[NameObject("/Fields")] = ArrayObject([*form["/Fields"], item])
            writer.root_object[NameObject("/AcroForm")] = form

    return change


@pytest.mark.parametrize(
    ("change", "first"),
    [
        (add_annotation("/FreeText", parent=False), "modified_after_signing"),
        (add_annotation("/FreeText", parent=True), "modified_after_signing"),
        (add_annotation("/Stamp", parent=False, listed=True), "modified_after_signing"),
        (add_annotation("/Widget", parent=False), "modified_after_signing"),
        (add_annotation("/Widget", parent=False, listed=True), "0"),
    ],
)
def test_an_annotation_is_a_signature_field_by_its_kind_and_the_form(
    sealer: TrialSealer,
    sealed_pdf: bytes,
    store: TrustStore,
    now: datetime,
    change: Callable[[PdfWriter], None],
    first: str,
) -> None:
    assert words(sealer.seal_pdf(updated(sealed_pdf, change)), store, now) == [first, "0"]


def copy_signature(writer: PdfWriter, *, value: bool) -> None:
    """A second field on the second page: with a copy of the first's value, or with that value itself."""
    form = writer.root_object["/AcroForm"]
    assert isinstance(form, DictionaryObject)
    first = form["/Fields"][0].get_object()
    copied = DictionaryObject(first)
    if value:
        copied[NameObject("/V")] = writer._add_object(DictionaryObject(first["/V"].get_object()))
    item = writer._add_object(copied)
    writer.pages[1][NameObject("/Annots")] = ArrayObject([item])
    form[NameObject("/Fields")] = ArrayObject([*form["/Fields"], item])
    writer.root_object[NameObject("/AcroForm")] = form


@pytest.mark.parametrize("value", [True, False])
def test_a_copy_of_a_seal_is_no_seal(
    sealer: TrialSealer, sealed_pdf: bytes, store: TrustStore, now: datetime, value: bool
) -> None:
    copied = updated(sealed_pdf, lambda writer: copy_signature(writer, value=value))
    assert words(sealer.seal_pdf(copied), store, now) == ["0", "invalid", "0"]


def test_a_later_certification_excuses_no_earlier_change(
    sealer: TrialSealer, sealed_pdf: bytes, store: TrustStore, now: datetime
) -> None:
    noted = updated(sealed_pdf, add_note)
    assert words(sealer.seal_pdf(noted, docmdp=3), store, now) == ["modified_after_signing", "0"]


def test_a_seal_taken_out_of_the_form_is_told(sealed_pdf: bytes, store: TrustStore, now: datetime) -> None:
    def strip(writer: PdfWriter) -> None:
        del writer.root_object["/AcroForm"]
        writer.root_object[NameObject("/AcroForm")] = DictionaryObject()

    assert words(updated(sealed_pdf, strip), store, now) == ["modified_after_signing"]


@pytest.fixture(scope="module")
def form_pdf(unsigned_pdf: bytes) -> bytes:
    """A document whose form has one text field, on its first page."""
    writer = PdfWriter(PdfReader(io.BytesIO(unsigned_pdf)), incremental=True)
    field = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/Widget"),
            NameObject("/FT"): NameObject("/Tx"),
            NameObject("/T"): TextStringObject("text"),
            NameObject("/Rect"): RectangleObject((0, 0, 50, 10)),
        }
    )
    item = writer._add_object(field)
    writer.pages[0][NameObject("/Annots")] = ArrayObject([item])
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject({NameObject("/Fields"): ArrayObject([item])})
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def fill_in(key: str) -> Callable[[PdfWriter], None]:
    def change(writer: PdfWriter) -> None:
        form = writer.root_object["/AcroForm"]
        assert isinstance(form, DictionaryObject)
        field = form["/Fields"][0].get_object()
        field[NameObject(key)] = TextStringObject("filled in")

    return change


@pytest.mark.parametrize(
    ("level", "key", "first"),
    [
        (1, "/V", "modified_after_signing"),
        (2, "/V", "0"),
        (3, "/V", "0"),
        (2, "/T", "modified_after_signing"),
        (None, "/V", "modified_after_signing"),
    ],
)
def test_a_certification_may_allow_forms_to_be_filled_in(
    sealer: TrialSealer, form_pdf: bytes, store: TrustStore, now: datetime, level: int | None, key: str, first: str
) -> None:
    certified = sealer.seal_pdf(form_pdf, docmdp=level)
    assert words(sealer.seal_pdf(updated(certified, fill_in(key))), store, now) == [first, "0"]


def test_every_certification_allows_a_document_timestamp(
    authority: TrialAuthority, sealer: TrialSealer, unsigned_pdf: bytes, store: TrustStore, now: datetime
) -> None:
    def stamp(document: bytes) -> bytes:
        return authority.timestamp(document, now)

    certified = sealer.seal_pdf(unsigned_pdf, docmdp=1)
    assert words(sealer.seal_pdf(certified, sign=stamp), store, now) == ["0", "0"]
    rewritten = updated(certified, rewrite_content)
    assert words(sealer.seal_pdf(rewritten, sign=stamp), store, now) == ["modified_after_signing", "0"]


def test_a_cross_reference_that_claims_too_much_is_not_read(
    sealed_pdf: bytes, store: TrustStore, now: datetime
) -> None:
    claim = zlib.compress(bytes(2_000_000))
    start = len(sealed_pdf)
    previous = sealed_pdf[sealed_pdf.rindex(b"startxref") + 9 :].split()[0]
    header = b"900 0 obj\n<</Type/XRef/W[1 0 0]/Index[0 2000000]/Size 2000000/Filter/FlateDecode/Root 1 0 R"
    stream = header + b"/Prev %s/Length %d>>stream\n%s\nendstream\nendobj\n" % (previous, len(claim), claim)
    bomb = sealed_pdf + stream + b"startxref\n%d\n%%%%EOF\n" % start
    (seal,) = judge_pdf(bomb, store, now=now).seals
    assert seal.word == "invalid"
    assert "too many objects" in seal.reason


def byte_range(pdf: bytes) -> bytes:
    start = pdf.rindex(b"/ByteRange [")
    return pdf[start : pdf.index(b"]", start) + 1]


@pytest.mark.parametrize(
    "text",
    [
        b"/ByteXange [ 0 1 2 3 ]",
        b"/ByteRange [ 0 0 0 0 ]",
        b"/ByteRange [ 0 9 9 ]",
        b"/ByteRange [ 0 9999999999 9999999999 9999999999 ]",
        b"/ByteRange [ 1 {1} {2} {3} ]",
        b"/ByteRange [ 0 {1} {2} 9 ]",
        b"/ByteRange [ 0 10 {2} {3} ]",
        b"/ByteRange [ 0 -5 {2} {3} ]",
        b"/ByteRange (0 1 2 3)",
    ],
)
def test_a_dishonest_byte_range_is_invalid(sealed_pdf: bytes, store: TrustStore, now: datetime, text: bytes) -> None:
    honest = byte_range(sealed_pdf)
    numbers = honest.split(b"[")[1].split()
    for index in (1, 2, 3):
        text = text.replace(b"{%d}" % index, numbers[index])
    assert words(sealed_pdf.replace(honest, text.ljust(len(honest))), store, now) == ["invalid"]


def test_a_field_cannot_borrow_anothers_seal(
    sealer: TrialSealer, sealed_pdf: bytes, store: TrustStore, now: datetime
) -> None:
    both = sealer.seal_pdf(sealed_pdf)
    first, second = byte_range(sealed_pdf), byte_range(both)
    borrowed = both[: len(sealed_pdf)] + both[len(sealed_pdf) :].replace(second, first.ljust(len(second)))
    assert words(borrowed, store, now) == ["modified_after_signing", "invalid"]


def test_padding_is_zeros(sealed_pdf: bytes, store: TrustStore, now: datetime) -> None:
    assert words(sealed_pdf.replace(b"0000>", b"0001>"), store, now) == ["invalid"]


def test_a_seal_by_a_foreign_authority_is_invalid(unsigned_pdf: bytes, store: TrustStore, now: datetime) -> None:
    foreign = TrialSealer.create(TrialAuthority.create(now), "E").seal_pdf(unsigned_pdf)
    assert words(foreign, store, now) == ["invalid"]


def test_a_file_that_cannot_be_read_has_an_invalid_seal_only_if_it_speaks_of_one(
    sealed_pdf: bytes, store: TrustStore, now: datetime
) -> None:
    assert words(b"not a PDF", store, now) == []
    assert words(b"/ByteRange [0 1 2 3]", store, now) == ["invalid"]
    assert words(sealed_pdf[:-2000], store, now) in ([], ["invalid"])


@pytest.mark.proves("SX-027")
def test_a_reports_pdf_counts_in_its_verdict(
    authority: TrialAuthority, doctor: Doctor, store: TrustStore, now: datetime, unsigned_pdf: bytes, sealed_pdf: bytes
) -> None:
    def pdf_check(pdf: bytes | None) -> CheckResult:
        token = base64.b64encode(authority.timestamp(DOCUMENT, now)).decode()
        signature = base64.b64encode(doctor.sign_pkcs1(DOCUMENT)).decode()
        certificate = base64.b64encode(doctor.cert_der).decode()
        report = SignedReport(DOCUMENT.decode(), certificate, "1", signature, token, pdf)
        verdict = judge_report(report, store, now=now)
        (check,) = (check for check in verdict.checks if check.name == "pdf_seal")
        assert verdict.accepted is (check.result is not CheckResult.FAILED)
        return check.result

    assert pdf_check(None) is CheckResult.SKIPPED
    assert pdf_check(unsigned_pdf) is CheckResult.FINDING
    assert pdf_check(sealed_pdf) is CheckResult.PASSED
    assert pdf_check(sealed_pdf.replace(b"(report)", b"(rep0rt)")) is CheckResult.FAILED


def test_structures_show_no_names_in_logs(sealer: TrialSealer) -> None:
    assert "某某" not in repr(parse_ses_signature(sealer.ses(DOCUMENT)))
    assert "某某" not in repr(sealer.unit.certificate)
