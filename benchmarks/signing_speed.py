"""Speed of the verification engine as ratios of one run: `python -m benchmarks.signing_speed [--json]`.

Each figure is the best of several rounds of thread CPU time, set against a reference measured beside it on the same
core, so that the machine's load weighs on both. `openssl speed` is the reference for SM2 where it is installed. Large
files and the memory that they need: `signing_files`, which is part of the run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime

from benchmarks import signing_files
from radbridge.signing.domain import issuing, sm2
from radbridge.signing.domain.chain import judge_certificate
from radbridge.signing.domain.crl import parse_crl
from radbridge.signing.domain.pkcs1 import judge_pkcs1
from radbridge.signing.domain.pkcs7 import judge_pkcs7
from radbridge.signing.domain.public_key import Scheme, Sm2PublicKey
from radbridge.signing.domain.sm2_pure import PureSm2
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.domain.timestamp import judge_timestamp
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.trial_pki import TrialAuthority

NOW = datetime(2026, 6, 15, tzinfo=UTC)
ROUNDS = 7
MESSAGE = b"x" * 112
BIG = bytes(5 * 1024 * 1024)
CRL_ENTRIES = 100_000


def best(work: Callable[[], object], repeats: int, rounds: int = ROUNDS) -> float:
    """Least CPU seconds of one call over all rounds."""
    found: list[float] = []
    for _ in range(rounds):
        began = time.thread_time()
        for _ in range(repeats):
            work()
        found.append((time.thread_time() - began) / repeats)
    return min(found)


def openssl_sm2_verify() -> float | None:
    """CPU seconds of one SM2 verification by `openssl speed`, the best of three runs."""
    command = shutil.which("openssl")
    if command is None:
        return None
    rates: list[float] = []
    for _ in range(3):
        done = subprocess.run([command, "speed", "-seconds", "1", "sm2"], capture_output=True, text=True, check=False)
        rates += [float(match[1]) for match in re.finditer(r"SM2 .*\s([0-9.]+)\s*$", done.stdout, re.MULTILINE)]
    return 1 / max(rates) if rates else None


def measure() -> dict[str, float | None]:
    """All figures, by name; ratios without unit, times in the unit that the name ends in."""
    authority = TrialAuthority.create(NOW)
    doctor = authority.issue_doctor("张三", "110101199003070038")
    key, signature = Sm2PublicKey(doctor.key.point), doctor.sign_pkcs1(MESSAGE)
    big_signature = doctor.sign_pkcs1(BIG)
    pkcs7, token = doctor.sign_pkcs7(MESSAGE), authority.timestamp(MESSAGE, NOW)
    store = authority.trust_store()

    bare = best(lambda: sm2.verify(key.point, MESSAGE, signature), 300)
    reference = openssl_sm2_verify()
    python = PureSm2()
    pure = best(lambda: sm2.verify(key.point, MESSAGE, signature, backend=python), 100)
    hashing = best(lambda: sm3(BIG), 3)
    pkcs1 = best(lambda: judge_pkcs1(BIG, big_signature, key, Scheme.SM3_WITH_SM2), 3)
    seen = best(lambda: judge_pkcs7(MESSAGE, pkcs7, store, at=NOW), 200)
    stamped = best(lambda: judge_timestamp(token, MESSAGE, store, now=NOW), 200)
    bare_again = best(lambda: sm2.verify(key.point, MESSAGE, signature), 300)
    bare = min(bare, bare_again)

    anchors, further, lists = [authority.root_der], [authority.sub_der], authority.crls
    strangers = iter([authority.issue_doctor("李四", "").certificate for _ in range(ROUNDS * 60 + 1)])
    warm = TrustStore.from_bytes(anchors, further, lists)
    judge_certificate(next(strangers), warm, at=NOW)
    chain = best(lambda: judge_certificate(next(strangers), warm, at=NOW), 60)

    issuer = issuing.Issuer(issuing.distinguished_name("T", "CA"), doctor.key)
    revoked = {(1 << 79) + 7919 * number: NOW for number in range(CRL_ENTRIES)}
    crl = issuing.issue_crl(issuer, revoked=revoked, number=1, this_update=NOW, next_update=NOW)
    index = best(lambda: parse_crl(crl), 1)
    parsed, serials = parse_crl(crl), list(revoked)[::97]
    lookup = best(lambda: [parsed.find(serial) for serial in serials], 1) / len(serials)
    miss = best(lambda: [parsed.find(serial + 1) for serial in serials], 1) / len(serials)
    return {
        "sm2_verify_per_second": 1 / bare,
        "sm2_verify_to_openssl_speed": None if reference is None else reference / bare,
        "sm2_pure_python_per_second": 1 / pure,
        "pkcs1_5mb_to_sm3": pkcs1 / hashing,
        "pkcs7_to_bare_verify": seen / bare,
        "timestamp_to_bare_verify": stamped / bare,
        "chain_and_crl_new_leaf_ms": chain * 1e3,
        "chain_and_crl_new_leaf_to_bare_verify": chain / bare,
        "crl_100000_index_ms": index * 1e3,
        "crl_100000_lookup_revoked_us": lookup * 1e6,
        "crl_100000_lookup_good_us": miss * 1e6,
        **signing_files.measure(),
    }


TARGETS = {
    "sm2_verify_to_openssl_speed": "≥ 0.85",
    "sm2_pure_python_per_second": "≥ 600",
    "pkcs1_5mb_to_sm3": "≤ 1.5",
    "pkcs7_to_bare_verify": "≤ 2",
    "timestamp_to_bare_verify": "≤ 2",
    "chain_and_crl_new_leaf_ms": "≤ 0.5",
    "crl_100000_index_ms": "≤ 200",
    "crl_100000_lookup_revoked_us": "≤ 5",
    "crl_100000_lookup_good_us": "≤ 5",
    **signing_files.TARGETS,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = measure()
    if options.json:
        print(json.dumps(figures))
        return
    print(f"backend {sm2.default_backend().name}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, value in figures.items():
        text = "not measured" if value is None else f"{value:.2f}"
        print(f"{name:40} {text:>14}  {TARGETS.get(name, '')}")


if __name__ == "__main__":
    main()
