"""``deploy/make-secrets`` makes what an installation needs, once, and PostgreSQL takes its SQL."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from radbridge.cli.services import SERVICES
from radbridge.runtime.database.open import open_database
from tests.servers.postgres import PostgresCluster
from tools.stamps import ROOT


def make_secrets(folder: Path, **variables: str) -> None:
    argv = [ROOT / "deploy" / "make-secrets", folder]
    subprocess.run(argv, env={**os.environ, **variables}, check=True, capture_output=True)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url.replace("+asyncpg", "", 1))
    try:
        yield connection
    finally:
        await connection.close()


def test_it_may_run_again_and_changes_nothing(secrets: Path) -> None:
    before = {file.name: file.read_bytes() for file in secrets.iterdir()}
    make_secrets(secrets)
    assert {file.name: file.read_bytes() for file in secrets.iterdir()} == before


def test_containers_can_read_them_and_other_users_cannot_reach_them(secrets: Path) -> None:
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in secrets.iterdir()} == {0o444}


def test_no_two_secrets_are_alike(secrets: Path) -> None:
    made = [file.read_text().strip() for file in secrets.glob("*.password")] + [(secrets / "admin.token").read_text()]
    assert len(set(made)) == len(made)
    assert all(len(one.strip()) >= 40 for one in made)


def test_git_ignores_them() -> None:
    for path in ("deploy/secrets/vault.key", ".env"):
        assert subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=False).returncode == 0, path


async def test_each_service_gets_a_database_that_is_closed_to_the_others(
    own_postgres: PostgresCluster, tmp_path: Path
) -> None:
    administrator = own_postgres.url
    make_secrets(tmp_path, POSTGRES=urlsplit(administrator).netloc.rpartition("@")[2])
    async with connected(administrator) as connection:
        for statement in (tmp_path / "databases.sql").read_text().splitlines():
            await connection.execute(statement)
    urls = {service: (tmp_path / f"{service}.url").read_text().strip() for service in SERVICES}
    for service, url in urls.items():
        database = open_database(url, service=service)
        await database.ping()
        await database.close()
    foreign = f"{urls['mpi'].rpartition('/')[0]}/portal"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with connected(foreign):
            pass
