"""A warm start of the embedded suite: seconds to ready, and memory when idle.

uv run python -m benchmarks.startup [--rounds 3] [--json]
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from tests.support.suites import EmbeddedSuite

READY_S_MAX = 2.0
IDLE_MB_MAX = 220.0
SETTLE_S = 5.0


def resident_mb(pid: int) -> float:
    """Resident set size of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    ready: list[float] = []
    idle: list[float] = []
    with tempfile.TemporaryDirectory(prefix="radbridge-start-") as name:
        suite = EmbeddedSuite(Path(name) / "data")
        for number in range(arguments.rounds + 1):
            began = time.perf_counter()
            suite.start()
            took = time.perf_counter() - began
            if number:
                ready.append(took)
                time.sleep(SETTLE_S)
                assert suite.process is not None
                idle.append(resident_mb(suite.process.pid))
            suite.stop()
    found = {
        "ready_s": statistics.median(ready),
        "ready_s_spread": [min(ready), max(ready)],
        "ready_s_max": READY_S_MAX,
        "idle_mb": statistics.median(idle),
        "idle_mb_max": IDLE_MB_MAX,
    }
    if arguments.json:
        print(json.dumps(found))
        return
    print(
        f"warm start: ready after {found['ready_s']:.2f} s "
        f"({min(ready):.2f}-{max(ready):.2f}; at most {READY_S_MAX:g}), "
        f"idle {found['idle_mb']:.0f} MB (at most {IDLE_MB_MAX:g})"
    )


if __name__ == "__main__":
    main()
