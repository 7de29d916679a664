"""The HMAC that signs requests to the signing interfaces (chapter 四(二)4(4), SX-070, SX-072).

``signature`` = base64(HMAC(StringA, secureCode of the appId)). StringA is ``k1=v1&k2=v2…`` of all parameters but
``signature``, sorted by name, raw values, UTF-8. Empty values are left out; ``false`` and ``0`` are none, and booleans
are written in lower case.
"""

import base64
import hmac
import json
from collections.abc import Mapping

SIGNATURE = "signature"
_HASHES = {
    "hmac": "sha256",
    "hmacsha256": "sha256",
    "hmacsha1": "sha1",
    "hmacmd5": "md5",
}


def hash_of(sign_algo: str) -> str | None:
    """The hash that a ``signAlgo`` means, whatever its case and hyphens; ``None`` for an unknown one."""
    return _HASHES.get(sign_algo.strip().replace("-", "").casefold())


def string_to_sign(parameters: Mapping[str, object]) -> str:
    """StringA of a request's parameters."""
    texts = {name: _text(value) for name, value in parameters.items() if name != SIGNATURE}
    return "&".join(f"{name}={texts[name]}" for name in sorted(texts) if texts[name])


def sign_request(parameters: Mapping[str, object], secret: str, hash_name: str = "sha256") -> str:
    """The ``signature`` of a request's parameters with ``secureCode`` as ``secret``."""
    return base64.b64encode(hmac.digest(secret.encode(), string_to_sign(parameters).encode(), hash_name)).decode()


def _text(value: object) -> str:
    """A value as StringA has it; empty where it is left out. Nested values, of which the standard says nothing, are
    written as compact JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
