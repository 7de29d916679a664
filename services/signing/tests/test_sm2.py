"""SM2 on both backends: the standard's example, hostile values, and what backends make of each other's signatures."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radbridge.signing.domain import sm2, sm2_curve, sm2_pure
from radbridge.signing.domain.errors import DerError, KeyFormError
from radbridge.signing.domain.sm2 import Sm2Backend
from radbridge.signing.domain.sm2_curve import N, P, encode_signature
from radbridge.signing.domain.sm2_libcrypto import LibcryptoSm2, LibcryptoUnavailableError
from radbridge.signing.domain.sm2_pure import PureSm2
from radbridge.signing.domain.sm2_sign import Sm2PrivateKey
from radbridge.signing.domain.sm3 import sm3

# GM/T 0003.5-2012 annex A.2
STANDARD_KEY = Sm2PrivateKey(0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8)
STANDARD_K = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
STANDARD_R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
STANDARD_S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA


def make_backend(name: str) -> Sm2Backend:
    if name == "python":
        return PureSm2()
    try:
        return LibcryptoSm2()
    except LibcryptoUnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=["python", "libcrypto"])
def backend(request: pytest.FixtureRequest) -> Sm2Backend:
    return make_backend(request.param)


def test_the_standards_example_signature_comes_out_exactly() -> None:
    e = sm3(sm2_curve.signer_digest(STANDARD_KEY.point), b"message digest")
    assert e.hex() == "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"
    assert sm2_pure.sign_with_nonce(STANDARD_KEY.value, e, STANDARD_K) == (STANDARD_R, STANDARD_S)


def test_each_backend_passes_the_known_answers(backend: Sm2Backend) -> None:
    assert sm2.passes_known_answers(backend)


def test_a_backend_that_accepts_everything_or_nothing_fails_the_known_answers() -> None:
    class Always(PureSm2):
        answer = True

        def verify_digest(self, point: bytes, e: bytes, r: int, s: int) -> bool:
            return self.answer

    class Never(Always):
        answer = False

    assert not sm2.passes_known_answers(Always())
    assert not sm2.passes_known_answers(Never())


def test_backends_verify_each_others_signatures(backend: Sm2Backend) -> None:
    key = Sm2PrivateKey.generate()
    signature = key.sign("报告".encode(), backend=backend)
    for other in (make_backend("python"), make_backend("libcrypto")):
        assert sm2.verify(key.point, "报告".encode(), signature, backend=other)
        assert not sm2.verify(key.point, "报吿".encode(), signature, backend=other)


def test_threads_share_a_backend(backend: Sm2Backend) -> None:
    key = Sm2PrivateKey.generate()
    signature = key.sign(b"0")
    with ThreadPoolExecutor(8) as pool:
        messages = [str(number % 3).encode() for number in range(120)]
        results = list(pool.map(lambda m: sm2.verify(key.point, m, signature, backend=backend), messages))
    assert results == [message == b"0" for message in messages]


def test_the_id_is_part_of_what_is_signed(backend: Sm2Backend) -> None:
    key = Sm2PrivateKey.generate()
    signature = key.sign(b"m", user_id=b"ALICE", backend=backend)
    assert sm2.verify(key.point, b"m", signature, user_id=b"ALICE", backend=backend)
    assert not sm2.verify(key.point, b"m", signature, backend=backend)


@pytest.mark.parametrize(
    ("r", "s"),
    [(0, 1), (1, 0), (N, 1), (1, N), (1, N - 1), (N - 1, 1), (P, 1), ((1 << 256) - 1, 1), (STANDARD_R + N, STANDARD_S)],
)
def test_values_out_of_range_are_refused(backend: Sm2Backend, r: int, s: int) -> None:
    signature = encode_signature(r, s)
    assert not sm2.verify(STANDARD_KEY.point, b"message digest", signature, backend=backend)


@pytest.mark.parametrize(("r", "s"), [(1, N - 1), (0, 1), (N, 1)])
def test_the_form_alone_refuses_values_out_of_range(r: int, s: int) -> None:
    with pytest.raises(DerError):
        sm2_curve.parse_signature(encode_signature(r, s))


def test_a_signature_whose_point_is_infinity_is_refused(backend: Sm2Backend) -> None:
    # sG + (r+s)dG is infinity for s = -rd/(1+d).
    e = sm3(sm2_curve.signer_digest(STANDARD_KEY.point), b"m")
    r = int.from_bytes(e, "big") % N
    s = -r * STANDARD_KEY.value * pow(1 + STANDARD_KEY.value, -1, N) % N
    assert not sm2.verify(STANDARD_KEY.point, b"m", encode_signature(r, s), backend=backend)


def good() -> bytes:
    return encode_signature(STANDARD_R, STANDARD_S)


@pytest.mark.parametrize(
    "sloppy",
    [
        b"",
        b"\x30",
        good()[:-1],
        good() + b"\0",
        b"\x31" + good()[1:],
        b"\x30\x81" + good()[1:],
        b"\x30\x80" + good()[2:] + b"\0\0",
        b"\x30\x47\x02\x22\0\0" + good()[5:],
        STANDARD_R.to_bytes(32, "big") + STANDARD_S.to_bytes(32, "big"),
        good().hex().encode(),
        b"\x30\x44\x02\x20" + STANDARD_R.to_bytes(32, "big") + b"\x02\x20" + STANDARD_S.to_bytes(32, "big"),
    ],
)
def test_only_strict_der_is_a_signature(sloppy: bytes) -> None:
    assert sm2.verify(STANDARD_KEY.point, b"message digest", good())
    assert not sm2.verify(STANDARD_KEY.point, b"message digest", sloppy)


@pytest.mark.parametrize(
    "point",
    [
        bytes(64),
        b"\x04" + bytes(64),
        STANDARD_KEY.point[:-1],
        STANDARD_KEY.point[:-1] + bytes([STANDARD_KEY.point[-1] ^ 1]),
        b"\x02" + STANDARD_KEY.point,
        (int.from_bytes(STANDARD_KEY.point[:32], "big") + P).to_bytes(33, "big") + STANDARD_KEY.point[33:],
    ],
)
def test_points_off_the_curve_are_no_keys(point: bytes) -> None:
    with pytest.raises(KeyFormError):
        sm2_curve.checked_point(point)
    assert not sm2.verify(point, b"message digest", good())


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, 8 * 72), target=st.sampled_from(["message", "signature", "key"]))
def test_every_flipped_bit_is_noticed(position: int, target: str) -> None:
    parts = {"message": b"message digest", "signature": good(), "key": STANDARD_KEY.point}
    octets = bytearray(parts[target])
    octets[position // 8 % len(octets)] ^= 1 << position % 8
    parts[target] = bytes(octets)
    for backend in (make_backend("python"), make_backend("libcrypto")):
        assert not sm2.verify(parts["key"], parts["message"], parts["signature"], backend=backend)


@pytest.mark.parametrize(
    ("message", "user_id", "cause"),
    [(b"m", b"", "空的用户ID"), (sm3(b"m"), sm2_curve.DEFAULT_ID, "重复摘要")],
)
def test_known_slips_of_signers_are_named(message: bytes, user_id: bytes, cause: str) -> None:
    signature = STANDARD_KEY.sign(message, user_id=user_id)
    assert not sm2.verify(STANDARD_KEY.point, b"m", signature)
    assert cause in (sm2.diagnose(STANDARD_KEY.point, b"m", signature) or "")


def test_a_signature_without_z_is_named() -> None:
    signature = encode_signature(*PureSm2().sign_digest(STANDARD_KEY.value, sm3(b"m")))
    assert "Z值" in (sm2.diagnose(STANDARD_KEY.point, b"m", signature) or "")


def test_all_known_answers_of_the_vectors(vectors: Path, backend: Sm2Backend) -> None:
    tests = json.loads((vectors / "kat" / "sm2_verify.json").read_text())["tests"]
    wrong = [
        test["comment"]
        for test in tests
        if sm2.verify(
            bytes.fromhex(test["pub"]), bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]), backend=backend
        )
        is not (test["expected"] == "valid")
    ]
    assert wrong == []
    assert len(tests) >= 100


def test_sm3_of_the_vectors(vectors: Path) -> None:
    for test in json.loads((vectors / "kat" / "sm3.json").read_text()):
        message = test["msg"] if "msg" in test else test["repeat_byte"] * int(test["count"])
        assert sm3(bytes.fromhex(message)).hex() == test["sm3"]


def test_sm3_of_the_fallback_package_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    from radbridge.signing.domain import sm3 as module

    def no_sm3() -> module.Digest:
        raise ValueError("unsupported hash type sm3")

    expected = sm3(b"abc", "影桥".encode())
    module._factory.cache_clear()
    monkeypatch.setattr(module, "_hashlib_sm3", no_sm3)
    assert module.sm3(b"abc", "影桥".encode()) == expected
    module._factory.cache_clear()


def test_the_openssl_command_is_an_independent_signer(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command")
    key, message, signature = tmp_path / "key.pem", tmp_path / "m", tmp_path / "sig"
    message.write_bytes("检查所见：双肺纹理清晰".encode())
    made = subprocess.run([openssl, "genpkey", "-algorithm", "SM2", "-out", key], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("the openssl command has no SM2")
    distid = ["-sigopt", "distid:1234567812345678"]
    subprocess.run([openssl, "dgst", "-sm3", "-sign", key, *distid, "-out", signature, message], check=True)
    spki = subprocess.run([openssl, "pkey", "-in", key, "-pubout", "-outform", "DER"], capture_output=True, check=True)
    assert sm2.verify(spki.stdout[-64:], message.read_bytes(), signature.read_bytes())


def test_the_engine_starts_without_its_heavy_readers() -> None:
    code = (
        "import sys; import radbridge.signing.domain.cases, radbridge.signing.domain.report_verdict; "
        "print([name for name in ('pypdf', 'cryptography', 'defusedxml', 'fastapi') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
