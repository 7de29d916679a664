"""Runs verification cases offline: a JSON object a line in, an answer a case out, so that others can check the engine.

Each case names its `kind`, its files (paths relative to the case file), and `at`, the moment of judgement. Where it
names none of its own, the trust material is that of `DEFAULTS`; `ocsp` may name OCSP responses. An answer has `id`, the
kind's answer fields, `reason`:

- cert: expected · crl: expected, revokes_doctor_revoked where the case asks · pkcs1, pkcs7: signature_ok, cert_status,
  result_verifyCert_false, result_verifyCert_true · timestamp: verifyRes · ses: expected · pdf: totalCount, verdicts ·
  ofd: expected.

The words are the format's own: a certificate or list too damaged to be read answers bad_signature. `cert_status` speaks
of certificates alone: where a structure is too damaged to hold any, no fault of a certificate is found and it stays
"good", while signature_ok and both results are false.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from radbridge.signing.domain.certificate import Certificate, load_certificates
from radbridge.signing.domain.chain import STATUS_REASONS, CertStatus, Usage, judge_certificate
from radbridge.signing.domain.cms import parse_signed_data
from radbridge.signing.domain.crl import CrlStatus, judge_crl
from radbridge.signing.domain.errors import DerError, KeyFormError, SigningInputError
from radbridge.signing.domain.ocsp_desk import OcspDesk
from radbridge.signing.domain.ocsp_response import parse_ocsp_response
from radbridge.signing.domain.ofd_seal import judge_ofd
from radbridge.signing.domain.pdf_seal import judge_pdf
from radbridge.signing.domain.pkcs1 import judge_pkcs1, scheme_named
from radbridge.signing.domain.pkcs7 import judge_pkcs7
from radbridge.signing.domain.public_key import PublicKey, load_public_key
from radbridge.signing.domain.ses import judge_ses
from radbridge.signing.domain.timestamp import judge_timestamp
from radbridge.signing.domain.trust_store import TrustStore

Case = Mapping[str, object]
Answer = dict[str, object]

DEFAULTS = {
    "trust": "certs/root.cer certs/rsa_root.cer",
    "intermediates": "certs/subca.cer certs/subca_expired.cer certs/subca_revoked.cer "
    "certs/subca_below_pathlen0.cer certs/doctor.cer",
    "crls": "crl/subca.crl crl/root.crl",
    "known_tsa": "certs/tsa.cer certs/tsa_rsa.cer",
    "ocsp": "",
}


class CaseError(SigningInputError):
    """A case names a kind, file or moment that cannot be used."""


def run_cases(path: Path) -> Iterator[Answer]:
    """The answers of all cases of a JSON Lines file, in order; a case that cannot be run answers with `error`."""
    runner = CaseRunner(path.parent)
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield runner.run_line(line)


class CaseRunner:
    """Judges cases whose paths are relative to `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = lru_cache(maxsize=64)(self._build_store)
        self._kinds: dict[str, Callable[[Case, datetime], Answer]] = {
            "cert": self._cert,
            "crl": self._crl,
            "pkcs1": self._pkcs1,
            "pkcs7": self._pkcs7,
            "timestamp": self._timestamp,
            "ses": self._ses,
            "pdf": self._pdf,
            "ofd": self._ofd,
        }

    def run_line(self, line: str) -> Answer:
        """The answer to one line."""
        try:
            case: object = json.loads(line)
        except (ValueError, RecursionError):
            return {"id": None, "error": "not JSON", "reason": "用例不是JSON"}
        if not isinstance(case, dict):
            return {"id": None, "error": "not an object", "reason": "用例不是JSON对象"}
        return self.run({str(key): value for key, value in case.items()})  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

    def run(self, case: Case) -> Answer:
        """The answer to one case."""
        identity = {"id": case.get("id")}
        judge = self._kinds.get(str(case.get("kind")))
        if judge is None:
            return {**identity, "error": "unknown kind", "reason": "不支持的用例类型"}
        try:
            return {**identity, **judge(case, _moment(case))}
        except (SigningInputError, OSError) as fault:
            return {**identity, "error": type(fault).__name__, "reason": f"用例不能执行：{fault}"}

    def _cert(self, case: Case, at: datetime) -> Answer:
        try:
            certificate = self._certificate(case, "cert")
        except DerError as fault:
            return {"expected": CertStatus.BAD_SIGNATURE.value, "reason": f"证书格式错误：{fault}"}
        try:
            usage = Usage(str(case.get("usage") or Usage.SIGNATURE))
        except ValueError:
            raise CaseError("unknown usage") from None
        verdict = judge_certificate(certificate, self._trust(case), at=at, usage=usage)
        return {"expected": verdict.status.value, "reason": verdict.reason}

    def _crl(self, case: Case, at: datetime) -> Answer:
        status, reason, crl = judge_crl(self._file(case, "crl"), self._certificate(case, "issuer"), at)
        word = CrlStatus.BAD_SIGNATURE if status is CrlStatus.MALFORMED else status
        answer: Answer = {"expected": word.value, "reason": reason}
        if "revokes_doctor_revoked" in case:
            revoked = load_certificates((self._folder / "certs/doctor_revoked.cer").read_bytes())[0]
            usable = crl if status is CrlStatus.GOOD else None
            answer["revokes_doctor_revoked"] = usable is not None and usable.find(revoked.serial) is not None
        return answer

    def _pkcs1(self, case: Case, at: datetime) -> Answer:
        key, status = self._pkcs1_signer(case, at)
        scheme = scheme_named(str(case.get("signAlgIdentifier") or "SM3WithSM2"))
        if key is None or scheme is None:
            good, reason = False, "公钥或签名算法不受支持"
        else:
            verdict = judge_pkcs1(self._file(case, "data"), self._file(case, "signature"), key, scheme)
            good, reason = verdict.good, verdict.reason
        return _signature_answer(good, status, reason)

    def _pkcs1_signer(self, case: Case, at: datetime) -> tuple[PublicKey | None, CertStatus]:
        if case.get("cert"):
            try:
                certificate = self._certificate(case, "cert")
            except DerError:
                return None, CertStatus.BAD_SIGNATURE
            return certificate.key, judge_certificate(certificate, self._trust(case), at=at).status
        try:
            return load_public_key(base64.b64decode(str(case.get("pubKey_b64") or ""), validate=True)), CertStatus.NONE
        except (binascii.Error, KeyFormError):
            return None, CertStatus.NONE

    def _pkcs7(self, case: Case, at: datetime) -> Answer:
        data, signature = self._file(case, "data"), self._file(case, "signature")
        verdict = judge_pkcs7(data, signature, self._trust(case), at=at)
        status = verdict.certificate.status
        if status is CertStatus.NONE and not _is_signed_data(signature):
            status = CertStatus.GOOD
        return _signature_answer(verdict.signature_ok, status, verdict.reason)

    def _timestamp(self, case: Case, at: datetime) -> Answer:
        store = self._trust(case, _paths(case, "known_tsa"))
        verdict = judge_timestamp(self._file(case, "token"), self._file(case, "data"), store, now=at)
        return {"verifyRes": verdict.res.value, "reason": verdict.reason}

    def _ses(self, case: Case, at: datetime) -> Answer:
        verdict = judge_ses(self._file(case, "file"), self._file(case, "data"), self._sealing_trust(case), now=at)
        return {"expected": verdict.word.value, "reason": verdict.reason}

    def _pdf(self, case: Case, at: datetime) -> Answer:
        verdict = judge_pdf(self._file(case, "file"), self._sealing_trust(case), now=at)
        return {
            "totalCount": str(len(verdict.seals)),
            "verdicts": " ".join(seal.word for seal in verdict.seals),
            "reason": "；".join(seal.reason for seal in verdict.seals) or verdict.reason,
        }

    def _ofd(self, case: Case, at: datetime) -> Answer:
        verdict = judge_ofd(self._file(case, "file"), self._sealing_trust(case), now=at)
        return {"expected": verdict.word, "reason": verdict.reason}

    def _sealing_trust(self, case: Case) -> TrustStore:
        """Seals may carry timestamps, so the known TSA certificates belong to what is known."""
        return self._trust(case, _paths(case, "known_tsa"))

    def _trust(self, case: Case, further: tuple[str, ...] = ()) -> TrustStore:
        known = (*_paths(case, "intermediates"), *further)
        store = self._store(_paths(case, "trust"), known, _paths(case, "crls"))
        handed_in = [parse_ocsp_response(one) for one in self._read(_paths(case, "ocsp"))]
        return store.asking(OcspDesk({}.get, handed_in)) if handed_in else store

    def _build_store(self, anchors: tuple[str, ...], known: tuple[str, ...], crls: tuple[str, ...]) -> TrustStore:
        return TrustStore.from_bytes(self._read(anchors), self._read(known), self._read(crls))

    def _read(self, paths: Iterable[str]) -> list[bytes]:
        return [(self._folder / path).read_bytes() for path in paths]

    def _file(self, case: Case, field: str) -> bytes:
        name = case.get(field)
        if not isinstance(name, str) or not name:
            raise CaseError(f"{field} is missing")
        return (self._folder / name).read_bytes()

    def _certificate(self, case: Case, field: str) -> Certificate:
        return load_certificates(self._file(case, field))[0]


def _signature_answer(good: bool, status: CertStatus, reason: str) -> Answer:
    if good and status is not CertStatus.GOOD:
        reason = f"{reason}；{STATUS_REASONS[status]}"
    return {
        "signature_ok": good,
        "cert_status": status.value,
        "result_verifyCert_false": good,
        "result_verifyCert_true": good and status is CertStatus.GOOD,
        "reason": reason,
    }


def _is_signed_data(signature: bytes) -> bool:
    try:
        parse_signed_data(signature)
    except DerError:
        return False
    return True


def _paths(case: Case, field: str) -> tuple[str, ...]:
    """The files of a trust field: a text with blanks between, or a list; the default where the case names none."""
    value = case.get(field)
    if isinstance(value, list):
        return tuple(str(item) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return tuple((value if isinstance(value, str) else DEFAULTS[field]).split())


def _moment(case: Case) -> datetime:
    try:
        moment = datetime.fromisoformat(str(case.get("at")))
    except ValueError:
        raise CaseError("at is not a moment") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
