"""``radbridge demo``: the whole journey of one exam, live."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from radbridge.cli.client import DEFAULT_DATA, DEFAULT_URL, Data, SuiteClient, Url
from radbridge.cli.output import Json, fail, print_json

if TYPE_CHECKING:
    from radbridge.cli.demo.journey import StepDone


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    dicom_port: Annotated[int, typer.Option(help="DICOM port of the suite at --url.")] = 11112,
    as_json: Json = False,
) -> None:
    """Play two hospitals and a patient on the suite that answers, else on one of its own; exit code 1 if a step does
    not happen."""
    from radbridge.cli.demo.gateways import running_gateways
    from radbridge.cli.demo.journey import Journey
    from radbridge.cli.demo.parties import StepFailedError
    from radbridge.cli.demo.set_up import set_up
    from radbridge.cli.demo.suite import Suite, answers, own_suite

    show = _say_nothing if as_json else _Timeline().show
    with ExitStack() as stack:
        try:
            found = answers(url)
            suite = Suite(url, dicom_port, data) if found else stack.enter_context(own_suite())
            if not as_json:
                where = suite.url if found else f"{suite.url}（临时启动 started for this demo）"
                typer.echo(f"影桥 RadBridge  {where}")
            gateways = stack.enter_context(running_gateways())
            client = stack.enter_context(SuiteClient(suite.url, suite.data))
            host = urlsplit(suite.url).hostname or "127.0.0.1"
            journey = Journey(
                client.http, (host, suite.dicom_port), set_up(client.http, gateways), gateways, report=show
            )
            made = journey.run()
        except StepFailedError as error:
            fail(str(error), as_json=as_json)
    if as_json:
        print_json({"ok": True, **made, "steps": [_json(step) for step in journey.steps]})
    else:
        total = sum(step.duration_ms for step in journey.steps)
        typer.echo(f"完成 done：{len(journey.steps)} 步，{total:.0f} ms；检查 exam {made['exam_id']}")


class _Timeline:
    """Prints each step as it is done."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False)

    def show(self, step: "StepDone") -> None:
        self._console.print(
            f"[green]✓[/] [bold]{step.party:<10}[/] {step.title}  [dim]{step.title_en}[/]  "
            f"[cyan]{step.duration_ms:.0f} ms[/]"
        )
        if step.details:
            self._console.print(f"    [dim]{step.details}[/]")


def _say_nothing(step: "StepDone") -> None:
    """With ``--json`` there is one value at the end."""


def _json(step: "StepDone") -> dict[str, Any]:
    return {
        "party": step.party,
        "title": step.title,
        "title_en": step.title_en,
        "duration_ms": round(step.duration_ms, 1),
        "details": step.details,
    }
