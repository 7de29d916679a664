"""``radbridge up``: every service in one process."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radbridge.cli.output import Json, fail, print_json

if TYPE_CHECKING:
    from radbridge.runtime.host.embedded import Address


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up(
    data: Annotated[Path, typer.Option(help="Folder that holds all data; made when missing.")] = Path("data"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the front door; 0 takes a free one.")] = 8080,
    dicom_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the DICOM service.")] = 11112,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    as_json: Json = False,
) -> None:
    """Run the whole suite in this process until SIGTERM or Ctrl-C."""
    from radbridge.cli.services import SERVICES, load_service
    from radbridge.runtime.host.embedded import Announcer, run_embedded
    from radbridge.runtime.host.lock import FolderInUse
    from radbridge.runtime.host.server import PortInUse
    from radbridge.runtime.security.vault import VaultError
    from radbridge.runtime.settings import SettingsError

    def show_addresses(addresses: Sequence["Address"]) -> None:
        if as_json:
            print_json({"ready": True, "addresses": {address.name: address.url for address in addresses}})
            return
        width = max(len(address.name) for address in addresses)
        for address in addresses:
            print(f"{address.name:<{width}}  {address.url}")
        print(f"{'token':<{width}}  {data.absolute() / 'admin.token'}")
        print(f"{'demo':<{width}}  make demo ARGS='{_demo_arguments(addresses, data)}'")

    announcer = Announcer(
        addresses=show_addresses,
        ready=lambda: None if as_json else print("ready", flush=True),
        waiting=lambda reasons: typer.echo(f"not ready yet: {reasons}", err=True),
    )
    definitions = [load_service(name) for name in SERVICES]
    try:
        run_embedded(definitions, data, port=port, dicom_port=dicom_port, host=host, announcer=announcer)
    except (FolderInUse, PortInUse, SettingsError, VaultError, OSError) as error:
        fail(str(error), as_json=as_json)


def _demo_arguments(addresses: Sequence["Address"], data: Path) -> str:
    """What ``radbridge demo`` must be told to find this suite."""
    urls = {address.name: address.url for address in addresses}
    dicom_port = urls["DICOM"].rpartition(":")[2]
    return f"--url {urls['console'].rstrip('/')} --dicom-port {dicom_port} --data {data}"
