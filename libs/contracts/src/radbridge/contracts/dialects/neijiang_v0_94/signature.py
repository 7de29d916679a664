"""The ``sign`` header of 501 and 502 (section 8.2.2.2).

``sign = UPPER(MD5(accessKey + name=value&name=value… + accessSecret))`` in hexadecimal over UTF-8. The text asks for
names in ASCII order and 32 digits; the printed example verifies only in the order of the template, with ``opUid``, and
shows the middle 16 digits. Template order and 32 digits are the rule here, the other readings are options.
"""

import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from radbridge.contracts.dialects.codec import wire_text

SIGN_HEADER: Final = "sign"
ACCESS_KEY_HEADER: Final = "accessKey"

_TEMPLATE: Final = ("hospitalCode", "idCard", "smrCode", "timeStamp", "opName", "opUid", "reportRequired")
_WIRE_NAMES: Final[Mapping[str, tuple[str, ...]]] = {"idCard": ("ICCard", "idCard"), "opUid": ("opUid", "opUId")}
_MIDDLE: Final = slice(8, 24)


class SignOrder(StrEnum):
    """Order of the signed names: that of the printed template, or ascending ASCII."""

    TEMPLATE = "template"
    ASCII = "ascii"


def sign(
    request: Mapping[str, object],
    *,
    access_key: str,
    access_secret: str,
    order: SignOrder = SignOrder.TEMPLATE,
) -> str:
    """Signature of a request's parameters: 32 upper-case hexadecimal digits."""
    text = f"{access_key}{signed_parameters(request, order)}{access_secret}"
    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper()


def verify(
    request: Mapping[str, object],
    signature: str,
    *,
    access_key: str,
    access_secret: str,
    order: SignOrder = SignOrder.TEMPLATE,
    accepts_middle_16: bool = False,
) -> bool:
    """Whether the header's signature is the request's. ``accepts_middle_16`` also takes digits 9 to 24, as printed."""
    expected = sign(request, access_key=access_key, access_secret=access_secret, order=order)
    given = signature.encode("utf-8", "surrogatepass")
    is_whole = hmac.compare_digest(expected.encode(), given)
    is_middle = hmac.compare_digest(expected[_MIDDLE].encode(), given)
    return is_whole or (accepts_middle_16 and is_middle)


def signed_parameters(request: Mapping[str, object], order: SignOrder = SignOrder.TEMPLATE) -> str:
    """``name=value&…`` of the template's names that the request carries; empty ones are left out. ``idCard`` takes the
    value of ICCard."""
    names = sorted(_TEMPLATE) if order is SignOrder.ASCII else _TEMPLATE
    values = ((name, _value(request, name)) for name in names)
    return "&".join(f"{name}={value}" for name, value in values if value)


def _value(request: Mapping[str, object], name: str) -> str:
    for wire_name in _WIRE_NAMES.get(name, (name,)):
        value = request.get(wire_name)
        text = value if isinstance(value, str) else wire_text(value)
        if text:
            return text
    return ""
