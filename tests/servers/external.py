"""Servers that somebody else runs, named by URL in the environment. They are used, never stopped."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import asyncpg

from tests.servers.s3 import create_bucket


class ExternalKafka:
    """A Kafka broker at `kafka://host:port`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bootstrap = url.removeprefix("kafka://")


class ExternalPostgres:
    """A PostgreSQL at `postgresql+asyncpg://…/database` whose user may create databases."""

    def __init__(self, url: str) -> None:
        self.url = url

    def create_database(self, prefix: str = "t") -> str:
        """Create an empty database of a name of its own and answer its URL."""
        name = f"{prefix}_{uuid4().hex[:12]}"
        self._execute(f'CREATE DATABASE "{name}"')
        return f"{self.url.rpartition('/')[0]}/{name}"

    def drop_database(self, url: str) -> None:
        """Drop a database that `create_database` made, cutting what still uses it."""
        self._execute(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def _execute(self, sql: str) -> None:
        async def execute() -> None:
            connection = await asyncpg.connect(self.url.replace("+asyncpg", "", 1))
            try:
                await connection.execute(sql)
            finally:
                await connection.close()

        with ThreadPoolExecutor(1) as thread:  # the caller's thread may have a running loop
            thread.submit(asyncio.run, execute()).result()


class ExternalS3:
    """An S3 server at `s3://key:secret@host:port` whose user may create buckets."""

    def __init__(self, url: str) -> None:
        self.url = url

    def create_bucket(self, prefix: str = "t") -> str:
        """Create an empty bucket of a name of its own and answer its URL."""
        return create_bucket(self.url, prefix)
