"""Base64 in slices means what base64 in one piece means."""

import base64
import os
import random

import pytest

from radbridge.contracts.dialects import base64_slices
from radbridge.contracts.dialects.base64_slices import OCTETS, TEXT

SIZES = [0, 1, 2, 3, OCTETS - 1, OCTETS, OCTETS + 1, 2 * OCTETS, 2 * OCTETS + 2]


@pytest.mark.parametrize("size", SIZES)
def test_any_length_with_and_without_line_breaks(size: int) -> None:
    octets = os.urandom(size)
    text = base64.b64encode(octets).decode()
    assert base64_slices.decode(text) == octets
    assert b"".join(base64_slices.decoded_slices(text)) == octets
    broken = "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76))
    assert base64_slices.decode(f"{broken}\n") == octets


@pytest.mark.parametrize(
    "text", ["A", "AA", "AA=", "AA==AA==", "A=AA", "====", "AA-_", "图片", "AAAA\x00", "A AA", " AAAA"]
)
def test_what_is_no_base64(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        base64_slices.decode(text)


def test_padding_at_the_end_of_a_slice_but_not_of_the_text() -> None:
    one = base64.b64encode(bytes(OCTETS - 1)).decode()
    assert len(one) == TEXT
    with pytest.raises(ValueError, match="padding"):
        base64_slices.decode(one + one)


def test_damaged_texts_are_refused_or_differ() -> None:
    text = base64.b64encode(os.urandom(5000)).decode()
    for _ in range(300):
        at = random.randrange(len(text) - 4)
        damaged = text[:at] + random.choice("-_=.\u4e00 ") + text[at + 1 :]
        with pytest.raises(ValueError, match=r"."):
            base64_slices.decode(damaged)
