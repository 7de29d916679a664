"""Base64 of many megabytes, decoded slice by slice: neither the text nor the octets are ever held twice."""

import binascii
import io
from collections.abc import Iterator
from typing import Final

OCTETS: Final = 3 << 16
"""Of one slice: whole groups of base64, and whole blocks of the common ciphers."""
TEXT: Final = OCTETS // 3 * 4


def decoded_slices(text: str) -> Iterator[bytes]:
    """The octets of a standard base64 text without line breaks, ``OCTETS`` at a time.

    :raises ValueError: it is no base64, or padded within.
    """
    for start in range(0, len(text), TEXT):
        octets = binascii.a2b_base64(text[start : start + TEXT], strict_mode=True)
        if len(octets) != OCTETS and start + TEXT < len(text):
            raise ValueError("padding inside base64")
        yield octets


def decode(text: str) -> bytes:
    """The octets of a standard base64 text, which line breaks may divide.

    :raises ValueError: it is no base64.
    """
    # a BytesIO gives its buffer away without copying it
    octets = io.BytesIO()
    for piece in decoded_slices(without_line_breaks(text)):
        octets.write(piece)
    return octets.getvalue()


def without_line_breaks(text: str) -> str:
    """The text itself where it has none, as nearly all have."""
    return text.replace("\r", "").replace("\n", "") if "\n" in text or "\r" in text else text
