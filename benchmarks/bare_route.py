"""The peer of ``exam_push``: a bare FastAPI route that inserts one row with a commit per request, raw driver.

python -m benchmarks.bare_route --port 18081 --database PATH-or-postgresql-URL
"""

import argparse
import itertools
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import uvicorn
from fastapi import FastAPI, Request

TABLE = "CREATE TABLE IF NOT EXISTS push (id BIGINT PRIMARY KEY, body {})"


def on_sqlite(path: str) -> FastAPI:
    """One insert and one durable commit per request, on the loop: the fastest way of the raw driver."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(TABLE.format("BLOB"))
    numbers = itertools.count(1)
    app = FastAPI()

    @app.post("/push")
    async def push(request: Request) -> dict[str, int]:  # pyright: ignore[reportUnusedFunction]
        connection.execute("INSERT INTO push (id, body) VALUES (?, ?)", (next(numbers), await request.body()))
        return {"code": 1}

    return app


def on_postgresql(url: str) -> FastAPI:
    """One autocommitted insert per request, from a pool."""
    numbers = itertools.count(1)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(url, min_size=10, max_size=10) as pool:
            await pool.execute(TABLE.format("BYTEA"))
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/push")
    async def push(request: Request) -> dict[str, int]:  # pyright: ignore[reportUnusedFunction]
        await request.app.state.pool.execute(
            "INSERT INTO push (id, body) VALUES ($1, $2)", next(numbers), await request.body()
        )
        return {"code": 1}

    return app


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True)
    arguments = parser.parse_args()
    database: str = arguments.database
    app = on_postgresql(database) if database.startswith("postgresql") else on_sqlite(database)
    uvicorn.run(app, host="127.0.0.1", port=arguments.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
