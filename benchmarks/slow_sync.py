"""A disk with slow syncs: a preloaded shim that makes ``fsync`` and ``fdatasync`` take 2 ms longer."""

import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("slow_sync.c")


def preload(folder: Path) -> dict[str, str]:
    """Environment under which each sync of a process takes longer. The shim is compiled into ``folder``."""
    library = folder / "slow_sync.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}
