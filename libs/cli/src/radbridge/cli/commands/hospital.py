"""``radbridge hospital``: institutions, their settings and their credentials."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from radbridge.cli.client import DEFAULT_DATA, DEFAULT_URL, Data, SuiteClient, Url
from radbridge.cli.output import Json, emit

Code = Annotated[str, typer.Option(help="Unified social credit code (Shanxi), or the code the region assigned.")]
CodeHere = Annotated[str, typer.Argument(metavar="CODE", help="The hospital's code.", show_default=False)]
CodeOption = Annotated[str, typer.Option("--code", help="The hospital's code, instead of CODE.", show_default=False)]
Hosts = Annotated[list[str] | None, typer.Option("--host", help="Host that its addresses may name; may be repeated.")]
Dialect = Annotated[str | None, typer.Option(help="shanxi, neijiang or jiangsu.")]
AeTitle = Annotated[str | None, typer.Option(help="Calling AE title of its PACS; derived from the code if empty.")]
ServicePhone = Annotated[
    str | None, typer.Option("--service-phone", "--phone", help="Shown to patients whose link has expired.")
]
ClockSkew = Annotated[int | None, typer.Option(help="Seconds by which the clocks of its senders may differ.")]
SigningPolicy = Annotated[str | None, typer.Option(help="reject, warn or hold.")]
DicomAddress = Annotated[str | None, typer.Option(help="HOST:PORT that takes storage commitment reports.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--setting", metavar="NAME=VALUE", help="Any setting; may be repeated. No VALUE takes it away."),
]

_PATH = "/api/ingest-api/v1/institutions"
_SHOWN_LAST = ("sm4_key", "access_key", "secret_key", "app_id", "secure_code")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Institutions, their settings and their credentials.", no_args_is_help=True)
    group.command()(add)
    group.command(name="list")(list_hospitals)
    group.command()(show)
    group.command(name="set")(set_members)
    group.command(name="rotate-key")(rotate_key)
    group.command()(disable)
    group.command()(enable)
    app.add_typer(group, name="hospital")


def add(
    code: Code,
    name: Annotated[str, typer.Option(help="Name as patients know it.")],
    dialect: Dialect = None,
    ae_title: AeTitle = None,
    host: Hosts = None,
    service_phone: ServicePhone = None,
    clock_skew: ClockSkew = None,
    signing_policy: SigningPolicy = None,
    dicom_address: DicomAddress = None,
    setting: Settings = None,
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Register a hospital and issue its credentials; returns when every running service applies them."""
    given = _given(
        code=code,
        name=name,
        dialect=dialect,
        ae_title=ae_title,
        hosts=host,
        service_phone=service_phone,
        clock_skew_seconds=clock_skew,
        settings=_settings(setting, signing_policy=signing_policy, dicom_address=dicom_address),
    )
    with SuiteClient(url, data) as client:
        _emit(client.post(_PATH, given), as_json=as_json)


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


def set_members(
    code: CodeHere = "",
    code_option: CodeOption = "",
    name: Annotated[str | None, typer.Option(help="Name as patients know it.")] = None,
    dialect: Dialect = None,
    ae_title: AeTitle = None,
    host: Hosts = None,
    no_hosts: Annotated[bool, typer.Option("--no-hosts", help="Its addresses may name no host any more.")] = False,
    service_phone: ServicePhone = None,
    clock_skew: ClockSkew = None,
    signing_policy: SigningPolicy = None,
    dicom_address: DicomAddress = None,
    setting: Settings = None,
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Change what is given of a hospital, and nothing else; the hosts that are given replace those that were. Returns
    when every running service applies it."""
    if host and no_hosts:
        raise typer.BadParameter("give hosts, or --no-hosts")
    given = _given(
        name=name,
        dialect=dialect,
        ae_title=ae_title,
        hosts=[] if no_hosts else host,
        service_phone=service_phone,
        clock_skew_seconds=clock_skew,
        settings=_settings(setting, signing_policy=signing_policy, dicom_address=dicom_address),
    )
    if not given:
        raise typer.BadParameter("name what is to change; --help lists it")
    with SuiteClient(url, data) as client:
        _emit(client.patch(f"{_PATH}/{_one_of(code, code_option)}", given), as_json=as_json)


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


def enable(
    code: CodeHere = "",
    code_option: CodeOption = "",
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Accept again what a disabled hospital sends; its credentials are the same."""
    with SuiteClient(url, data) as client:
        _emit(client.post(f"{_PATH}/{_one_of(code, code_option)}/enable"), as_json=as_json)


def _given(**members: Any) -> dict[str, Any]:
    """What was given on the command line; the suite knows the defaults."""
    return {name: value for name, value in members.items() if value is not None}


def _settings(pairs: list[str] | None, **named: str | None) -> dict[str, str | None] | None:
    """The settings that were given, ``None`` for those to take away; ``None`` where none was."""
    given = {name: value for name, value in named.items() if value is not None}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f"{pair}: a setting is given as NAME=VALUE")
        if name in given:
            raise typer.BadParameter(f"{name} is given twice")
        given[name] = value
    return {name: value or None for name, value in given.items()} or None


def _one_of(code: str, code_option: str) -> str:
    if bool(code) == bool(code_option):
        raise typer.BadParameter("name the hospital once, as CODE or with --code")
    return quote(code or code_option, safe="")


def _emit(institution: dict[str, Any], *, as_json: bool) -> None:
    names = [name for name in institution if name not in _SHOWN_LAST]
    names += [name for name in _SHOWN_LAST if name in institution]
    emit(institution, as_json=as_json, text=lambda: "\n".join(f"{name:<20}  {institution[name]}" for name in names))
