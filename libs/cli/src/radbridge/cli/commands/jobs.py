"""``radbridge migrate`` and ``radbridge topics``: the jobs of a deployment (``RADBRIDGE_MIGRATE=never``)."""

import asyncio
from typing import Annotated

import typer

from radbridge.cli.output import Json, emit, fail


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(migrate)
    app.command()(topics)


def migrate(
    service: Annotated[str, typer.Argument(help="Name of the service whose database RADBRIDGE_DATABASE_URL is.")],
    as_json: Json = False,
) -> None:
    """Bring a service's database to its newest revision."""
    from radbridge.cli.services import SERVICES, load_service
    from radbridge.runtime.database.protocol import DatabaseError
    from radbridge.runtime.migrations import migrate as migrate_database
    from radbridge.runtime.settings import DatabaseSettings, SettingsError, load_settings

    if service not in SERVICES:
        fail(f"there is no service {service!r}; there are {', '.join(SERVICES)}", as_json=as_json, code=2)
    try:
        url = load_settings(DatabaseSettings).database_url
        changed = asyncio.run(migrate_database(url, load_service(service).migrations))
    except (SettingsError, DatabaseError, OSError) as error:
        fail(str(error), as_json=as_json)
    emit(
        {"service": service, "changed": changed},
        as_json=as_json,
        text=lambda: f"{service}: {'migrated' if changed else 'nothing to do'}",
    )


def topics(as_json: Json = False) -> None:
    """Create the topics that are missing; refuses to shrink one that exists."""
    from radbridge.contracts.topics import TOPICS
    from radbridge.runtime.bus.open import open_log
    from radbridge.runtime.bus.protocol import BusError
    from radbridge.runtime.settings import EventLogSettings, SettingsError, load_settings

    async def ensure(url: str) -> list[str]:
        log = open_log(url)
        try:
            return await log.ensure_topics(TOPICS)
        finally:
            await log.close()

    try:
        made = asyncio.run(ensure(load_settings(EventLogSettings).events_url))
    except (SettingsError, BusError, ValueError, OSError) as error:
        fail(str(error), as_json=as_json)
    emit({"made": made}, as_json=as_json, text=lambda: "\n".join(made) if made else "nothing to do")
