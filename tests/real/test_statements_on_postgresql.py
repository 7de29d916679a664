"""Every SQL statement that stands whole in a service's code is one that PostgreSQL takes: names, types, syntax.

What a statement does is for the services' tests; most run on SQLite. Statements that are composed at run time, of what
only their function knows, are not seen here.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from radbridge.cli.services import SERVICES
from radbridge.runtime.migrations import migrate
from tools.stamps import ROOT

pytestmark = pytest.mark.real

NOT_ALONE = {
    "UPDATE exam_change SET last = last + 1 RETURNING last": "for SQLite; PostgreSQL has a sequence",
    "SELECT 1 FROM series m WHERE m.study_id = study.study_id": "part of a statement about studies",
}
STATEMENT = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s")
PIECE = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|VALUES)\b")


def statements(service: str) -> Iterator[tuple[str, str]]:
    """Place and text of each, also of those put together from constants of their module."""
    source = ROOT / "services" / service / "src"
    for file in sorted(source.rglob("*.py")):
        if "migrations" not in file.parts:
            yield from _in_module(file, ".".join(file.relative_to(source).with_suffix("").parts))


def _in_module(file: Path, name: str) -> Iterator[tuple[str, str]]:
    tree = ast.parse(file.read_text())
    composed = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    pieces = {id(piece) for node in composed for piece in ast.walk(node) if piece is not node}
    for node in ast.walk(tree):
        if id(node) in pieces or not _may_be_one(node):
            continue
        code = compile(ast.Expression(node), str(file), "eval")
        try:
            text = eval(code, vars(importlib.import_module(name)))
        except NameError:
            continue  # composed of what its function knows
        if STATEMENT.match(text) and "{" not in text and text not in NOT_ALONE:
            yield f"{name}:{node.lineno}", text


def _may_be_one(node: ast.AST) -> bool:
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(piece, ast.Constant) and PIECE.search(str(piece.value)) for piece in node.values)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.match(node.value) is not None


@pytest.mark.parametrize("service", sorted(SERVICES))
async def test_postgresql_takes_them(service: str, postgres_database: str) -> None:
    package = service.replace("-", "_")
    await migrate(postgres_database, f"radbridge.{package}.migrations")
    found = list(statements(service))
    connection = await asyncpg.connect(postgres_database.replace("+asyncpg", "", 1))
    try:
        refused = [f"{place}: {fault}" for place, text in found if (fault := await _fault(connection, text))]
    finally:
        await connection.close()
    assert refused == []
    assert len(found) > 5


async def _fault(connection: asyncpg.Connection, text: str) -> str | None:
    """What PostgreSQL says against a statement. It takes it apart and looks up its names, and does not run it."""
    try:
        await connection.prepare(text)
    except asyncpg.PostgresError as error:
        return f"{error}: {text}"
    return None
