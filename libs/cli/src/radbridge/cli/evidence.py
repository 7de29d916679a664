"""The commands of ``radbridge verify`` on the chain of evidence that a suite keeps of its verdicts."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from radbridge.cli.client import DEFAULT_DATA, DEFAULT_URL, Data, SuiteClient, Url
from radbridge.cli.output import Json, emit

NOT_GOOD = 1
_EVIDENCE = "/api/signing/v1/evidence"

Head: TypeAlias = Annotated[
    str, typer.Option("--head", help="A hash noted earlier, which must still be in the chain: shows a cut-off end.")
]


def evidence(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.jsonl", exists=True, dir_okay=False, help="An export of the evidence.")
    ],
    head: Head = "",
    as_json: Json = False,
) -> None:
    """Check an exported hash chain of evidence: every entry unchanged, none missing between the first and the last."""
    with file.open("rb") as lines:
        _check_chain(lines, head, as_json)


def chain(head: Head = "", url: Url = DEFAULT_URL, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Fetch a suite's whole chain of evidence and check it here, entry by entry."""
    with SuiteClient(url, data) as client:
        _check_chain(client.lines(_EVIDENCE), head, as_json)


def again(
    position: Annotated[int, typer.Argument(min=1, help="Position in the chain of evidence.")],
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Have a stored verdict made anew from its stored evidence; not good where it differs."""
    with SuiteClient(url, data) as client:
        found: dict[str, Any] = client.post(f"{_EVIDENCE}/{position}/judge-again")
    same = "the same verdict" if found["same"] else f"NOT THE SAME: {', '.join(found['differences'])}"
    emit(found, as_json=as_json, text=lambda: f"position {position}: {same}")
    if not found["same"]:
        raise typer.Exit(NOT_GOOD)


def _check_chain(lines: Iterable[str | bytes], known_hash: str, as_json: bool) -> None:
    from radbridge.signing.domain.evidence_chain import check_chain

    found = check_chain(lines, known_hash=known_hash)
    said = "the chain holds" if found.holds else f"THE CHAIN IS BROKEN: {found.fault}"
    span = f"{found.entries} entries, positions {found.first} to {found.last}, head {found.head}"
    emit(found.to_dict(), as_json=as_json, text=lambda: f"{said}\n  {span}")
    if not found.holds:
        raise typer.Exit(NOT_GOOD)
