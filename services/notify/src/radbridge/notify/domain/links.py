"""The random code of a patient's link.

Twelve characters of base 58: 70 bits, out of reach of guessing even without the five tries that ``portal`` allows, and
still short enough for the 12 characters that Tencent lets into a variable. Base 58 leaves out 0, O, I and l, which
people mix up when they type a code from a phone.
"""

import secrets

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
LENGTH = 12


def new_code() -> str:
    """A fresh code."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def patient_link(base_url: str, code: str) -> str:
    """The absolute address that the code opens."""
    return f"{base_url}/p/{code}"
