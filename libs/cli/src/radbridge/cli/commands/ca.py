"""``radbridge ca``: certification authorities that verdicts trust."""

import base64
from pathlib import Path
from typing import Annotated, Any

import typer

from radbridge.cli.client import DEFAULT_DATA, DEFAULT_URL, Data, SuiteClient, Url
from radbridge.cli.output import Json, emit, fail

_PATH = "/api/signing/v1/authorities"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Certification authorities.", no_args_is_help=True)
    group.command()(add)
    group.command()(trial)
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
    raw_signatures: Annotated[
        bool, typer.Option("--raw-signatures", help="Its signers hand in 64 raw bytes r‖s; accept them beside DER.")
    ] = False,
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
        "raw_signatures": raw_signatures,
    }
    with SuiteClient(url, data) as client:
        found = client.request("PUT", f"{_PATH}/{name}", json=body)
    emit(found, as_json=as_json, text=lambda: _text(found))


def list_authorities(url: Url = DEFAULT_URL, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """List all registered CAs with their material."""
    with SuiteClient(url, data) as client:
        found: list[dict[str, Any]] = client.get(_PATH)["authorities"]
    emit(found, as_json=as_json, text=lambda: "\n".join(map(_text, found)))


def trial(
    name: Annotated[str, typer.Argument(help="Name of a registered CA.")],
    sets: Annotated[
        Path | None,
        typer.Option(
            exists=True, help="Test data: a folder with one folder a set, or a JSON file. Kept for next time."
        ),
    ] = None,
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Judge a CA's chain, revocation lists and test data check by check; exit code 1 where something is wrong.

    A set's folder has files called original, certificate, signature and timestamp, with any ending, and document for a
    sealed PDF or OFD. A JSON file is {"sets": [{"name", "original", "certificate", "signature", "timestamp",
    "document"}]} in base64. Without --sets the data handed in last is judged again.
    """
    from radbridge.cli.trial_sets import UnusableSets, read_sets

    try:
        body = {"sets": read_sets(sets)} if sets else {}
    except UnusableSets as error:
        fail(str(error), as_json=as_json, code=2)
    with SuiteClient(url, data) as client:
        found: dict[str, Any] = client.post(f"{_PATH}/{name}/trial", body)
    emit(found, as_json=as_json, text=lambda: _trial_text(found))
    if not found["passed"]:
        raise typer.Exit(1)


def _trial_text(found: dict[str, Any]) -> str:
    lines = [f"{found['name']}: {_passed(found['passed'])}", *_check_lines(found["checks"])]
    for one in found["sets"]:
        lines += [f"{one['name']}: {_passed(one['passed'])}", *_check_lines(one["checks"])]
    return "\n".join(lines)


def _passed(passed: bool) -> str:
    return "passed" if passed else "NOT PASSED"


def _check_lines(checks: list[dict[str, str]]) -> list[str]:
    return [f"  {check['result']:<8}  {check['name']:<24}  {check['reason']}" for check in checks]


def _read(path: Path) -> str:
    try:
        return base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from None


def _text(authority: dict[str, Any]) -> str:
    lines = [authority["name"] + ("  (raw signature values accepted)" if authority["raw_signatures"] else "")]
    for material in authority["material"]:
        what = ", ".join(material["subjects"]) or material["url"] or "revocation list"
        lines.append(f"  {material['kind']:<12}  {what}{_list_text(material)}")
        if material["problem"]:
            lines.append(f"  {'WARNING':<12}  {material['problem']}")
    return "\n".join(lines)


def _list_text(material: dict[str, Any]) -> str:
    """Number, end and standing of a revocation list, and why its address did not answer; empty for certificates."""
    found = material["revocation_list"]
    text = "" if material["fetched"] else "  (not fetched yet)"
    if found is not None:
        text = f"  No. {found['number'] or '-'}, next update {found['next_update'] or '-'}: {found['status']}"
    return f"{text}  ({material['fetch_error']})" if material["fetch_error"] else text
