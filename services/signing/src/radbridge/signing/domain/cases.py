"""Runs verification cases offline: a JSON object a line in, an answer a case out, so that others can check the engine.

Each case names its `kind`, its files (paths relative to the case file), and `at`, the moment of judgement. Where it
names none of its own, the trust material is that of `DEFAULTS`; `ocsp` may name OCSP responses. An answer has `id`, the
kind's answer fields, `reason`:

- cert: expected · crl: expected, revokes_doctor_revoked where the case asks · pkcs1, pkcs7: signature_ok, cert_status,
  result_verifyCert_false, result_verifyCert_true · timestamp: verifyRes · ses: expected · pdf: totalCount, verdicts ·
  ofd: expected.

The words are the format's own: a certificate or list too damaged to be read answers bad_signature, and so does a list
with a critical extension that nobody here knows; a genuine and current list is good whatever its scope is, and `reason`
tells that. `cert_status` speaks of certificates alone: where a structure is too damaged to hold any, no fault of a
certificate is found and it stays "good", while signature_ok and both results are false.

A revocation list or OCSP response to judge by that cannot be read counts as missing: the verdict is made without it,
`unreadable` names the file and `reason` says so. A case that cannot be run at all answers with `error`; whatever a line
holds, the next ones are answered.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from radbridge.signing.domain.certificate import Certificate, load_certificates
from radbridge.signing.domain.chain import STATUS_REASONS, CertStatus, Usage, judge_certificate
from radbridge.signing.domain.cms import parse_signed_data
from radbridge.signing.domain.crl import CertificateList, CrlStatus, judge_crl, parse_crl
from radbridge.signing.domain.errors import DerError, SigningInputError
from radbridge.signing.domain.ocsp_desk import OcspDesk
from radbridge.signing.domain.ocsp_response import OcspResponse, parse_ocsp_response
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
    with path.open("rb") as lines:
        for line in lines:
            if line.strip():
                yield runner.run_line(line)


class CaseRunner:
    """Judges cases whose paths are relative to `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = lru_cache(maxsize=64)(self._build_store)
        self._list = lru_cache(maxsize=64)(self._parse_list)
        self._unreadable: dict[str, str] = {}
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

    def run_line(self, line: bytes) -> Answer:
        """The answer to one line."""
        try:
            case: object = json.loads(line.decode())
        except (ValueError, RecursionError):
            return {"id": None, "error": "not JSON", "reason": "用例不是JSON"}
        if not isinstance(case, dict):
            return {"id": None, "error": "not an object", "reason": "用例不是JSON对象"}
        return self.run({str(key): value for key, value in case.items()})  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

    def run(self, case: Case) -> Answer:
        """The answer to one case."""
        identity = {"id": _printable(case.get("id"))}
        judge = self._kinds.get(str(case.get("kind")))
        if judge is None:
            return {**identity, "error": "unknown kind", "reason": "不支持的用例类型"}
        self._unreadable.clear()
        try:
            answer = judge(case, _moment(case))
        except Exception as fault:  # whatever a case holds, the next ones are answered
            return {**identity, "error": type(fault).__name__, "reason": _printable(f"用例不能执行：{fault}")}
        if self._unreadable:
            told = [f"{name}不能读取，未采用：{fault}" for name, fault in self._unreadable.items()]
            answer = {
                **answer,
                "unreadable": [_printable(name) for name in self._unreadable],
                "reason": _printable("；".join([str(answer["reason"]), *told])),
            }
        return {**identity, **answer}

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
        return {"expected": _certificate_word(verdict.status), "reason": verdict.reason}

    def _crl(self, case: Case, at: datetime) -> Answer:
        status, reason, crl = judge_crl(self._file(case, "crl"), self._certificate(case, "issuer"), at)
        answer: Answer = {"expected": _crl_word(status, crl).value, "reason": reason}
        if "revokes_doctor_revoked" in case:
            revoked = load_certificates((self._folder / "certs/doctor_revoked.cer").read_bytes())[0]
            usable = crl if status in (CrlStatus.GOOD, CrlStatus.PARTIAL) else None
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
        except ValueError:
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
        crls = _paths(case, "crls")
        for path in crls:
            if isinstance(fault := self._list(path), DerError):
                self._unreadable[path] = str(fault)
        store = self._store(_paths(case, "trust"), known, crls)
        responses = _paths(case, "ocsp")
        if not responses:
            return store
        handed_in = list(filter(None, map(self._response, responses)))
        return store.asking(OcspDesk({}.get, handed_in, unreadable=len(handed_in) < len(responses)))

    def _build_store(self, anchors: tuple[str, ...], known: tuple[str, ...], crls: tuple[str, ...]) -> TrustStore:
        lists = [found for found in map(self._list, crls) if isinstance(found, CertificateList)]
        return TrustStore(
            self._all_certificates(anchors),
            self._all_certificates(known),
            lists,
            unreadable_lists=len(lists) < len(crls),
        )

    def _all_certificates(self, paths: Iterable[str]) -> list[Certificate]:
        return [one for path in paths for one in load_certificates((self._folder / path).read_bytes())]

    def _parse_list(self, path: str) -> CertificateList | DerError:
        try:
            return parse_crl((self._folder / path).read_bytes())
        except DerError as fault:
            return fault

    def _response(self, path: str) -> OcspResponse | None:
        try:
            return parse_ocsp_response((self._folder / path).read_bytes())
        except DerError as fault:
            self._unreadable[path] = str(fault)
            return None

    def _file(self, case: Case, field: str) -> bytes:
        name = case.get(field)
        if not isinstance(name, str) or not name:
            raise CaseError(f"{field} is missing")
        return (self._folder / name).read_bytes()

    def _certificate(self, case: Case, field: str) -> Certificate:
        return load_certificates(self._file(case, field))[0]


def _crl_word(status: CrlStatus, crl: CertificateList | None) -> CrlStatus:
    if crl is None or (status is CrlStatus.PARTIAL and crl.scope.unknown_critical):
        return CrlStatus.BAD_SIGNATURE
    return CrlStatus.GOOD if status in (CrlStatus.PARTIAL, CrlStatus.INDIRECT) else status


def _certificate_word(status: CertStatus) -> str:
    """The format has no word for a name that its CA may not give; such a chain does not lead to the anchor."""
    return (CertStatus.UNTRUSTED if status is CertStatus.NAME_CONSTRAINT else status).value


def _signature_answer(good: bool, status: CertStatus, reason: str) -> Answer:
    if good and status is not CertStatus.GOOD:
        reason = f"{reason}；{STATUS_REASONS[status]}"
    return {
        "signature_ok": good,
        "cert_status": _certificate_word(status),
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
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise CaseError("at is not a moment") from None


def _printable(value: object) -> str | int | float | None:
    """A text or number as any JSON writer takes it; None for what is neither."""
    if isinstance(value, int) and not -(1 << 53) <= value <= 1 << 53:
        return str(value)
    if isinstance(value, int | float):
        return value
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None
