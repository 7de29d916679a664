"""Shanxi's envelope against the printed vector and values computed by other means."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radbridge.contracts.dialects.shanxi_v2_1 import envelope

KEY = bytes.fromhex("2a77be8ebc9c90cd25ccd1d31dce7a77")
PRINTED_PLAINTEXT = '{"patientName":"张三","patientId":"Test123456"}'.encode()
PRINTED_CIPHERTEXT = "laoxZiinrHrTUa1tythils6bY9/PaMJpAdm7xoKwHx0KbPEea+Am911ApbxJwJLy4QI6Vq1xoMTGEWqoUvOzOQ=="
SIGNATURE = "3273C834E3961BABE0833879E59E8917369A6DB7"
NOW = 1767196800


def sealed(plaintext: bytes = PRINTED_PLAINTEXT, timestamp: int = NOW) -> envelope.Envelope:
    return envelope.seal_envelope(plaintext, hospital_code="TestHospital", key=KEY, timestamp=timestamp)


def opened(request: envelope.Envelope, key: bytes = KEY) -> bytes:
    return envelope.open_envelope(request, key=key, now=NOW, allowed_skew_seconds=600)


@pytest.mark.proves("SX-039")
def test_the_printed_ciphertext_comes_out_and_decrypts() -> None:
    assert envelope.encrypt(PRINTED_PLAINTEXT, KEY) == PRINTED_CIPHERTEXT
    assert envelope.decrypt(PRINTED_CIPHERTEXT, KEY) == PRINTED_PLAINTEXT


def open_and_parse(request: envelope.Envelope, key: bytes, now: int) -> object:
    return envelope.parse_record(envelope.open_envelope(request, key=key, now=now, allowed_skew_seconds=0))


@pytest.mark.proves("SX-020", "SX-039")
def test_envelopes_that_another_implementation_made(shared_data: Path) -> None:
    """What openssl sealed opens, and what it broke is refused for the right reason."""
    refusals = {
        "signature_mismatch": envelope.WrongSignatureError,
        "decrypt_error": envelope.UndecryptableDataError,
        "not_utf8": envelope.MalformedRecordError,
    }
    cases = json.loads((shared_data / "data/signing/kat/envelope_sm4_sha1.json").read_text("utf-8"))
    for case in cases:
        key = bytes.fromhex(case["key"])
        request = envelope.Envelope(case["hospitalCode"], case["data"], case["timestamp"], case["signature"])
        moment = int(case["timestamp"])
        if case["expected"] in refusals:
            with pytest.raises(refusals[case["expected"]]):
                open_and_parse(request, key, moment)
            continue
        plaintext = envelope.open_envelope(request, key=key, now=moment, allowed_skew_seconds=0)
        assert plaintext.decode() == case["plaintext"]
        if "\n" not in case["data"]:
            resealed = envelope.seal_envelope(plaintext, hospital_code=case["hospitalCode"], key=key, timestamp=moment)
            assert resealed == request


@pytest.mark.proves("SX-020")
def test_the_signature_is_over_the_values_in_name_order() -> None:
    assert sealed().signature == SIGNATURE


@pytest.mark.proves("SX-034")
def test_what_was_sealed_opens() -> None:
    request = envelope.parse_envelope(sealed().to_json())
    assert opened(request) == PRINTED_PLAINTEXT
    assert envelope.parse_record(PRINTED_PLAINTEXT) == {"patientName": "张三", "patientId": "Test123456"}


@given(st.binary(max_size=100))
def test_any_bytes_survive(plaintext: bytes) -> None:
    assert envelope.decrypt(envelope.encrypt(plaintext, KEY), KEY) == plaintext


@pytest.mark.parametrize("size", [0, 15, 16, 196_607, 196_608, 196_609, 400_000])
def test_slices_join_without_a_seam(size: int) -> None:
    plaintext = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    text = envelope.encrypt(plaintext, KEY)
    assert base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    assert envelope.decrypt(text, KEY) == plaintext


@pytest.mark.proves("SX-020")
@pytest.mark.parametrize("member", ["data", "hospital_code", "timestamp", "signature"])
def test_one_changed_character_is_found(member: str) -> None:
    request = sealed()
    members = {name: getattr(request, name) for name in ("hospital_code", "data", "timestamp", "signature")}
    text = members[member]
    members[member] = ("0" if text[0] != "0" else "1") + text[1:]
    with pytest.raises(envelope.WrongSignatureError, match="signature"):
        opened(envelope.Envelope(**members))


@pytest.mark.proves("SX-021")
@pytest.mark.parametrize("age", [0, 600, -600, -28800, -28800 + 600, -28800 - 600])
def test_timestamps_within_the_skew_are_accepted_also_counted_from_beijing(age: int) -> None:
    assert opened(sealed(timestamp=NOW - age)) == PRINTED_PLAINTEXT


@pytest.mark.proves("SX-021")
@pytest.mark.parametrize("age", [601, -601, 86400, 28800, -28800 + 601, -28800 - 601])
def test_other_timestamps_are_stale(age: int) -> None:
    with pytest.raises(envelope.StaleTimestampError, match="timestamp"):
        opened(sealed(timestamp=NOW - age))


@pytest.mark.proves("SX-037")
def test_another_key_does_not_open() -> None:
    with pytest.raises(envelope.UndecryptableDataError, match="data"):
        opened(sealed(), key=bytes(16))


@pytest.mark.proves("SX-034")
@pytest.mark.parametrize(
    "data", ["{}", '{"a":1}', "AAAA", "A" * 24, "====", "\ud800", "Ａ" * 24, PRINTED_CIPHERTEXT + " ", "\n"]
)
def test_data_that_is_no_ciphertext(data: str) -> None:
    signature = envelope.sign(data, "H", str(NOW))
    with pytest.raises(envelope.UndecryptableDataError, match="data"):
        opened(envelope.Envelope("H", data, str(NOW), signature))


@pytest.mark.proves("SX-019")
def test_all_missing_members_are_named() -> None:
    with pytest.raises(envelope.MalformedRequestError) as caught:
        envelope.parse_envelope(b'{"hospitalCode": "", "data": null, "timestamp": [1]}')
    for member in ("hospitalCode", "data", "timestamp", "signature"):
        assert member in caught.value.message


@pytest.mark.proves("SX-019")
@pytest.mark.parametrize("member", ["hospitalCode", "data", "timestamp", "signature"])
def test_each_member_is_demanded(member: str) -> None:
    members = json.loads(sealed().to_json())
    del members[member]
    with pytest.raises(envelope.MalformedRequestError, match=member):
        envelope.parse_envelope(json.dumps(members).encode())


def test_a_timestamp_may_be_a_number() -> None:
    members = json.loads(sealed().to_json())
    members["timestamp"] = NOW
    assert envelope.parse_envelope(json.dumps(members).encode()) == sealed()


@pytest.mark.parametrize("timestamp", ["1767196800000", "2026-01-01 00:00:00", "-1", "1.5", "１", True, 1.5])
def test_a_timestamp_counts_seconds(timestamp: object) -> None:
    members = json.loads(sealed().to_json()) | {"timestamp": timestamp}
    with pytest.raises(envelope.MalformedRequestError, match="timestamp"):
        envelope.parse_envelope(json.dumps(members).encode())


@given(st.binary(max_size=60))
def test_no_body_breaks_the_parser(body: bytes) -> None:
    with pytest.raises(envelope.EnvelopeError):
        envelope.parse_envelope(body)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"data":' * 5000, b"\xff\xfe", b"null", b"1", b'"x"'])
def test_malformed_bodies(body: bytes) -> None:
    with pytest.raises(envelope.MalformedRequestError):
        envelope.parse_envelope(body)
    if body not in (b"null", b"1", b'"x"'):
        with pytest.raises(envelope.MalformedRecordError):
            envelope.parse_record(body)


@pytest.mark.proves("SX-018", "SX-035")
@pytest.mark.parametrize("header", [None, "", "SM4", "sm4", " SM4 "])
def test_sm4_is_the_default_cipher(header: str | None) -> None:
    envelope.check_encryption_type(header)


@pytest.mark.proves("SX-018")
def test_another_cipher_is_refused_by_name() -> None:
    with pytest.raises(envelope.UnsupportedEncryptionError, match="encryption-type"):
        envelope.check_encryption_type("AES")


def test_errors_hold_no_secret() -> None:
    with pytest.raises(envelope.EnvelopeError) as caught:
        opened(sealed(), key=bytes(16))
    assert "张三" not in str(caught.value)
    assert KEY.hex() not in str(caught.value)
