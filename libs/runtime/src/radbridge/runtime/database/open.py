"""The database that a URL names."""

from radbridge.runtime.database.protocol import Database


def open_database(url: str, *, service: str) -> Database:
    """A database that connects when first used; ``service`` is the name its connections carry.

    :param url: ``sqlite+aiosqlite:///PATH`` or ``postgresql+asyncpg://user:password@host:port/name``.
    :raises ValueError: another kind of URL.
    """
    scheme = url.partition(":")[0]
    # imported when used: each driver costs start time that a process with the other database should not pay
    if scheme in {"sqlite", "sqlite+aiosqlite"}:
        from radbridge.runtime.database.sqlite import SqliteDatabase, path_of

        return SqliteDatabase(path_of(url))
    if scheme in {"postgresql", "postgresql+asyncpg"}:
        from radbridge.runtime.database.postgres import PostgresDatabase

        return PostgresDatabase(url, service=service)
    raise ValueError(f"a database URL starts with sqlite+aiosqlite: or postgresql+asyncpg:, not {scheme!r}:")
