"""The checks that Aliyun's gateway makes before any SMS rule: key, time, body digest, signature, nonce."""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from starlette.requests import Request

from radbridge.notify.stand_ins.accounts import AliyunStandInAccount
from radbridge.runtime.clock import Clock

ALLOWED_SKEW = timedelta(minutes=15)

_AUTHORIZATION = re.compile(r"ACS3-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})")
_REQUIRED_HEADERS = frozenset(
    {"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"}
)


class AliyunRefusalError(Exception):
    """The gateway's own error: HTTP status, code and words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


class AliyunVerifier:
    """Verifies requests of one account; remembers nonces for as long as their date could still be accepted."""

    def __init__(self, account: AliyunStandInAccount, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._nonces: dict[str, datetime] = {}

    def verify(self, request: Request, body: bytes) -> dict[str, str]:
        """The query parameters of a request that proves to be the account's. Raises AliyunRefusalError."""
        found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if found is None:
            raise AliyunRefusalError(400, "MissingAuthorization", "Authorization is mandatory for this action.")
        access_key_id, signed_headers, signature = found.groups()
        if access_key_id != self._account.access_key_id:
            raise AliyunRefusalError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        self._check_date(request.headers.get("x-acs-date", ""))
        if request.headers.get("x-acs-content-sha256") != hashlib.sha256(body).hexdigest():
            raise AliyunRefusalError(400, "SignatureDoesNotMatch", "x-acs-content-sha256 is not the body's digest.")
        names = signed_headers.split(";")
        present = {name for name in request.headers if name.startswith("x-acs-")} | _REQUIRED_HEADERS
        if names != sorted(names) or not present <= set(names):
            raise AliyunRefusalError(400, "SignatureDoesNotMatch", "host and every x-acs-* header must be signed.")
        query = request.scope["query_string"].decode("ascii")
        if not hmac.compare_digest(self._signature(request, query, names, body), signature):
            raise AliyunRefusalError(
                400, "SignatureDoesNotMatch", "Specified signature does not match our calculation."
            )
        self._use_nonce(request.headers["x-acs-signature-nonce"])
        return dict(parse_qsl(query, keep_blank_values=True))

    def _check_date(self, text: str) -> None:
        try:
            date = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise AliyunRefusalError(
                400, "InvalidTimeStamp.Format", "x-acs-date is not yyyy-MM-ddTHH:mm:ssZ."
            ) from None
        if abs(self._clock() - date) > ALLOWED_SKEW:
            raise AliyunRefusalError(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")

    def _signature(self, request: Request, query: str, names: list[str], body: bytes) -> str:
        pairs = sorted(parse_qsl(query, keep_blank_values=True))
        encoded = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
        lines = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names)
        canonical = f"{request.method}\n/\n{encoded}\n{lines}\n{';'.join(names)}\n{hashlib.sha256(body).hexdigest()}"
        to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
        return hmac.digest(self._account.access_key_secret.encode(), to_sign.encode(), "sha256").hex()

    def _use_nonce(self, nonce: str) -> None:
        now = self._clock()
        self._nonces = {kept: until for kept, until in self._nonces.items() if until > now}
        if nonce in self._nonces:
            raise AliyunRefusalError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        self._nonces[nonce] = now + 2 * ALLOWED_SKEW
