"""Judging the seals of an OFD document (GB/T 33190 clause 18, GB/T 38540): every signature, every protected file.

A signature protects the files that its Signature.xml lists with their digests; the seal signs Signature.xml, and the
seal file that it names must be the seal inside the signed value. Files that no signature lists must be those that the
signatures themselves consist of, wherever they lie, else content could be added unseen (SX-033).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from radbridge.signing.domain import oids
from radbridge.signing.domain.cms import digest
from radbridge.signing.domain.document_signature import DOCUMENT_CHANGED, SealVerdict, judge_contents
from radbridge.signing.domain.errors import SealFormError
from radbridge.signing.domain.ofd_package import OfdPackage, OfdSignature
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.unforeseen import UNREADABLE, or_malformed

VALID, SEAL_MISMATCH, INVALID = "valid", "seal_mismatch", "invalid"
_NAMES_OF_SIGNING = b"/Sign"
"""What the names of signing files have in common (Signs/, Signatures.xml); names lie uncompressed in a package."""
_CHECK_METHODS = {"sm3": oids.SM3, "sha256": oids.SHA256, "sha-256": oids.SHA256}


@dataclass(frozen=True)
class OfdVerdict:
    """`word` is valid, document_changed, seal_mismatch or invalid; `seals` are in the document's order."""

    word: str
    reason: str
    seals: tuple[SealVerdict, ...] = ()


@or_malformed(lambda: _with_invalid_seal(f"OFD文件{UNREADABLE}"))
def judge_ofd(data: bytes, store: TrustStore, *, now: datetime) -> OfdVerdict:
    """The verdict on all seals of the OFD file `data`; one that is not valid decides. Never raises for input.

    A package that cannot be read but speaks of signatures has one invalid seal.
    """
    try:
        package = OfdPackage(data)
        documents = package.signed_documents()
        signatures = package.signatures(documents)
        if not signatures:
            return OfdVerdict(INVALID, "OFD文件没有签章")
        judged = [_judge_signature(package, one, store, now) for one in signatures]
        seals = tuple(seal for _, seal in judged)
        word, reason = next(((word, seal.reason) for word, seal in judged if word != VALID), (VALID, "签章有效"))
        lists = {document.signature_list for document in documents}
        if word == VALID and (unprotected := _unprotected(package, signatures) - lists):
            return OfdVerdict(
                DOCUMENT_CHANGED, f"有{len(unprotected)}个文件不受任何签章保护，可能是签章后添加的", seals
            )
    except SealFormError as fault:
        reason = f"OFD文件结构错误：{fault}"
        return _with_invalid_seal(reason) if _NAMES_OF_SIGNING in data else OfdVerdict(INVALID, reason)
    return OfdVerdict(word, reason, seals)


def _with_invalid_seal(reason: str) -> OfdVerdict:
    return OfdVerdict(INVALID, reason, (SealVerdict(INVALID, reason),))


def _judge_signature(
    package: OfdPackage, signature: OfdSignature, store: TrustStore, now: datetime
) -> tuple[str, SealVerdict]:
    contents = judge_contents(signature.signed_value, signature.description, store, now=now)
    seal = replace(contents, page=signature.page)
    if signature.seal is not None and seal.seal != signature.seal and (seal.seal or seal.good):
        reason = "印章文件与签章值中的印章不一致" if seal.seal else "签章值中没有印章，与印章文件不一致"
        return SEAL_MISMATCH, replace(seal, word=SEAL_MISMATCH, reason=reason)
    method = _CHECK_METHODS.get(signature.check_method.strip().casefold(), signature.check_method.strip())
    if digest(method, b"") is None or not signature.references:
        reason = "签章没有保护任何文件" if not signature.references else "文件校验算法（CheckMethod）不受支持"
        return INVALID, replace(seal, word=INVALID, reason=reason)
    described = seal.word != DOCUMENT_CHANGED
    changed = _changed_file(package, signature, method) if described else "Signature.xml与签章值不符"
    if changed is not None:
        return DOCUMENT_CHANGED, replace(seal, word=DOCUMENT_CHANGED, reason=changed)
    return (VALID if seal.good else INVALID), seal


def _changed_file(package: OfdPackage, signature: OfdSignature, method: str) -> str | None:
    """Why a protected file is not as it was, None where all are."""
    for name, value in signature.references:
        if name not in package.names:
            return "受保护的文件缺失"
        if package.digest(name, method) != value:
            return "受保护的文件被改动"
    return None


def _unprotected(package: OfdPackage, signatures: list[OfdSignature]) -> frozenset[str]:
    """Files that are neither protected nor part of the signatures."""
    accounted = {name for one in signatures for name, _ in one.references}
    return package.names - accounted.union(*(one.files for one in signatures))
