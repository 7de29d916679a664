"""Mutated signatures, certificates, tokens and sealed documents sent to the interfaces: each is answered.

A failure tells its seed: RADBRIDGE_FUZZ_SEED replays it, RADBRIDGE_FUZZ_COUNT sets how many are made (here a fifth: the
engine itself meets the rest).
"""

from __future__ import annotations

import base64
import os
import random
from collections.abc import Callable
from typing import Any

from radbridge.runtime.clock import utc_now
from radbridge.signing.trial_seal import TrialSealer

COUNT = int(os.environ.get("RADBRIDGE_FUZZ_COUNT", "2000")) // 5
SEED = int(os.environ.get("RADBRIDGE_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
TEXT = "原文"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def mutant(source: random.Random, data: bytes) -> bytes:
    """`data` after one to three changes of bits, lengths and pieces."""
    octets = bytearray(data)
    for _ in range(source.randint(1, 3)):
        at = source.randrange(len(octets) or 1)
        match source.randrange(5):
            case 0 if octets:
                octets[at] ^= 1 << source.randrange(8)
            case 1:
                del octets[at : at + source.randrange(1, 20)]
            case 2:
                octets[at:at] = source.randbytes(source.randrange(1, 9))
            case 3 if octets:
                octets[at] = source.choice((0, 0x30, 0x80, 0x84, 0xFF))
            case _:
                del octets[at:]
    return bytes(octets)


async def test_every_mutant_is_answered(world: Any, unsigned_pdf: bytes) -> None:
    source = random.Random(SEED)
    doctor, data = world.doctor, TEXT.encode()
    common = {"transId": "1234567890123456", "oriData": TEXT, "verifyCert": True}
    bare = common | {"signAlgIdentifier": "SM3WithSM2", "base64Cert": b64(doctor.cert_der)}
    signature = doctor.sign_pkcs1(data)
    sealed = TrialSealer.create(world.authority, "某某医院").seal_pdf(unsigned_pdf)
    seal = {"transId": "1", "requestTime": 1, "fileDataType": 0}
    kinds: list[tuple[str, bytes, Callable[[str], dict[str, Any]]]] = [
        ("/dsvs/v1/pkcs1/verifyDataSign", signature, lambda text: bare | {"signValue": text}),
        (
            "/dsvs/v1/pkcs1/verifyDataSign",
            doctor.cert_der,
            lambda text: bare | {"signValue": b64(signature), "base64Cert": text},
        ),
        ("/dsvs/v1/pkcs7/verifyDataSign", doctor.sign_pkcs7(data), lambda text: common | {"signValue": text}),
        (
            "/coss/service/v1/verifyTS",
            world.authority.timestamp(data, utc_now()),
            lambda text: world.signed({"oriData": TEXT, "tsResp": text}),
        ),
        ("/sef/v1/SEF_VerifySeal", sealed, lambda text: seal | {"fileData": text}),
    ]
    for number in range(COUNT):
        path, whole, request = kinds[number % len(kinds)]
        changed = mutant(source, whole)
        answer = await world.post(path, request(b64(changed)))
        status = answer.get("status", answer.get("resultCode"))
        assert status in (0, 200, 400), f"seed {SEED}, number {number}: {answer}"
        if changed != whole and status == 200 and path.endswith("pkcs1/verifyDataSign"):
            assert answer["data"]["result"] == "false", f"seed {SEED}, number {number}"
