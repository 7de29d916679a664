"""Every form in which a text may stand in a file without being called sealed."""

import base64
import json
import urllib.parse
from collections.abc import Callable

SHORTEST = 6
"""Bytes of a pattern: four characters of Base64 stood in one of 180 data folders without any name in them."""


def forms(text: str) -> dict[str, bytes]:
    """Byte patterns that betray ``text``, by encoding. Base64 is given for all three alignments: every character that
    the text alone decides, none at its edges that its neighbours have a part in.

    Patterns so short that sealed or random data holds them by chance are left out."""
    found: dict[str, bytes] = {}
    for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be"):
        raw = text.encode(encoding)
        found[encoding] = raw
        found[f"{encoding} hex"] = raw.hex().encode()
        found[f"{encoding} HEX"] = raw.hex().upper().encode()
        for shift in range(3):
            found[f"{encoding} base64 +{shift}"] = _within_base64(raw, shift, base64.b64encode)
            found[f"{encoding} base64url +{shift}"] = _within_base64(raw, shift, base64.urlsafe_b64encode)
    found["url"] = urllib.parse.quote(text).encode()
    found["json escapes"] = json.dumps(text)[1:-1].encode()
    return {name: pattern for name, pattern in found.items() if len(pattern) >= SHORTEST}


def _within_base64(raw: bytes, shift: int, encode: Callable[[bytes], bytes]) -> bytes:
    """The characters of Base64 (6 bits each) that lie wholly in ``raw`` where ``shift`` bytes stand before it."""
    first, end = -(-8 * shift // 6), 8 * (shift + len(raw)) // 6
    return encode(b"\0" * shift + raw)[first:end]
