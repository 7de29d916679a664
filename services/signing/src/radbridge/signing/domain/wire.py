"""Values as the interfaces send them: base64 texts and certificates."""

from __future__ import annotations

import base64
import binascii

from radbridge.signing.domain.certificate import Certificate, load_certificates
from radbridge.signing.domain.errors import SigningInputError


class Base64Error(SigningInputError):
    """The text is not canonical standard base64."""


def decode_base64(text: str) -> bytes:
    """The bytes of a standard base64 text, white space between allowed; Base64Error for anything else.

    Only the canonical text of a value is taken (padding, unused bits zero), so that no two texts mean one value.
    """
    try:
        compact = "".join(text.split()).encode("ascii")
        decoded = base64.b64decode(compact, validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise Base64Error("not standard base64") from None
    if base64.b64encode(decoded) != compact:
        raise Base64Error("base64 is not canonical")
    return decoded


def decode_certificate(text: str) -> Certificate:
    """The certificate of a base64 or PEM text; SigningInputError where it is none."""
    if text.lstrip().startswith("-----BEGIN"):
        return load_certificates(text.encode("ascii", "replace"))[0]
    return load_certificates(decode_base64(text))[0]
