"""Aliyun's ACS3-HMAC-SHA256 for RPC-style calls: parameters in the query, path ``/``, empty body."""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

ALGORITHM = "ACS3-HMAC-SHA256"
EMPTY_BODY_SHA256 = hashlib.sha256(b"").hexdigest()


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Sorted by name and percent-encoded by RFC 3986: ``*`` becomes ``%2A`` and a blank ``%20``."""
    return "&".join(f"{quote(name, safe='~')}={quote(parameters[name], safe='~')}" for name in sorted(parameters))


def authorization(access_key_id: str, access_key_secret: str, query: str, headers: Mapping[str, str]) -> str:
    """The ``Authorization`` header of a POST to ``/`` with an empty body.

    ``query`` is canonical; ``headers`` (lower-case names) are exactly those to sign: ``host`` and every ``x-acs-*``.
    """
    names = sorted(headers)
    signed = ";".join(names)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    canonical = "\n".join(("POST", "/", query, lines, signed, EMPTY_BODY_SHA256))
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(access_key_secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={access_key_id},SignedHeaders={signed},Signature={signature}"
