"""The canonical classes as JSON: the form in which they are sealed into events and blobs."""

from functools import cache
from typing import TypeVar

import msgspec

from radbridge.contracts.model.value import Value

T = TypeVar("T", bound=Value)

_encoder = msgspec.json.Encoder()


class MalformedValue(ValueError):
    """A JSON text is no such value. The text names the member at fault, not what it holds."""


def to_json(value: Value) -> bytes:
    """A canonical value as UTF-8 JSON; times with their offset, codes as their values."""
    return _encoder.encode(value)


def from_json(cls: type[T], data: bytes | str) -> T:
    """The canonical value of a JSON text that :func:`to_json` wrote. Unknown members of newer writers are ignored.

    :raises MalformedValue: the text is not such a value.
    """
    try:
        return _decoder(cls).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        place = str(error).rpartition(" - at ")[2] if isinstance(error, msgspec.ValidationError) else "no JSON"
        raise MalformedValue(f"no {cls.__name__}: {place}") from None


@cache
def _decoder(cls: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(cls)
