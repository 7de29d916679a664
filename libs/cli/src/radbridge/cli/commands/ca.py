"""``radbridge ca``: certification authorities that verdicts trust."""

import base64
from pathlib import Path
from typing import Annotated, Any

import typer

from radbridge.cli.client import DEFAULT_DATA, DEFAULT_URL, Data, SuiteClient, Url
from radbridge.cli.output import Json, emit

_PATH = "/api/signing/v1/authorities"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Certification authorities.", no_args_is_help=True)
    group.command()(add)
    group.command(name="list")(list_authorities)
    app.add_typer(group, name="ca")


def add(
    name: Annotated[str, typer.Argument(help="Name of the CA; its material is replaced when it exists.")],
    root: Annotated[list[Path], typer.Option(exists=True, dir_okay=False, help="Trust anchor, PEM or DER.")],
    intermediate: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="Any further certificate: sub CAs, TSAs, expired, revoked."),
    ] = None,
    crl: Annotated[list[str] | None, typer.Option(help="Revocation list: a file, or an address to fetch.")] = None,
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Register a CA; returns when verdicts use it. Every option may be repeated."""
    lists = crl or []
    addresses = [entry for entry in lists if entry.startswith(("http://", "https://"))]
    body = {
        "roots": [_read(path) for path in root],
        "intermediates": [_read(path) for path in intermediate or []],
        "crls": [_read(Path(entry)) for entry in lists if entry not in addresses],
        "crl_urls": addresses,
    }
    with SuiteClient(url, data) as client:
        found = client.request("PUT", f"{_PATH}/{name}", json=body)
    emit(found, as_json=as_json, text=lambda: _text(found))


def list_authorities(url: Url = DEFAULT_URL, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """List all registered CAs with their material."""
    with SuiteClient(url, data) as client:
        found: list[dict[str, Any]] = client.get(_PATH)["authorities"]
    emit(found, as_json=as_json, text=lambda: "\n".join(map(_text, found)))


def _read(path: Path) -> str:
    try:
        return base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from None


def _text(authority: dict[str, Any]) -> str:
    lines = [authority["name"]]
    for material in authority["material"]:
        what = ", ".join(material["subjects"]) or material["url"] or "revocation list"
        lines.append(f"  {material['kind']:<12}  {what}{'' if material['fetched'] else '  (not fetched yet)'}")
    return "\n".join(lines)
