"""Sealed OFD files of our own making: what is honest is valid, every known trick has its own verdict."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from datetime import datetime

import pytest

from radbridge.signing.domain.ofd_seal import OfdVerdict, judge_ofd
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.verdict import CheckResult
from radbridge.signing.judging import ofd_check
from radbridge.signing.trial_pki import Doctor, TrialAuthority
from radbridge.signing.trial_seal import TrialSealer


@pytest.fixture(scope="module")
def sealer(authority: TrialAuthority) -> TrialSealer:
    return TrialSealer.create(authority, "某某医院")


@pytest.fixture
def store(authority: TrialAuthority) -> TrustStore:
    return authority.trust_store()


NAMESPACE = 'xmlns:ofd="http://www.ofdspec.org/2016"'


def document_files(*numbers: int) -> dict[str, bytes]:
    """An OFD with a document of two pages for each number, each with a list of signatures to come."""
    bodies = "".join(
        f"<ofd:DocBody><ofd:DocRoot>Doc_{n}/Document.xml</ofd:DocRoot>"
        f"<ofd:Signatures>/Doc_{n}/Signs/Signatures.xml</ofd:Signatures></ofd:DocBody>"
        for n in numbers
    )
    files = {"OFD.xml": f"<ofd:OFD {NAMESPACE}>{bodies}</ofd:OFD>".encode()}
    for n in numbers:
        files[f"Doc_{n}/Document.xml"] = (
            f'<ofd:Document {NAMESPACE}><ofd:Pages><ofd:Page ID="11" BaseLoc="Pages/Page_0/Content.xml"/>'
            '<ofd:Page ID="12" BaseLoc="Pages/Page_1/Content.xml"/></ofd:Pages></ofd:Document>'
        ).encode()
        files[f"Doc_{n}/Pages/Page_0/Content.xml"] = b"<page/>"
        files[f"Doc_{n}/Pages/Page_1/Content.xml"] = b"<page/>"
    return files


def sealed(
    files: dict[str, bytes],
    sealer: TrialSealer,
    number: int = 0,
    *,
    sign: Callable[[bytes], bytes] | None = None,
    seal: bytes | None = None,
    method: str = "1.2.156.10197.1.401",
    folder: str = "Signs/Sign_0",
) -> dict[str, bytes]:
    """`files` with one signature over the document `number` and OFD.xml, by the sealer or by what `sign` makes."""
    references = "".join(
        f'<ofd:Reference FileRef="/{name}"><ofd:CheckValue>{base64.b64encode(sm3(content)).decode()}'
        "</ofd:CheckValue></ofd:Reference>"
        for name, content in files.items()
        if name == "OFD.xml" or name.startswith((f"Doc_{number}/Document", f"Doc_{number}/Pages"))
    )
    description = (
        f'<ofd:Signature {NAMESPACE}><ofd:SignedInfo><ofd:References CheckMethod="{method}">{references}'
        '</ofd:References><ofd:StampAnnot ID="1" PageRef="12" Boundary="10 10 40 40"/>'
        "<ofd:Seal><ofd:BaseLoc>Seal.esl</ofd:BaseLoc></ofd:Seal></ofd:SignedInfo>"
        "<ofd:SignedValue>SignedValue.dat</ofd:SignedValue></ofd:Signature>"
    ).encode()
    listed = f'<ofd:Signatures {NAMESPACE}><ofd:Signature ID="1" BaseLoc="/Doc_{number}/{folder}/Signature.xml"/>'
    return files | {
        f"Doc_{number}/Signs/Signatures.xml": f"{listed}</ofd:Signatures>".encode(),
        f"Doc_{number}/{folder}/Seal.esl": sealer.seal if seal is None else seal,
        f"Doc_{number}/{folder}/Signature.xml": description,
        f"Doc_{number}/{folder}/SignedValue.dat": (sign or sealer.ses)(description),
    }


def ofd_files(sealer: TrialSealer) -> dict[str, bytes]:
    return sealed(document_files(0), sealer)


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return buffer.getvalue()


BOMB = b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, "valid"),
        ({"Doc_0/Pages/Page_0/Content.xml": b"<page>x</page>"}, "document_changed"),
        ({"Doc_0/Pages/Page_2/Content.xml": b"<page/>"}, "document_changed"),
        ({"Doc_0/Document.xml": b"no XML"}, "document_changed"),
        ({"Doc_0/Signs/Sign_0/Further.xml": b"<page/>"}, "document_changed"),
        ({"SignedValue.dat": b"x"}, "document_changed"),
        ({"Doc_0/Signs/Sign_0/Signature.xml": b" "}, "invalid"),
        ({"Doc_0/Signs/Sign_0/Seal.esl": b"x"}, "seal_mismatch"),
        ({"Doc_0/Signs/Sign_0/SignedValue.dat": b"x"}, "invalid"),
        ({"Doc_0/Signs/Signatures.xml": BOMB}, "invalid"),
        ({"Doc_0/Signs/Signatures.xml": b"<Signatures/>"}, "invalid"),
        ({"OFD.xml": b"<OFD/>"}, "invalid"),
        ({"OFD.xml": b"<Signatures>../../etc/passwd</Signatures>"}, "invalid"),
    ],
)
def test_sealed_ofd(sealer: TrialSealer, store: TrustStore, now: datetime, change: dict[str, bytes], word: str) -> None:
    assert judge_ofd(packed({**ofd_files(sealer), **change}), store, now=now).word == word


def test_a_changed_description_changes_the_document(sealer: TrialSealer, store: TrustStore, now: datetime) -> None:
    files = ofd_files(sealer)
    files["Doc_0/Signs/Sign_0/Signature.xml"] += b" "
    assert judge_ofd(packed(files), store, now=now).word == "document_changed"


def test_what_is_no_package_is_invalid(sealer: TrialSealer, store: TrustStore, now: datetime) -> None:
    good = packed(ofd_files(sealer))
    for data in (b"", b"PK", good[:-30], good[:100] + good[200:]):
        assert judge_ofd(data, store, now=now).word == "invalid"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_package_that_lies_about_its_compression_is_invalid(store: TrustStore, now: datetime, method: int) -> None:
    for declared in (0, 8, 12, 14, 99):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as package:
            package.writestr("OFD.xml", b"<OFD/>")
        lying = buffer.getvalue().replace(method.to_bytes(2, "little") + b"\0", declared.to_bytes(2, "little") + b"\0")
        assert judge_ofd(lying, store, now=now).word == "invalid"


def test_a_package_with_a_nameless_file_is_judged(sealer: TrialSealer, store: TrustStore, now: datetime) -> None:
    package = bytearray(packed({**ofd_files(sealer), "q": b""}))
    entry = package.rindex(b"PK\x01\x02")
    # The central directory's name length goes from 1 to 0, and the name becomes a comment.
    package[entry + 28] = 0
    package[entry + 32] = 1
    assert judge_ofd(bytes(package), store, now=now).word == "document_changed"


def judged(files: dict[str, bytes], store: TrustStore, now: datetime) -> OfdVerdict:
    return judge_ofd(packed(files), store, now=now)


def test_a_seal_file_is_the_seal_of_the_signed_value(
    sealer: TrialSealer, doctor: Doctor, store: TrustStore, now: datetime
) -> None:
    """Else whoever has a certificate of a registered CA could sign under the seal of a hospital."""

    def by_doctor(description: bytes) -> bytes:
        return doctor.sign_pkcs7(description, attached=False)

    for seal in (sealer.seal, b"garbage"):
        verdict = judged(sealed(document_files(0), sealer, sign=by_doctor, seal=seal), store, now)
        assert (verdict.word, [one.word for one in verdict.seals]) == ("seal_mismatch", ["seal_mismatch"])
    without = sealed(document_files(0), sealer, sign=by_doctor)
    description = without["Doc_0/Signs/Sign_0/Signature.xml"].replace(b"ofd:Seal>", b"ofd:Else>")
    del without["Doc_0/Signs/Sign_0/Seal.esl"]
    plain = without | {
        "Doc_0/Signs/Sign_0/Signature.xml": description,
        "Doc_0/Signs/Sign_0/SignedValue.dat": by_doctor(description),
    }
    assert judged(plain, store, now).word == "valid"


def test_the_place_of_a_signature_hides_no_files(sealer: TrialSealer, store: TrustStore, now: datetime) -> None:
    moved = sealed(document_files(0), sealer, folder="Sign")
    assert judged(moved, store, now).word == "valid"
    for name in ("Doc_0/Sign/Page.xml", "Doc_0/Annots/Annotations.xml", "Doc_0/Signs/Page.xml"):
        assert judged(moved | {name: b"<evil/>"}, store, now).word == "document_changed"
    document = sealed(document_files(0), sealer, folder=".")
    names = {name.replace("/./", "/"): content for name, content in document.items()}
    assert judged(names, store, now).word == "valid"
    assert judged(names | {"Doc_0/Pages/Page_2/Content.xml": b"<evil/>"}, store, now).word == "document_changed"


@pytest.mark.parametrize(
    "name",
    [
        "Doc_0/Signs/Sign_0/../../Document.xml",
        "Doc_0/./Document.xml",
        "Doc_0//Document.xml",
        "../Document.xml",
        "/../Document.xml",
        "Doc_0\\Document.xml",
        "/Doc_0/Document.xml",
    ],
)
def test_a_name_that_a_reader_may_take_for_another_files_is_refused(
    sealer: TrialSealer, store: TrustStore, now: datetime, name: str
) -> None:
    assert judged(ofd_files(sealer) | {name: b"<evil/>"}, store, now).word == "invalid"


def test_a_relative_place_is_not_one_at_the_root(sealer: TrialSealer, store: TrustStore, now: datetime) -> None:
    files = ofd_files(sealer)
    good = files["Doc_0/Signs/Sign_0/SignedValue.dat"]
    parked = files | {"SignedValue.dat": good, "Doc_0/Signs/Sign_0/SignedValue.dat": b"x"}
    assert judged(parked, store, now).word == "invalid"
    del files["Doc_0/Signs/Sign_0/SignedValue.dat"]
    assert judged(files | {"SignedValue.dat": good}, store, now).word == "valid"


@pytest.mark.proves("SX-033", "SX-092")
@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, "0"),
        ({"Doc_0/Pages/Page_0/Content.xml": b"<page>x</page>"}, "document_changed"),
        ({"Doc_0/Signs/Sign_0/Seal.esl": b"x"}, "seal_mismatch"),
    ],
)
def test_a_seal_is_told_whatever_its_verdict(
    sealer: TrialSealer, store: TrustStore, now: datetime, change: dict[str, bytes], word: str
) -> None:
    (seal,) = judged(ofd_files(sealer) | change, store, now).seals
    assert (seal.word, seal.page, seal.signing_time, seal.certificate) == (word, 2, now, sealer.unit.certificate)
    assert seal.picture is not None
    assert seal.signed_value
    assert seal.algorithm


def test_a_check_method_that_is_not_supported_spoils_its_own_signature(
    sealer: TrialSealer, store: TrustStore, now: datetime
) -> None:
    verdict = judged(sealed(document_files(0), sealer, method="MD5"), store, now)
    assert (verdict.word, verdict.reason) == ("invalid", "文件校验算法（CheckMethod）不受支持")
    assert [one.page for one in verdict.seals] == [2]


def test_every_document_of_a_package_has_its_own_signatures(
    sealer: TrialSealer, store: TrustStore, now: datetime
) -> None:
    both = sealed(sealed(document_files(0, 1), sealer, 0), sealer, 1)
    verdict = judged(both, store, now)
    assert (verdict.word, [one.word for one in verdict.seals]) == ("valid", ["0", "0"])
    changed = judged(both | {"Doc_1/Pages/Page_0/Content.xml": b"<page>x</page>"}, store, now)
    assert (changed.word, [one.word for one in changed.seals]) == ("document_changed", ["0", "document_changed"])
    unsealed = sealed(document_files(0, 1), sealer, 0) | {"Doc_1/Signs/Signatures.xml": b"<Signatures/>"}
    assert judged(unsealed, store, now).word == "document_changed"


def test_two_documents_with_one_list_of_signatures_are_invalid(
    sealer: TrialSealer, store: TrustStore, now: datetime
) -> None:
    files = document_files(0, 1)
    files["OFD.xml"] = files["OFD.xml"].replace(b"/Doc_1/Signs/", b"/Doc_0/Signs/")
    assert judged(sealed(files, sealer), store, now).word == "invalid"


def test_the_work_of_all_xml_files_together_is_limited(sealer: TrialSealer, store: TrustStore, now: datetime) -> None:
    """A few kilobytes of ZIP could otherwise keep a core busy for a minute."""
    files = ofd_files(sealer)
    listed = b'<ofd:Signature BaseLoc="/Doc_0/Signs/Sign_0/Signature.xml"/>'
    signatures = files["Doc_0/Signs/Signatures.xml"].replace(b"</ofd:Signatures>", listed * 30 + b"</ofd:Signatures>")
    assert judged(files | {"Doc_0/Signs/Signatures.xml": signatures}, store, now).word == "valid"
    description = files["Doc_0/Signs/Sign_0/Signature.xml"].replace(
        b"<ofd:StampAnnot", b"<a/>" * 9000 + b"<ofd:StampAnnot"
    )
    many = files | {"Doc_0/Signs/Signatures.xml": signatures, "Doc_0/Signs/Sign_0/Signature.xml": description}
    verdict = judged(many, store, now)
    assert (verdict.word, verdict.reason) == ("invalid", "OFD文件结构错误：the XML files are too large")


def test_a_sealed_package_that_cannot_be_read_has_an_invalid_seal(
    sealer: TrialSealer, store: TrustStore, now: datetime
) -> None:
    """Without one a report's broken seal would be no more than a missing one."""
    for change in ({"../x": b""}, {"OFD.xml": b"no XML"}, {"Doc_0/Signs/Signatures.xml": BOMB}):
        verdict = judged(ofd_files(sealer) | change, store, now)
        assert [one.word for one in verdict.seals] == ["invalid"]
        assert ofd_check(packed(ofd_files(sealer) | change), store, now).result is CheckResult.FAILED
    unsealed = {"OFD.xml": b"no XML", "Doc_0/Document.xml": b"<a/>"}
    assert not judged(unsealed, store, now).seals
