"""Code lists of a standard, read from ``dictionaries/*.csv``.

``index.csv`` names each list: title, source, and the columns that hold accepted codes, the one that wins first (a
standard's print may be wrong, so the corrected code is accepted beside the printed one).
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Dictionary:
    """One code list. ``names`` maps every accepted code to its name, ``normal_forms`` every accepted code to the one
    that is stored."""

    id: str
    title: str
    source: str
    names: Mapping[str, str]
    normal_forms: Mapping[str, str]
    prefix_length: int = 0
    """When set, codes keep the length of those listed but only their first characters are listed (divisions)."""

    def contains(self, code: str) -> bool:
        """Whether the code is accepted."""
        if not self.prefix_length:
            return code in self.names
        return code.isascii() and code.isdigit() and self._listed_prefix(code) in self.names

    def normalize(self, code: str) -> str:
        """The form in which an accepted code is stored; other texts come back unchanged."""
        return self.normal_forms.get(code, code)

    def name_of(self, code: str) -> str | None:
        """Name of a code, for divisions that of the listed one above it."""
        return self.names.get(self._listed_prefix(code) if self.prefix_length else code)

    def _listed_prefix(self, code: str) -> str:
        length = len(next(iter(self.names)))
        return code[: self.prefix_length] + "0" * (length - self.prefix_length) if len(code) == length else ""


def load_dictionaries(folder: Path) -> Mapping[str, Dictionary]:
    """All lists that ``folder/index.csv`` names, by their id (the file's stem)."""
    return {row["dictionary"]: _load(folder, row) for row in read_rows(folder / "index.csv")}


def read_rows(file: Path) -> list[dict[str, str]]:
    """Rows of a CSV file with a header line (UTF-8)."""
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _load(folder: Path, row: Mapping[str, str]) -> Dictionary:
    names: dict[str, str] = {}
    normal_forms: dict[str, str] = {}
    entries = read_rows(folder / f"{row['dictionary']}.csv")
    for column in row["accepted"].split():
        for entry in entries:
            code = entry[column]
            if code and code not in names:
                names[code] = entry.get("corrected_name") or entry["name"]
                normal_forms[code] = entry.get("corrected") or entry.get("code") or code
    return Dictionary(
        id=row["dictionary"],
        title=row["title"],
        source=row["source"],
        names=names,
        normal_forms=normal_forms,
        prefix_length=int(row["prefix_length"] or 0),
    )
