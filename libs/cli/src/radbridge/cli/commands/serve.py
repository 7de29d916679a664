"""``radbridge serve``: one service, or the front door, in a process of its own."""

from typing import Annotated, Any

import typer

from radbridge.cli.output import Json, fail


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    service: Annotated[str, typer.Argument(help="Name of a service, or `front` for the front door.")],
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="HTTP port, instead of RADBRIDGE_PORT.")] = None,
    as_json: Json = False,
) -> None:
    """Run one service until SIGTERM; everything but the port comes from RADBRIDGE_… in the environment."""
    from radbridge.cli.services import SERVICES, load_service
    from radbridge.runtime.host.server import PortInUse
    from radbridge.runtime.security.vault import VaultError
    from radbridge.runtime.settings import RuntimeSettings, SettingsError, load_settings

    known: dict[str, Any] = {} if port is None else {"port": port}
    try:
        if service == "front":
            from radbridge.runtime.host.proxy import FrontSettings, run_front

            run_front(load_settings(FrontSettings, **known))
        elif service in SERVICES:
            from radbridge.runtime.host.single import run_service

            run_service(load_service(service), load_settings(RuntimeSettings, **known))
        else:
            fail(f"there is no service {service!r}; there are {', '.join(SERVICES)} and front", as_json=as_json, code=2)
    except (PortInUse, SettingsError, VaultError, ValueError, OSError) as error:
        fail(str(error), as_json=as_json)
