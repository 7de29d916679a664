"""SM4 in Galois/Counter Mode: nonce, ciphertext and tag in one piece."""

import os

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

KEY_BYTES = 16
NONCE_BYTES = 12
TAG_BYTES = 16


def sm4_gcm_seal(key: bytes, clear: bytes, bound: bytes) -> bytes:
    """12 bytes nonce, ciphertext, 16 bytes tag. ``bound`` is authenticated but not stored.

    Random 96-bit nonces are safe for 2^32 messages of one key (SP 800-38D, 8.3).
    """
    nonce = os.urandom(NONCE_BYTES)
    encryptor = Cipher(SM4(key), GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(bound)
    return b"".join((nonce, encryptor.update(clear), encryptor.finalize(), encryptor.tag))


def sm4_gcm_open(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """What ``sm4_gcm_seal`` sealed.

    :raises cryptography.exceptions.InvalidTag: key, bytes or ``bound`` differ from what was sealed.
    :raises ValueError: too short to be sealed bytes.
    """
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise ValueError("too short to be sealed")
    decryptor = Cipher(SM4(key), GCM(sealed[:NONCE_BYTES], sealed[-TAG_BYTES:])).decryptor()
    decryptor.authenticate_additional_data(bound)
    return decryptor.update(sealed[NONCE_BYTES:-TAG_BYTES]) + decryptor.finalize()
