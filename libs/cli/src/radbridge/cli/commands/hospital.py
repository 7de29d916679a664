"""``radbridge hospital``: institutions and their credentials."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from radbridge.cli.client import DEFAULT_DATA, DEFAULT_URL, Data, SuiteClient, Url
from radbridge.cli.output import Json, emit

Code = Annotated[str, typer.Option(help="Unified social credit code (Shanxi), or the code the region assigned.")]
CodeHere = Annotated[str, typer.Argument(metavar="CODE", help="The hospital's code.", show_default=False)]
CodeOption = Annotated[str, typer.Option("--code", help="The hospital's code, instead of CODE.", show_default=False)]

_PATH = "/api/ingest-api/v1/institutions"
_SHOWN_LAST = ("sm4_key", "access_key", "secret_key", "app_id", "secure_code")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Institutions and their credentials.", no_args_is_help=True)
    group.command()(add)
    group.command(name="list")(list_hospitals)
    group.command()(show)
    group.command(name="rotate-key")(rotate_key)
    group.command()(disable)
    app.add_typer(group, name="hospital")


def add(
    code: Code,
    name: Annotated[str, typer.Option(help="Name as patients know it.")],
    dialect: Annotated[str, typer.Option(help="shanxi, neijiang or jiangsu.")] = "shanxi",
    ae_title: Annotated[str, typer.Option(help="Calling AE title of its PACS; derived from the code if empty.")] = "",
    host: Annotated[list[str] | None, typer.Option(help="Host that its addresses may name; may be repeated.")] = None,
    service_phone: Annotated[str, typer.Option(help="Shown to patients whose link has expired.")] = "",
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Register a hospital and issue its credentials; returns when every running service applies them."""
    body = {
        "code": code,
        "name": name,
        "dialect": dialect,
        "ae_title": ae_title,
        "hosts": host or [],
        "service_phone": service_phone,
    }
    with SuiteClient(url, data) as client:
        _emit(client.post(_PATH, body), as_json=as_json)


def list_hospitals(url: Url = DEFAULT_URL, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """List all hospitals, without secrets."""
    with SuiteClient(url, data) as client:
        found: list[dict[str, Any]] = client.get(_PATH)["institutions"]

    def line(hospital: dict[str, Any]) -> str:
        name = hospital["name"] if hospital["enabled"] else f"{hospital['name']} (disabled)"
        return f"{hospital['code']:<22}  {hospital['dialect']:<8}  {hospital['ae_title']:<16}  {name}"

    emit(found, as_json=as_json, text=lambda: "\n".join(map(line, found)))


def show(
    code: CodeHere = "",
    code_option: CodeOption = "",
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Show a hospital with its credentials."""
    with SuiteClient(url, data) as client:
        _emit(client.get(f"{_PATH}/{_one_of(code, code_option)}"), as_json=as_json)


def rotate_key(
    code: CodeHere = "",
    code_option: CodeOption = "",
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Issue new credentials; the old ones are refused from now on."""
    with SuiteClient(url, data) as client:
        _emit(client.post(f"{_PATH}/{_one_of(code, code_option)}/rotate-key"), as_json=as_json)


def disable(
    code: CodeHere = "",
    code_option: CodeOption = "",
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Refuse everything a hospital sends from now on."""
    with SuiteClient(url, data) as client:
        _emit(client.post(f"{_PATH}/{_one_of(code, code_option)}/disable"), as_json=as_json)


def _one_of(code: str, code_option: str) -> str:
    if bool(code) == bool(code_option):
        raise typer.BadParameter("name the hospital once, as CODE or with --code")
    return quote(code or code_option, safe="")


def _emit(institution: dict[str, Any], *, as_json: bool) -> None:
    names = [name for name in institution if name not in _SHOWN_LAST]
    names += [name for name in _SHOWN_LAST if name in institution]
    emit(institution, as_json=as_json, text=lambda: "\n".join(f"{name:<20}  {institution[name]}" for name in names))
