"""Every form in which a text may stand in a file without being called sealed."""

import base64
import json
import urllib.parse


def forms(text: str) -> dict[str, bytes]:
    """Byte patterns that betray ``text``, by encoding. Base64 is given for all three alignments, without the characters
    at its edges that depend on the neighbours."""
    found: dict[str, bytes] = {}
    for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be"):
        raw = text.encode(encoding)
        found[encoding] = raw
        found[f"{encoding} hex"] = raw.hex().encode()
        found[f"{encoding} HEX"] = raw.hex().upper().encode()
        for shift in range(3):
            padded = base64.b64encode(b"\0" * shift + raw)
            found[f"{encoding} base64 +{shift}"] = padded[4 if shift else 0 : -4]
            found[f"{encoding} base64url +{shift}"] = base64.urlsafe_b64encode(b"\0" * shift + raw)[
                4 if shift else 0 : -4
            ]
    found["url"] = urllib.parse.quote(text).encode()
    found["json escapes"] = json.dumps(text)[1:-1].encode()
    return {name: pattern for name, pattern in found.items() if len(pattern) >= 4}
