"""Large files on their way through verification: a report's envelope with a 10 MB file, and a sealed PDF of 5 MB.

python -m benchmarks.signing_files [--json]

CPU time of this thread, set against the parts that cannot be done without (hashing, ciphering, the bare signature) in
the same run. Memory is the growth of the process's resident set in a process of its own, from before the input is read
to the peak, as multiples of the input: the input itself is in it.
"""

import argparse
import base64
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from radbridge.contracts.dialects import base64_slices
from radbridge.contracts.dialects.shanxi_v2_1 import envelope
from radbridge.signing.domain import sm2
from radbridge.signing.domain.pdf_seal import judge_pdf
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.trial_pki import TrialAuthority
from radbridge.signing.trial_seal import TrialSealer

NOW = datetime(2026, 6, 15, tzinfo=UTC)
KEY = bytes(range(16))
MIB = 1024 * 1024
ROUNDS = 5


def best(work: Callable[[], object]) -> float:
    """Least CPU seconds of one call."""
    found: list[float] = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        work()
        found.append(time.thread_time() - began)
    return min(found)


def report_request(size: int) -> bytes:
    """A request body whose report carries a file of that size."""
    record = {"recordNum": "R1", "reportPdfBase64": base64.b64encode(os.urandom(size)).decode()}
    sealed = envelope.seal_envelope(record, hospital_code="H1", key=KEY, timestamp=int(NOW.timestamp()))
    return sealed.to_json()


def open_request(body: bytes) -> bytes:
    """The file of a request: JSON, SHA-1, base64, SM4, JSON, base64, as the receiving service goes through it."""
    parsed = envelope.parse_envelope(body)
    del body
    plaintext = envelope.open_envelope(parsed, key=KEY, now=NOW.timestamp(), allowed_skew_seconds=60)
    del parsed
    record = envelope.parse_record(plaintext)
    if not isinstance(record, dict):
        raise TypeError("the record is an object")
    return base64_slices.decode(record["reportPdfBase64"])


def pdf_of(size: int) -> bytes:
    """Pages whose contents cannot be compressed, about that long in all."""
    from pypdf import PdfWriter
    from pypdf.generic import NameObject, StreamObject

    writer, written, pages = PdfWriter(), io.BytesIO(), 40
    for _ in range(pages):
        page = writer.add_blank_page(width=595, height=842)
        content = StreamObject()
        content.set_data(os.urandom(size // pages))
        page[NameObject("/Contents")] = writer._add_object(content)
    writer.write(written)
    return written.getvalue()


def peak_ratio(kind: str, file: Path, trust: list[Path]) -> float:
    """How many times its size a file needs, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.signing_files", "--peak", kind, str(file), *map(str, trust)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak(kind: str, file: Path, small: Path, trust: TrustStore) -> float:
    """Growth to the peak by one input; a small one before it loads whatever is loaded once."""
    work: Callable[[bytes], object]
    work = open_request if kind == "envelope" else lambda data: judge_pdf(data, trust, now=NOW)
    work(small.read_bytes())
    before = resident("VmRSS")
    work(file.read_bytes())
    return (resident("VmHWM") - before) / file.stat().st_size


def resident(name: str) -> int:
    """Bytes of this process by a line of its status: VmRSS now, VmHWM at the most (which, unlike the maximum of
    getrusage, does not count the process that started this one)."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) * 1024


def measure() -> dict[str, float]:
    """All figures, by name; ratios without unit, times in milliseconds."""
    authority = TrialAuthority.create(NOW)
    sealer = TrialSealer.create(authority, "某某医院")
    store = authority.trust_store()
    body = report_request(10 * MIB)
    once = sealer.seal_pdf(pdf_of(5 * MIB))
    twice = sealer.seal_pdf(once, sign=sealer.cms)
    signature = sealer.unit.sign_pkcs1(b"x" * 112)
    for pdf, seals in ((once, 1), (twice, 2)):
        verdict = judge_pdf(pdf, store, now=NOW)
        if len(verdict.seals) != seals or not all(seal.good for seal in verdict.seals):
            raise RuntimeError(f"the sealed PDF is not good: {verdict}")

    opened = best(lambda: open_request(body))
    ciphered = best(lambda: envelope.decrypt(envelope.parse_envelope(body).data, KEY))
    bare = best(lambda: [sm2.verify(sealer.unit.key.point, b"x" * 112, signature) for _ in range(50)]) / 50
    hashed = best(lambda: sm3(once))
    sealed, sealed_twice = best(lambda: judge_pdf(once, store, now=NOW)), best(lambda: judge_pdf(twice, store, now=NOW))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def written(title: str, data: bytes) -> Path:
            (folder / title).write_bytes(data)
            return folder / title

        trust = [written("root.cer", authority.root_der), written("sub.cer", authority.sub_der)]
        small_pdf = written("small.pdf", sealer.seal_pdf(pdf_of(40_000)))
        peaks = {
            "envelope": peak_ratio("envelope", written("body", body), [written("small", report_request(1000)), *trust]),
            "pdf": peak_ratio("pdf", written("once.pdf", once), [small_pdf, *trust]),
            "pdf_twice": peak_ratio("pdf", written("twice.pdf", twice), [small_pdf, *trust]),
        }
    return {
        "envelope_10mb_cpu_ms": opened * 1e3,
        "envelope_10mb_to_base64_and_sm4": opened / ciphered,
        "envelope_10mb_memory_to_body": peaks["envelope"],
        "envelope_10mb_memory_to_file": peaks["envelope"] * len(body) / (10 * MIB),
        "sealed_pdf_5mb_ms_less_signatures": (sealed - 3 * bare) * 1e3,
        "sealed_pdf_5mb_to_sm3": sealed / hashed,
        "sealed_pdf_5mb_memory_to_file": peaks["pdf"],
        "sealed_twice_5mb_ms_less_signatures": (sealed_twice - 4 * bare) * 1e3,
        "sealed_twice_5mb_memory_to_file": peaks["pdf_twice"],
    }


TARGETS = {
    "envelope_10mb_cpu_ms": "≤ 350",
    "envelope_10mb_memory_to_body": "≤ 6",
    "envelope_10mb_memory_to_file": "≤ 6",
    "sealed_pdf_5mb_ms_less_signatures": "≤ 150",
    "sealed_pdf_5mb_memory_to_file": "< 6",
    "sealed_twice_5mb_ms_less_signatures": "≤ 150",
    "sealed_twice_5mb_memory_to_file": "< 6",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--peak", nargs=5, metavar=("KIND", "FILE", "SMALL", "ROOT", "SUB"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        kind, file, small, root, sub = options.peak
        trust = TrustStore.from_bytes([Path(root).read_bytes()], [Path(sub).read_bytes()])
        print(peak(kind, Path(file), Path(small), trust))
        return
    figures = measure()
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:40} {value:>10.2f}  {TARGETS.get(name, '')}")


if __name__ == "__main__":
    main()
