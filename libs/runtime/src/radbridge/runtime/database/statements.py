"""SQL text shared by both databases: placeholders, for SQLite too, and numbers for named locks."""

import re
from functools import lru_cache
from hashlib import blake2b

_LITERAL_OR_PLACEHOLDER = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\d+)")


@lru_cache(maxsize=2048)
def for_sqlite(sql: str) -> str:
    """``$n`` placeholders as SQLite's ``?n``; string literals and quoted names are left alone."""

    def translated(found: re.Match[str]) -> str:
        number = found.group(1)
        return f"?{number}" if number else found.group(0)

    return _LITERAL_OR_PLACEHOLDER.sub(translated, sql)


def placeholders(count: int, *, after: int = 0) -> str:
    """``$1, $2, …``: so many placeholders, numbered behind those before."""
    return ", ".join(f"${number}" for number in range(after + 1, after + count + 1))


def lock_number(name: str) -> int:
    """The same signed 64-bit number for the same name, in every process and version."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
