"""A CA's test data as it comes: folders of files, or one JSON file."""

import base64
import json
from pathlib import Path
from typing import Any, cast

_DEMANDED = ("original", "certificate", "signature", "timestamp")
_DOCUMENT = "document"


class UnusableSets(ValueError):
    """The test data cannot be read; the text says what is wrong."""


def read_sets(path: Path) -> list[dict[str, str]]:
    """The sets of a folder with one folder each, or of a JSON file, as the trial's API takes them.

    :raises UnusableSets: they are none.
    """
    try:
        sets = _of_folder(path) if path.is_dir() else _of_json(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableSets(f"{path}: {error}") from None
    if not sets:
        raise UnusableSets(f"{path}: no set of test data inside")
    return sets


def _of_json(path: Path) -> list[dict[str, str]]:
    try:
        parsed: Any = json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise UnusableSets(f"{path}: not JSON: {error}") from None
    sets: Any = cast("dict[str, Any]", parsed).get("sets") if isinstance(parsed, dict) else parsed
    if not isinstance(sets, list):
        raise UnusableSets(f"{path}: no list of sets inside")
    return cast("list[dict[str, str]]", sets)


def _of_folder(path: Path) -> list[dict[str, str]]:
    folders = sorted(one for one in path.iterdir() if one.is_dir() and not one.name.startswith("."))
    return [_of_files(one) for one in folders]


def _of_files(folder: Path) -> dict[str, str]:
    """Files by the first part of their names; what is base64 or PEM already stays as it is, but for the original."""
    files = {one.name.partition(".")[0].lower(): one.read_bytes() for one in sorted(folder.iterdir()) if one.is_file()}
    missing = [name for name in _DEMANDED[:-1] if name not in files]
    if missing:
        raise UnusableSets(f"{folder}: no file called {', '.join(missing)}")
    found = {"name": folder.name}
    for name in (*_DEMANDED, _DOCUMENT):
        if name in files:
            is_raw = name in ("original", _DOCUMENT)
            found[name] = base64.b64encode(files[name]).decode() if is_raw else _text(files[name])
    return found


def _text(data: bytes) -> str:
    """The base64 text or PEM that a file holds, or the base64 of its octets."""
    stripped = b"".join(data.split())
    if data.lstrip().startswith(b"-----BEGIN"):
        return data.decode("ascii", "replace")
    try:
        base64.b64decode(stripped, validate=True)
    except ValueError:
        return base64.b64encode(data).decode()
    return stripped.decode()
