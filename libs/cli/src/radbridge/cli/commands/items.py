"""``radbridge items``: a hospital's exam items in the recognition catalogues."""

import csv
import io
from pathlib import Path
from typing import Annotated

import typer

from radbridge.cli.client import DEFAULT_DATA, DEFAULT_URL, Data, SuiteClient, Url
from radbridge.cli.output import Json, emit, fail

COLUMNS = ("item_code", "item_name", "catalogue", "catalogue_code")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Exam items mapped to recognition catalogues.", no_args_is_help=True)
    group.command(name="import")(import_items)
    app.add_typer(group, name="items")


def import_items(
    file: Annotated[
        Path, typer.Argument(help=f"CSV with the columns {','.join(COLUMNS)}.", exists=True, dir_okay=False)
    ],
    hospital: Annotated[str, typer.Option(help="The hospital's code.")],
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Import mapped items; known ones are replaced. Reminders use them at once."""
    reader = csv.DictReader(io.StringIO(_text(file, as_json=as_json), newline=""))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
    if missing:
        fail(f"{file}: columns are missing: {', '.join(missing)}", as_json=as_json, code=2)
    items = [{column: (row[column] or "").strip() for column in COLUMNS} for row in reader]
    if not items:
        fail(f"{file}: no rows", as_json=as_json, code=2)
    with SuiteClient(url, data) as client:
        client.post("/api/recognition/v1/items", {"hospital_code": hospital, "items": items})
    emit(
        {"hospital_code": hospital, "imported": len(items)},
        as_json=as_json,
        text=lambda: f"{len(items)} items imported for {hospital}",
    )


def _text(file: Path, *, as_json: bool) -> str:
    """The file's text, in UTF-8 or as Chinese spreadsheets save it."""
    data = file.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError:
        fail(f"{file}: neither UTF-8 nor GB 18030", as_json=as_json, code=2)
