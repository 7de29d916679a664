"""`make requirements`: which requirements tests prove and which not, by capability.

The requirements are `specs/requirements.csv`, the capabilities the headings of `specs/requirements.md` beside it. A
requirement is proven when a test tagged with it passed in its last run and none failed; tagged when its tests have not
run or were skipped. Rows of the kind `non-software` need no test and are left out. `--missing` adds what each unproven
requirement asks.
"""

from __future__ import annotations

import csv
import re
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.console import StepError, main
from tools.proven import ProvingTest, load_proving_tests
from tools.shared_data import find_shared_data
from tools.stamps import ROOT

_CAPABILITY = re.compile(r"^#### (\d+)\. (.+)$")
_ROWS = re.compile(r"([A-Z]{2})-(\d{3})(?:\.\.(\d{3}))?")


@dataclass(frozen=True)
class Capability:
    """One capability and the ids of its requirements."""

    title: str
    ids: tuple[str, ...]


def read_capabilities(markdown: str) -> list[Capability]:
    """The capabilities of requirements.md; `SX-017..022` in a list of rows means six of them."""
    found: list[Capability] = []
    title = ""
    for line in markdown.splitlines():
        if heading := _CAPABILITY.match(line):
            title = f"{heading[1]}. {heading[2]}"
        elif title and line.startswith("- Rows:"):
            found.append(Capability(title, tuple(_expand(line))))
            title = ""
    return found


def _expand(rows: str) -> Iterator[str]:
    for seed, first, last in _ROWS.findall(rows):
        for number in range(int(first), int(last or first) + 1):
            yield f"{seed}-{number:03}"


def standing(tests: dict[str, ProvingTest]) -> dict[str, str]:
    """Requirement id → proven | tagged | failing."""
    outcomes: dict[str, set[str | None]] = {}
    for test in tests.values():
        for id_ in test["proves"]:
            outcomes.setdefault(id_, set()).add(test["outcome"])
    return {
        id_: "failing" if "failed" in seen else "proven" if "passed" in seen else "tagged"
        for id_, seen in outcomes.items()
    }


def report(specs: Path, *, with_missing: bool) -> tuple[str, list[str]]:
    """The report's text, and the ids that tests name but no requirement has."""
    with (specs / "requirements.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    software = {id_ for id_, row in rows.items() if row["kind"] != "non-software"}
    status = standing(load_proving_tests())
    lines: list[str] = []
    for capability in read_capabilities((specs / "requirements.md").read_text(encoding="utf-8")):
        ids = [id_ for id_ in capability.ids if id_ in software]
        if not ids:
            continue
        by_status = {name: [id_ for id_ in ids if status.get(id_) == name] for name in ("proven", "tagged", "failing")}
        lines.append(f"{capability.title}: {len(by_status['proven'])} of {len(ids)} proven")
        for name, members in by_status.items():
            lines += _wrapped(name, members)
        missing = [id_ for id_ in ids if id_ not in status]
        lines += _wrapped("not proven", missing)
        if with_missing:
            lines += [f"      {id_} ({rows[id_]['owner']}): {rows[id_]['text_en']}" for id_ in missing]
    counts = {name: sum(status.get(id_) == name for id_ in software) for name in ("proven", "tagged", "failing")}
    lines.append(
        f"\n{len(software)} requirements: {counts['proven']} proven, {counts['tagged']} tagged but not run or skipped, "
        f"{counts['failing']} failing, {len(software) - sum(counts.values())} not proven"
    )
    return "\n".join(lines), sorted(set(status) - set(rows))


def _wrapped(name: str, ids: list[str]) -> list[str]:
    if not ids:
        return []
    return textwrap.wrap(f"{name}: {' '.join(ids)}", 118, initial_indent="    ", subsequent_indent="      ")


def run(arguments: list[str]) -> None:
    """Collect the tests, then print the report.

    Raises:
        StepError: the requirements are not here, the tests cannot be collected, or a test names an unknown id.
    """
    shared = find_shared_data()
    if shared is None:
        raise StepError("the requirements are not here (RADBRIDGE_SHARED, or ../shared)")
    pytest = [str(ROOT / ".venv" / "bin" / "pytest"), "--collect-only", "-q"]
    collected = subprocess.run(pytest, cwd=ROOT, capture_output=True, text=True, check=False)
    if collected.returncode:
        raise StepError(f"the tests cannot be collected:\n{collected.stdout[-3000:]}{collected.stderr[-1000:]}")
    text, unknown = report(shared / "specs", with_missing="--missing" in arguments)
    print(text)
    if unknown:
        raise StepError(f"tests name ids that no requirement has: {', '.join(unknown)}")


if __name__ == "__main__":
    main(run)
