"""Writes the generated files; ``python -m radbridge.contracts.schemas``."""

import json
import sys

from radbridge.contracts.schemas.compatibility import breaking_changes
from radbridge.contracts.schemas.generate import ASYNCAPI, FOLDER, files


def main() -> int:
    """Write what changed. Exit code 1, and nothing written, when a change would break a reader."""
    wanted = files()
    faults: list[str] = []
    for name, text in wanted.items():
        path = FOLDER / name
        if name != ASYNCAPI and path.exists():
            found = breaking_changes(json.loads(path.read_text("utf-8")), json.loads(text))
            faults += [f"{name}: {fault}" for fault in found]
    gone = {path.name for path in FOLDER.glob("*.json")} - wanted.keys()
    faults += [f"{name}: the event disappeared" for name in sorted(gone)]
    if faults:
        print("\n".join(["These changes need a new major version of the event:", *faults]), file=sys.stderr)
        return 1
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, "utf-8")
    print(f"{len(wanted)} files written to {FOLDER}")
    return 0


sys.exit(main())
