"""Shanxi's request envelope: SM4-ECB ciphertext in base64, a time, and a SHA-1 signature (chapter 三(六) to 三(八)).

Bodies may be 60 MB, so base64 and SM4 work on slices: no step holds the interpreter for long and nothing is held twice
without need. Call it from a thread for large bodies all the same.
"""

import binascii
import hashlib
import hmac
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import orjson
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from radbridge.contracts.dialects import base64_slices
from radbridge.contracts.dialects.base64_slices import decoded_slices, without_line_breaks

ENCRYPTION_TYPE_HEADER: Final = "encryption-type"
ENCRYPTION_TYPE: Final = "SM4"
BEIJING_OFFSET_SECONDS: Final = 8 * 3600
"""Some senders count from Beijing's 1970-01-01 00:00:00, as the print can be read."""

_BLOCK_BITS = 128
_BLOCK = _BLOCK_BITS // 8
_SECONDS = re.compile(r"[0-9]{1,12}")
_MEMBERS = ("hospitalCode", "data", "timestamp", "signature")


class EnvelopeError(ValueError):
    """A request cannot be opened. ``message`` is what the hospital is told; it names the fault and no secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UnsupportedEncryptionError(EnvelopeError):
    """The header encryption-type names something else than SM4."""


class MalformedRequestError(EnvelopeError):
    """The body is not a JSON object, or members are missing or ill-typed; all of them are named."""


class StaleTimestampError(EnvelopeError):
    """The timestamp is too far from now."""


class WrongSignatureError(EnvelopeError):
    """The signature is not that of data, hospitalCode and timestamp."""


class UndecryptableDataError(EnvelopeError):
    """data is not base64, or the hospital's key does not open it."""


class MalformedRecordError(EnvelopeError):
    """data opened, but is not UTF-8 JSON."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request as it was sent. ``data`` is the base64 text, ``timestamp`` the digits."""

    hospital_code: str
    data: str
    timestamp: str
    signature: str

    def to_json(self) -> bytes:
        """The request body."""
        return orjson.dumps(
            {
                "hospitalCode": self.hospital_code,
                "data": self.data,
                "timestamp": self.timestamp,
                "signature": self.signature,
            }
        )


def check_encryption_type(header: str | None) -> None:
    """Accept the header's value; without one, SM4 is meant.

    :raises UnsupportedEncryptionError: another cipher is named.
    """
    if header and header.strip().upper() != ENCRYPTION_TYPE:
        raise UnsupportedEncryptionError(f"请求头 {ENCRYPTION_TYPE_HEADER} 仅支持 {ENCRYPTION_TYPE}")


def seal_envelope(record: Mapping[str, object] | bytes, *, hospital_code: str, key: bytes, timestamp: int) -> Envelope:
    """Encrypt and sign a record. ``record`` given as bytes is its JSON; ``key`` has 16 bytes; ``timestamp`` is Unix
    time in whole seconds."""
    plaintext = record if isinstance(record, bytes) else orjson.dumps(record)
    data = encrypt(plaintext, key)
    return Envelope(hospital_code, data, str(timestamp), sign(data, hospital_code, str(timestamp)))


def parse_envelope(body: bytes) -> Envelope:
    """The members of a request body, before anything is verified.

    :raises MalformedRequestError: it is no JSON object, or members are missing or ill-typed.
    """
    try:
        parsed: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedRequestError("请求体不是合法的 JSON") from None
    if not isinstance(parsed, dict):
        raise MalformedRequestError("请求体应为 JSON 对象")
    members = cast("dict[str, object]", parsed)
    faults: list[str] = []
    for name in _MEMBERS:
        value = members.get(name)
        if name == "timestamp" and isinstance(value, int) and not isinstance(value, bool):
            members[name] = value = str(value)
        if value is None or value == "":
            faults.append(f"{name}不能为空")
        elif not isinstance(value, str):
            faults.append(f"{name}应为字符串")
        elif name == "timestamp" and not _SECONDS.fullmatch(value):
            faults.append("timestamp应为精确到秒的时间戳")
    if faults:
        raise MalformedRequestError("；".join(faults))
    return Envelope(*(cast("str", members[name]) for name in _MEMBERS))


def open_envelope(envelope: Envelope, *, key: bytes, now: float, allowed_skew_seconds: int) -> bytes:
    """Verify and decrypt a request: the record's JSON. ``now`` is Unix time; a timestamp may be off by the skew either
    way, also when it counts from Beijing's midnight.

    :raises EnvelopeError: the subclass tells which check failed.
    """
    if not hmac.compare_digest(
        sign(envelope.data, envelope.hospital_code, envelope.timestamp).encode(),
        envelope.signature.encode("utf-8", "surrogatepass"),
    ):
        raise WrongSignatureError("signature签名验证失败")
    if not is_fresh(int(envelope.timestamp), now=now, allowed_skew_seconds=allowed_skew_seconds):
        raise StaleTimestampError("timestamp超出允许的时间范围")
    return decrypt(envelope.data, key)


def parse_record(plaintext: bytes) -> object:
    """The JSON value of a decrypted record.

    :raises MalformedRecordError: it is not UTF-8 JSON.
    """
    try:
        return orjson.loads(plaintext)
    except orjson.JSONDecodeError:
        raise MalformedRecordError("data解密后不是合法的 JSON（UTF-8）") from None


def is_fresh(timestamp: int, *, now: float, allowed_skew_seconds: int) -> bool:
    """Whether a timestamp is within the skew of now, as Unix seconds or as Beijing's."""
    age = now - timestamp
    return min(abs(age), abs(age + BEIJING_OFFSET_SECONDS)) <= allowed_skew_seconds


def sign(data: str, hospital_code: str, timestamp: str) -> str:
    """``UPPER(HEX(SHA1(data + hospitalCode + timestamp)))``: values in the order of their names."""
    digest = hashlib.sha1(usedforsecurity=False)
    for start in range(0, len(data), base64_slices.TEXT):
        digest.update(data[start : start + base64_slices.TEXT].encode("utf-8", "surrogatepass"))
    digest.update((hospital_code + timestamp).encode("utf-8", "surrogatepass"))
    return digest.hexdigest().upper()


def encrypt(plaintext: bytes, key: bytes) -> str:
    """SM4/ECB/PKCS5Padding, then standard base64."""
    encryptor = Cipher(SM4(key), modes.ECB()).encryptor()  # noqa: S305 - the standard prescribes ECB
    pieces: list[str] = []
    view = memoryview(plaintext)
    whole = len(view) - len(view) % base64_slices.OCTETS
    for start in range(0, whole, base64_slices.OCTETS):
        ciphertext = encryptor.update(view[start : start + base64_slices.OCTETS])
        pieces.append(binascii.b2a_base64(ciphertext, newline=False).decode("ascii"))
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    last = padder.update(plaintext[whole:]) + padder.finalize()
    pieces.append(binascii.b2a_base64(encryptor.update(last), newline=False).decode("ascii"))
    return "".join(pieces)


def decrypt(data: str, key: bytes) -> bytes:
    """The plaintext of :func:`encrypt`. Line breaks, which some encoders put into base64, are passed over.

    :raises UndecryptableDataError: not base64, not whole blocks, or the padding is wrong (another key).
    """
    decryptor = Cipher(SM4(key), modes.ECB()).decryptor()  # noqa: S305 - the standard prescribes ECB
    # a BytesIO gives its buffer away without copying it
    plaintext, last = io.BytesIO(), b""
    try:
        for ciphertext in decoded_slices(without_line_breaks(data)):
            if len(ciphertext) % _BLOCK:
                raise UndecryptableDataError("data解密失败：密文长度不是16字节的整数倍")
            plaintext.write(last)
            last = decryptor.update(ciphertext)
    except UndecryptableDataError:
        raise
    except ValueError:
        raise UndecryptableDataError("data不是标准 Base64 编码") from None
    plaintext.write(_without_padding(last))
    return plaintext.getvalue()


def _without_padding(last: bytes) -> bytes:
    count = last[-1] if last else 0
    if not 1 <= count <= _BLOCK or not last.endswith(bytes((count,)) * count):
        raise UndecryptableDataError("data解密失败：密钥不符或数据损坏")
    return last[:-count]
