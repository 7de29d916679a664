"""OCSP in tests: a CA whose doctors' certificates name a responder, and the responder's answers, made byte by byte."""

from __future__ import annotations

import itertools
import subprocess
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from radbridge.signing.domain import der, issuing, oids
from radbridge.signing.domain.certificate import Certificate, parse_certificate
from radbridge.signing.domain.der_write import (
    NULL,
    bits,
    encode,
    explicit,
    generalized_time,
    integer,
    octets,
    oid,
    sequence,
)
from radbridge.signing.domain.issuing import Extension, Issuer
from radbridge.signing.domain.ocsp_id import hashed, key_octets
from radbridge.signing.domain.sm2_sign import Sm2PrivateKey
from radbridge.signing.trial_pki import Doctor

ADDRESS = "http://ocsp.ca.example/status"
SUCCESSFUL, MALFORMED_REQUEST, INTERNAL_ERROR, TRY_LATER, SIG_REQUIRED, UNAUTHORIZED = 0, 1, 2, 3, 5, 6
GOOD, REVOKED, UNKNOWN = "good", "revoked", "unknown"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def responder_address(*addresses: str) -> Extension:
    """authorityInfoAccess that names responders."""
    described = (sequence(oid(oids.OCSP_RESPONDER), encode(0x86, one.encode())) for one in addresses)
    return (oids.AUTHORITY_INFO_ACCESS, False, sequence(*described))


def refusal(status: int) -> bytes:
    """A response that is nothing but its responseStatus."""
    return sequence(encode(der.ENUMERATED, bytes((status,))))


@dataclass
class OcspCa:
    """An SM2 CA, valid around a moment; below ``parent`` or a root."""

    now: datetime
    parent: OcspCa | None = None
    further: tuple[Extension, ...] = ()
    issuer: Issuer = field(init=False)
    certificate: Certificate = field(init=False)
    _serials: itertools.count[int] = field(default_factory=lambda: itertools.count(0x1000))

    def __post_init__(self) -> None:
        self.issuer = Issuer(issuing.distinguished_name("T", f"OCSP CA {id(self):x}"), Sm2PrivateKey.generate())
        above = self.parent or self
        extensions = [*issuing.ca_extensions(None), *self.further]
        self.certificate = above._certify(self.issuer.name, self.issuer.key, extensions)

    def doctor(self, *addresses: str, name: str = "张三", further: tuple[Extension, ...] = ()) -> Doctor:
        """A doctor's certificate, which names the responders at the addresses (``ADDRESS`` if none)."""
        key = Sm2PrivateKey.generate()
        extensions = [
            *issuing.end_entity_extensions(issuing.SIGNING_USAGE),
            responder_address(*(addresses or (ADDRESS,))),
            *further,
        ]
        certificate = self._certify(issuing.distinguished_name("T", name), key, extensions)
        return Doctor(certificate.raw, key, self.now)

    def delegate(
        self,
        *,
        purpose: str | None = oids.OCSP_SIGNING,
        no_check: bool = True,
        until: datetime | None = None,
        further: tuple[Extension, ...] = (),
    ) -> Doctor:
        """A responder's own certificate, or one for another purpose."""
        key = Sm2PrivateKey.generate()
        extensions = issuing.end_entity_extensions(issuing.SIGNING_USAGE, purpose=purpose)
        if no_check:
            extensions.append((oids.OCSP_NO_CHECK, False, NULL))
        extensions += further
        certificate = self._certify(issuing.distinguished_name("T", "Responder"), key, extensions, until=until)
        return Doctor(certificate.raw, key, self.now)

    def crl(self, revoked: dict[int, datetime] | None = None, *, until: datetime | None = None) -> bytes:
        """A list, current unless ``until`` is past."""
        start = self.now - 30 * DAY
        end = until or self.now + DAY
        return issuing.issue_crl(self.issuer, revoked=revoked or {}, number=1, this_update=start, next_update=end)

    def _certify(
        self, subject: bytes, key: Sm2PrivateKey, extensions: list[Extension], *, until: datetime | None = None
    ) -> Certificate:
        return parse_certificate(
            issuing.issue_certificate(
                self.issuer,
                subject=subject,
                point=key.point,
                serial=next(self._serials),
                not_before=self.now - 100 * DAY,
                not_after=until or self.now + 100 * DAY,
                extensions=extensions,
            )
        )


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer as a responder might give it; ``signer`` is a delegate, the CA itself where it is None."""

    ca: OcspCa
    certificate: Certificate
    now: datetime
    status: str = GOOD
    signer: Doctor | None = None
    hash_oid: str = oids.SHA1
    by_key: bool = False
    this_update: datetime | None = None
    next_update: datetime | str | None = "tomorrow"
    produced_at: datetime | None = None
    revoked_at: datetime | None = None
    reason: int | None = None
    nonce: bytes | None = None
    attach: bool = True
    extensions: tuple[Extension, ...] = ()
    entry_extensions: tuple[Extension, ...] = ()

    def der(self) -> bytes:
        """The OCSPResponse."""
        tbs = self._tbs()
        key = self.signer.key if self.signer else self.ca.issuer.key
        certificates = b""
        if self.signer and self.attach:
            certificates = explicit(0, sequence(self.signer.cert_der))
        basic = sequence(tbs, issuing.SM2_WITH_SM3, bits(key.sign(tbs)), certificates)
        typed = sequence(oid(oids.OCSP_BASIC), octets(basic))
        return sequence(encode(der.ENUMERATED, bytes((SUCCESSFUL,))), explicit(0, typed))

    def _tbs(self) -> bytes:
        responder = self.signer.certificate if self.signer else self.ca.certificate
        if self.by_key:
            identity = explicit(2, octets(hashed(oids.SHA1, key_octets(responder)) or b""))
        else:
            identity = explicit(1, responder.subject)
        extensions = list(self.extensions)
        if self.nonce is not None:
            extensions.append((oids.OCSP_NONCE, False, octets(self.nonce)))
        produced_at = generalized_time(self.produced_at or self.now)
        return sequence(identity, produced_at, sequence(self._single()), _tagged(1, extensions))

    def _single(self) -> bytes:
        cert_id = sequence(
            sequence(oid(self.hash_oid), NULL),
            octets(hashed(self.hash_oid, self.certificate.issuer) or b""),
            octets(hashed(self.hash_oid, key_octets(self.ca.certificate)) or b""),
            integer(self.certificate.serial),
        )
        until = self.now + DAY if isinstance(self.next_update, str) else self.next_update
        return sequence(
            cert_id,
            self._status(),
            generalized_time(self.this_update or self.now - HOUR),
            explicit(0, generalized_time(until)) if until else b"",
            _tagged(1, list(self.entry_extensions)),
        )

    def _status(self) -> bytes:
        if self.status == GOOD:
            return encode(0x80)
        if self.status == UNKNOWN:
            return encode(0x82)
        reason = b"" if self.reason is None else explicit(0, encode(der.ENUMERATED, bytes((self.reason,))))
        return encode(0xA1, generalized_time(self.revoked_at or self.now - DAY), reason)


def _tagged(number: int, extensions: list[Extension]) -> bytes:
    if not extensions:
        return b""
    listed = (
        sequence(oid(name), encode(der.BOOLEAN, b"\xff") if critical else b"", octets(value))
        for name, critical, value in extensions
    )
    return explicit(number, sequence(*listed))


@dataclass(frozen=True)
class OpensslResponder:
    """A CA with a doctor, and a responder, all by the openssl command: RSA with SHA-256, or SM2 with SM3."""

    openssl: str
    folder: Path
    sm2: bool = False

    def make(self) -> None:
        """The root, the doctor (serial number 4660) and an index in which the doctor is good."""
        self._key("root")
        self._key("doctor")
        self._issue("root", ("-signkey", "root.key"), "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n")
        named = f"keyUsage=critical,digitalSignature\nauthorityInfoAccess=OCSP;URI:{ADDRESS}\n"
        self._issue("doctor", ("-CA", "root.pem", "-CAkey", "root.key", "-set_serial", "4660"), named)
        self.index("V\t491231235959Z\t\t1234\tunknown\t/CN=doctor\n")

    def index(self, line: str) -> None:
        """What the responder knows."""
        (self.folder / "index.txt").write_text(line)

    def file(self, name: str) -> bytes:
        """A file of the folder."""
        return (self.folder / name).read_bytes()

    def sign(self, data: bytes) -> bytes:
        """The doctor's signature over ``data``."""
        (self.folder / "data.bin").write_bytes(data)
        identified = ("-pkeyopt", "distid:1234567812345678") if self.sm2 else ()
        digest = "sm3" if self.sm2 else "sha256"
        self._run("pkeyutl", "-sign", "-rawin", "-digest", digest, *identified, "-inkey", "doctor.key",
                  "-in", "data.bin", "-out", "data.sig")  # fmt: skip
        return self.file("data.sig")

    def answer(self, request: bytes) -> bytes:
        """The response to a request."""
        (self.folder / "request.der").write_bytes(request)
        identified = ("-rsigopt", "distid:1234567812345678") if self.sm2 else ()
        self._run("ocsp", "-index", "index.txt", "-CA", "root.pem", "-rsigner", "root.pem", "-rkey", "root.key",
                  "-rmd", "sm3" if self.sm2 else "sha256", *identified, "-ndays", "1",
                  "-reqin", "request.der", "-respout", "response.der")  # fmt: skip
        return self.file("response.der")

    def _key(self, name: str) -> None:
        if self.sm2:
            self._run("ecparam", "-name", "SM2", "-genkey", "-noout", "-out", f"{name}.key")
        else:
            self._run("genrsa", "-out", f"{name}.key", "2048")

    def _issue(self, name: str, signer: tuple[str, ...], extensions: str) -> None:
        (self.folder / f"{name}.ext").write_text(extensions)
        digest = ("-sm3", "-sigopt", "distid:1234567812345678") if self.sm2 else ("-sha256",)
        check = ("-vfyopt", "distid:1234567812345678") if self.sm2 else ()
        self._run("req", "-new", "-key", f"{name}.key", "-subj", f"/C=CN/CN={name}", *digest, "-out", f"{name}.csr")
        self._run("x509", "-req", "-in", f"{name}.csr", *signer, "-days", "30", "-extfile", f"{name}.ext",
                  *digest, *check, "-out", f"{name}.pem")  # fmt: skip

    def _run(self, *arguments: str) -> None:
        done = subprocess.run([self.openssl, *arguments], cwd=self.folder, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
