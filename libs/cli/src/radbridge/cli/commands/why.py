"""``radbridge why``: why a hospital is reminded of an exam, or is not."""

from typing import Annotated, Any

import typer

from radbridge.cli.client import DEFAULT_DATA, DEFAULT_URL, Data, SuiteClient, Url
from radbridge.cli.output import Json, emit


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(why)


def why(
    hospital: Annotated[str, typer.Option(help="Code of the hospital that asks.")],
    patient: Annotated[str, typer.Option(help="Resident ID number, or the hospital's own patient number.")],
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """For each exam of a person: listed, or why not (window, unmapped item, verdict)."""
    with SuiteClient(url, data) as client:
        exams: list[dict[str, Any]] = client.post(
            "/api/recognition/v1/why", {"hospital_code": hospital, "patient": patient}
        )["exams"]

    def text() -> str:
        if not exams:
            return "no exam of this person is known"
        return "\n".join(
            f"{exam['reason']:<16}  {exam['moment'][:10]}  {exam['hospital_code']:<22}  {exam['exam_number']}  "
            f"{exam['item_name']}"
            for exam in exams
        )

    emit(exams, as_json=as_json, text=text)
