"""The canonical classes as JSON: the form in which they are sealed into events and blobs."""

from functools import cache
from typing import TypeVar

import orjson
from pydantic import TypeAdapter

T = TypeVar("T")


def to_json(value: object) -> bytes:
    """A canonical value as UTF-8 JSON; times with their offset, codes as their values."""
    return orjson.dumps(value)


def from_json(cls: type[T], data: bytes | str) -> T:
    """The canonical value of a JSON text that :func:`to_json` wrote. Unknown members of newer writers are ignored.

    :raises pydantic.ValidationError: the text is not such a value.
    """
    return _adapter(cls).validate_json(data)


@cache
def _adapter(cls: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(cls)
