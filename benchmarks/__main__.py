"""All benchmarks, one after the other: ``python -m benchmarks`` (``make bench``)."""

import subprocess
import sys

RUNS: tuple[tuple[str, ...], ...] = (
    ("validation",),
    ("embedded_log",),
    ("database_group_commit",),
    ("database_outbox",),
    ("signing_speed",),
    ("dicom_receive",),
    ("replacement",),
    ("startup",),
    ("visible",),
    ("visible", "--real"),
    ("exam_push",),
    ("exam_push", "--slow-sync"),
    ("exam_push", "--database", "postgresql"),
    ("telemetry_share",),
    ("report_stall",),
)


def main() -> int:
    """Run each in a process of its own; exit code 1 if one cannot run."""
    failed = [
        run for run in RUNS if subprocess.run([sys.executable, "-m", f"benchmarks.{run[0]}", *run[1:]]).returncode
    ]
    for run in failed:
        print(f"did not run: {' '.join(run)}", file=sys.stderr)
    return 1 if failed else 0


sys.exit(main())
