"""``radbridge exam``: one exam's journey at the terminal."""

from typing import Annotated, Any

import typer

from radbridge.cli.client import DEFAULT_DATA, DEFAULT_URL, Data, SuiteClient, Url
from radbridge.cli.output import Json, emit


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Exams and their journeys.", no_args_is_help=True)
    group.command()(show)
    app.add_typer(group, name="exam")
    group.callback()(_group)


def _group() -> None:
    """Exams and their journeys."""


def show(
    exam_id: Annotated[str, typer.Argument(metavar="ID", help="The exam's id.")],
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Show what happened to an exam, from events alone."""
    with SuiteClient(url, data) as client:
        found: dict[str, Any] = client.get(f"/api/portal/v1/exams/{exam_id}")
    emit(found, as_json=as_json, text=lambda: _text(found))


def _text(found: dict[str, Any]) -> str:
    exam = found["exam"]
    lines = [f"{exam['exam_number']}  {exam['item_name']}  {exam['hospital_name']}  {exam['status']}"]
    for step in found["steps"]:
        since = step["since_previous_ms"]
        lines.append(
            f"  {step['at']}  {'' if since is None else f'+{since} ms':>10}  {step['kind']:<9} {step['outcome']:<8} "
            f"{step['type']}"
        )
    return "\n".join(lines)
