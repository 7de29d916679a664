"""Tencent Cloud's TC3-HMAC-SHA256 for ``POST /`` of JSON to the SMS service."""

import hashlib
import hmac
from datetime import UTC, datetime

ALGORITHM = "TC3-HMAC-SHA256"
CONTENT_TYPE = "application/json"
"""Byte-equal in the request and in what is signed, hence without a charset."""

_SERVICE = "sms"
_SIGNED_HEADERS = "content-type;host"


def authorization(secret_id: str, secret_key: str, host: str, body: bytes, timestamp: int) -> str:
    """The ``Authorization`` header; ``timestamp`` (unix seconds) is also the ``X-TC-Timestamp`` header."""
    date = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")
    scope = f"{date}/{_SERVICE}/tc3_request"
    headers = f"content-type:{CONTENT_TYPE}\nhost:{host}\n"
    canonical = "\n".join(("POST", "/", "", headers, _SIGNED_HEADERS, hashlib.sha256(body).hexdigest()))
    to_sign = "\n".join((ALGORITHM, str(timestamp), scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = ("TC3" + secret_key).encode()
    for part in (date, _SERVICE, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders={_SIGNED_HEADERS}, Signature={signature}"
