"""``radbridge check``: what is wrong with settings, dependencies and topics."""

import asyncio
import os
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from radbridge.cli.client import DEFAULT_DATA, DEFAULT_URL, Data, SuiteClient, SuiteError, Url
from radbridge.cli.output import Json, emit

if TYPE_CHECKING:
    from radbridge.runtime.settings import RuntimeSettings

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    reason: str = ""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(url: Url = DEFAULT_URL, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Say what is wrong. With RADBRIDGE_EVENTS_URL (or …_FILE) set, the environment of a service is checked (settings,
    vault, database, event log, topics, objects); else the suite that answers at --url. Exit code 1 if anything is
    wrong."""
    in_environment = any(os.environ.get(name) for name in ("RADBRIDGE_EVENTS_URL", "RADBRIDGE_EVENTS_URL_FILE"))
    findings = check_environment() if in_environment else check_suite(SuiteClient(url, data))
    ok = all(finding.ok for finding in findings)
    emit({"ok": ok, "checks": [asdict(finding) for finding in findings]}, as_json=as_json, text=lambda: _text(findings))
    if not ok:
        raise typer.Exit(1)


def check_suite(client: SuiteClient) -> list[Finding]:
    """The readiness checks of every service of a running suite."""
    import httpx

    try:
        answer = client.http.get("/readyz")
        services: dict[str, list[dict[str, str]]] = answer.json()["services"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise SuiteError(
            f"no suite answers at {client.url} ({type(error).__name__}); is `radbridge up` running?"
        ) from None
    return [
        Finding(f"{service}: {found['name']}", bool(found["ok"]), found.get("reason", ""))
        for service, checks in services.items()
        for found in checks
    ]


def check_environment() -> list[Finding]:
    """Settings, vault and dependencies of the service whose environment this is."""
    from radbridge.runtime.security.vault import Vault, VaultError
    from radbridge.runtime.settings import RuntimeSettings, SettingsError, load_settings

    try:
        settings = load_settings(RuntimeSettings)
    except SettingsError as error:
        return [Finding(*_split(line)) for line in str(error).splitlines()]
    findings = [Finding("settings", ok=True)]
    try:
        Vault.from_text(settings.vault_key.get_secret_value())
        findings.append(Finding("vault", ok=True))
    except VaultError as error:
        findings.append(Finding("vault", ok=False, reason=f"RADBRIDGE_VAULT_KEY: {error}"))
    return findings + asyncio.run(_check_dependencies(settings))


async def _check_dependencies(settings: "RuntimeSettings") -> list[Finding]:
    from radbridge.contracts.topics import TOPICS
    from radbridge.runtime.blobs.open import open_blobs
    from radbridge.runtime.bus.open import open_log
    from radbridge.runtime.database.open import open_database

    async def database() -> None:
        opened = open_database(settings.database_url, service="check")
        try:
            await opened.ping()
        finally:
            await opened.close()

    async def objects() -> None:
        opened = open_blobs(settings.blobs_url)
        try:
            await opened.ping()
        finally:
            await opened.close()

    async def events() -> None:
        log = open_log(settings.events_url)
        try:
            await log.ping()
            missing = sorted({topic.name for topic in TOPICS} - set(await log.topics()))
            if missing:
                raise RuntimeError(f"topics are missing: {', '.join(missing)}; run `radbridge topics`")
        finally:
            await log.close()

    works = {"RADBRIDGE_DATABASE_URL": database, "RADBRIDGE_EVENTS_URL": events, "RADBRIDGE_BLOBS_URL": objects}
    return [await _find(name, work()) for name, work in works.items()]


async def _find(name: str, work: Awaitable[None]) -> Finding:
    from radbridge.runtime.telemetry.logs import describe_error

    try:
        async with asyncio.timeout(_SECONDS):
            await work
    except TimeoutError:
        return Finding(name, ok=False, reason=f"no answer within {_SECONDS:g} s")
    except Exception as error:
        return Finding(name, ok=False, reason=describe_error(error))
    return Finding(name, ok=True)


def _split(line: str) -> tuple[str, bool, str]:
    name, _, reason = line.partition(": ")
    return name, False, reason


def _text(findings: list[Finding]) -> str:
    return "\n".join(f"{'ok   ' if f.ok else 'WRONG'}  {f.name}{': ' + f.reason if f.reason else ''}" for f in findings)
