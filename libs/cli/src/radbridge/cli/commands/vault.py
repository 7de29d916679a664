"""``radbridge vault``: the root keys of a suite whose services run apart."""

from pathlib import Path
from typing import Annotated

import typer

from radbridge.cli.output import Json, emit, fail

File = Annotated[Path, typer.Argument(help="The vault's file.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="The root keys that everything sealed hangs on.")
    group.command()(new)
    group.command()(rotate)
    app.add_typer(group, name="vault")


def new(file: File, as_json: Json = False) -> None:
    """Make a vault with fresh keys (mode 0600). An existing file is left alone."""
    from radbridge.runtime.security.vault import Vault

    if file.exists():
        fail(f"{file} exists", as_json=as_json)
    vault = Vault.load_or_create(file)
    emit({"file": str(file), "root": vault.current_root}, as_json=as_json, text=lambda: f"{file} made")


def rotate(file: File, as_json: Json = False) -> None:
    """Add a root key, which wraps and signs from the next start on; older ones still open what they sealed."""
    from radbridge.runtime.security.vault import Vault, VaultError

    try:
        vault = Vault.load(file).rotate()
    except VaultError as error:
        fail(str(error), as_json=as_json)
    vault.save(file)
    emit(
        {"file": str(file), "root": vault.current_root},
        as_json=as_json,
        text=lambda: f"{file}: {vault.current_root} is the current root; restart all services",
    )
