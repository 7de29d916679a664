"""Mutated messages, signatures, certificates, tokens, PDF and OFD files sent to the interfaces: each is answered, none
with a server's error, none after a second of work.

A failure tells its seed: RADBRIDGE_FUZZ_SEED replays it, RADBRIDGE_FUZZ_COUNT sets how many are made.
"""

from __future__ import annotations

import base64
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from radbridge.runtime.clock import utc_now
from radbridge.signing.trial_seal import TrialSealer
from tests.support.mutants import COUNT, SEED, mutant, small_ofd

TEXT = "原文"
ANSWERED = frozenset({0, 200, 400, 401, 403, 404, 413})
SOAK = bool(os.environ.get("RADBRIDGE_SOAK"))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.timeout(0)
async def test_every_mutant_is_answered(world: Any, unsigned_pdf: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    source = random.Random(SEED)
    doctor, data = world.doctor, TEXT.encode()
    common = {"transId": "1234567890123456", "oriData": TEXT, "verifyCert": True}
    bare = common | {"signAlgIdentifier": "SM3WithSM2", "base64Cert": b64(doctor.cert_der)}
    signature, sealer = doctor.sign_pkcs1(data), TrialSealer.create(world.authority, "某某医院")
    sealed, seal = sealer.seal_pdf(unsigned_pdf), {"transId": "1", "requestTime": 1, "fileDataType": 0}
    token = world.authority.timestamp(data, utc_now())
    pkcs1, pkcs7, stamp, seals = (
        *("/dsvs/v1/pkcs1/verifyDataSign", "/dsvs/v1/pkcs7/verifyDataSign"),
        *("/coss/service/v1/verifyTS", "/sef/v1/SEF_VerifySeal"),
    )

    def signature_request(value: bytes) -> dict[str, Any]:
        return bare | {"signValue": b64(value)}

    def token_request(value: bytes) -> dict[str, Any]:
        return world.signed({"oriData": TEXT, "tsResp": b64(value)})

    def document_request(value: bytes) -> dict[str, Any]:
        return seal | {"fileData": b64(value)}

    kinds: list[tuple[str, str, bytes, Callable[[bytes], object]]] = [
        ("signature", pkcs1, signature, signature_request),
        ("certificate", pkcs1, doctor.cert_der, lambda v: bare | {"signValue": b64(signature), "base64Cert": b64(v)}),
        ("signed data", pkcs7, doctor.sign_pkcs7(data), lambda v: common | {"signValue": b64(v)}),
        ("token", stamp, token, token_request),
        ("pdf", seals, sealed, document_request),
        ("ofd", seals, small_ofd(sealer), document_request),
        ("message", pkcs1, orjson.dumps(signature_request(signature)), bytes),
        ("message", stamp, orjson.dumps(token_request(token)), bytes),
        ("message", seals, orjson.dumps(document_request(sealed)), bytes),
    ]
    slowest: Counter[str] = Counter()
    for number in range(COUNT):
        kind, path, whole, request = kinds[number % len(kinds)]
        changed = mutant(source, whole)
        told = f"RADBRIDGE_FUZZ_SEED={SEED}, number {number}, {kind}"
        body, began = request(changed), time.process_time()
        answer = await world.post(path, body)
        slowest[kind] = max(slowest[kind], round((time.process_time() - began) * 1000))
        assert answer.get("status", answer.get("resultCode")) in ANSWERED, f"{told}: {answer}"
        if changed != whole and kind in ("signature", "certificate") and answer["status"] == 200:
            assert answer["data"]["result"] == "false", told
    if SOAK:
        with capsys.disabled():
            print(f"\n{COUNT} mutants answered, seed {SEED}; CPU ms of the slowest of each kind: {dict(slowest)}")
        assert max(slowest.values()) < 1000, slowest
