"""Where the published standards, the requirements and the external test vectors lie."""

from __future__ import annotations

import os
from pathlib import Path

from tools.stamps import ROOT


def find_shared_data() -> Path | None:
    """RADBRIDGE_SHARED, else `shared` beside the repository; None where it is absent."""
    named = os.environ.get("RADBRIDGE_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    return folder.resolve() if (folder / "specs").is_dir() else None
