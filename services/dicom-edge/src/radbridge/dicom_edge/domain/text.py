"""Text of data elements, best effort: what is declared first, then what Chinese modalities really send.

Stored bytes are never touched; this is only how they are shown and searched.
"""

import re

_PN_DELIMITERS = {0x5C, 0x5E, 0x3D}
_TEXT_DELIMITERS = {0x5C, 0x0A, 0x0C, 0x0D, 0x09}
_ONE_BYTE = frozenset({"", "ISO_IR 6", "ISO_IR 100", "ISO_IR 13"})
"""Declared sets that devices leave as they are while writing GBK or UTF-8."""
_MULTI_BYTE = {"ISO_IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gb18030"}
_GB2312_DESIGNATOR = b"\x1b$)A"
"""ISO 2022 IR 58 puts GB 2312 into G1; bytes below 0x80 stay ASCII, so the rest reads as GB 18030."""
_HAN = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f\u2010-\u2030\u00b7\U00020000-\U0003ffff]*")
_GB2312_PAIR = re.compile(rb"[\xb0-\xf7][\xa1-\xfe]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]")


def declared_charsets(raw: bytes) -> tuple[str, ...]:
    """Values of (0008,0005) Specific Character Set."""
    return tuple(part.strip() for part in raw.decode("ascii", "replace").replace("\0", " ").split("\\"))


def decode_text(raw: bytes, charsets: tuple[str, ...], *, person_name: bool = False) -> str:
    """Text of a value, padding kept off its end. Never fails: what cannot be read becomes U+FFFD."""
    raw = raw.rstrip(b"\0 ")
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii")
    first = charsets[0] if charsets else ""
    if _GB2312_DESIGNATOR in raw and "ISO 2022 IR 58" in charsets:
        return raw.replace(_GB2312_DESIGNATOR, b"").decode("gb18030", "replace")
    if len(charsets) <= 1 and first in _MULTI_BYTE:
        return _strict(raw, _MULTI_BYTE[first]) or _chinese(raw) or raw.decode(_MULTI_BYTE[first], "replace")
    if b"\x1b" not in raw and first in _ONE_BYTE and (repaired := _chinese(raw)):
        return repaired
    from pydicom.charset import convert_encodings, decode_bytes

    try:
        return decode_bytes(raw, convert_encodings(list(charsets)), _PN_DELIMITERS if person_name else _TEXT_DELIMITERS)
    except (LookupError, UnicodeError, ValueError):
        return raw.decode("latin-1")


def _chinese(raw: bytes) -> str | None:
    """The text if the bytes are UTF-8, or GBK beyond reasonable doubt; else ``None``.

    GBK is believed when everything beyond ASCII decodes to Han characters or their punctuation and at least half of
    the pairs lie in the GB 2312 block, which letters with accents between ASCII letters never do.
    """
    text = _strict(raw, "utf-8")
    if text is not None:
        return text
    text = _strict(raw, "gb18030")
    if text is None:
        return None
    wide = "".join(char for char in text if not char.isascii())
    if not _HAN.search(wide) or not _WIDE.fullmatch(wide):
        return None
    high_bytes = len(_HIGH_RUN.findall(raw))
    return text if len(_GB2312_PAIR.findall(raw)) * 4 >= high_bytes else None


def _strict(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return None
