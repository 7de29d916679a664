"""Stamps: a step is skipped while the hash of what it was made from is the one its stamp holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
CACHE = ROOT / ".cache"
TEST_SERVERS = CACHE / "test-servers"


def digest(files: Iterable[Path] = (), *words: str) -> str:
    """Hash of the words and of the files' names and contents, whatever order the files come in."""
    total = hashlib.sha256("\0".join(words).encode())
    for file in sorted(files):
        total.update(str(file).encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def is_fresh(stamp: Path, inputs: str) -> bool:
    """True while the stamp holds these inputs."""
    return stamp.is_file() and stamp.read_text() == inputs


def set_stamp(stamp: Path, inputs: str) -> None:
    """Write the stamp, after the step has succeeded and not before."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(inputs)
