"""multipart/related, read and written as a stream (RFC 2046 section 5.1, RFC 2387)."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

_HEADERS_MAX = 16 << 10
_BOUNDARY_MAX = 200


class MultipartError(ValueError):
    """The body is not multipart as its Content-Type says."""


@dataclass(frozen=True, slots=True)
class PartStart:
    """A part begins; header names in lower case."""

    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class PartData:
    """The next bytes of the part."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The part is whole."""


Event = PartStart | PartData | PartEnd


class _State(Enum):
    PREAMBLE = auto()
    AFTER_BOUNDARY = auto()
    HEADERS = auto()
    DATA = auto()
    END = auto()


class MultipartReader:
    """Feed it the body as it comes; it keeps no more than one boundary or one header block.

    :raises MultipartError: in ``feed`` for malformed headers, in ``close`` when the body ended before its end.
    """

    def __init__(self, boundary: str) -> None:
        if not 0 < len(boundary) <= _BOUNDARY_MAX:
            raise MultipartError("no usable boundary")
        self._delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
        self._buffer = bytearray(b"\r\n")  # the first boundary may open the body
        self._state = _State.PREAMBLE

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """What the next bytes bring."""
        self._buffer += chunk
        while True:
            if self._state in (_State.PREAMBLE, _State.DATA):
                at = self._buffer.find(self._delimiter)
                yield from self._data_before(at)
                if at < 0:
                    return
                if self._state is _State.DATA:
                    yield PartEnd()
                self._state = _State.AFTER_BOUNDARY
            elif self._state is _State.AFTER_BOUNDARY:
                if len(self._buffer) < 2:
                    return
                if self._buffer.startswith(b"--"):
                    self._state = _State.END
                    continue
                end = self._buffer.find(b"\r\n")
                if end < 0:
                    self._check_size()
                    return
                del self._buffer[:end]
                self._state = _State.HEADERS
            elif self._state is _State.HEADERS:
                end = self._buffer.find(b"\r\n\r\n")
                if end < 0:
                    self._check_size()
                    return
                yield PartStart(_headers(bytes(self._buffer[:end])))
                del self._buffer[: end + 2]  # the last line break may belong to a boundary: an empty part
                self._state = _State.DATA
                self._skip = 2
            else:
                self._buffer.clear()
                return

    def close(self) -> None:
        """The body ended."""
        if self._state is not _State.END:
            raise MultipartError("the body ends before its closing boundary")

    _skip = 0

    def _data_before(self, at: int) -> Iterator[Event]:
        """Give out what cannot be part of a boundary any more."""
        end = at if at >= 0 else len(self._buffer) - len(self._delimiter) + 1
        if end > self._skip and self._state is _State.DATA:
            yield PartData(bytes(self._buffer[self._skip : end]))
        if end > 0:
            self._skip = max(0, self._skip - end)
            del self._buffer[:end]
        if at >= 0:
            del self._buffer[: len(self._delimiter)]
            self._skip = 0

    def _check_size(self) -> None:
        if len(self._buffer) > _HEADERS_MAX:
            raise MultipartError("part headers are too long")


def _headers(block: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in block.decode("latin-1").split("\r\n"):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise MultipartError("a part header has no colon")
        headers[name.strip().lower()] = value.strip()
    return headers


class MultipartWriter:
    """Writes the frame around the parts of an answer."""

    def __init__(self, part_type: str) -> None:
        self._boundary = secrets.token_hex(16)
        self._part_type = part_type
        self._first = True

    @property
    def content_type(self) -> str:
        """Content-Type of the whole answer."""
        return f'multipart/related; type="{self._part_type}"; boundary={self._boundary}'

    def part(self, content_type: str, *, location: str | None = None, length: int | None = None) -> bytes:
        """What stands before a part's bytes."""
        lines = [f"{'' if self._first else chr(13) + chr(10)}--{self._boundary}", f"Content-Type: {content_type}"]
        self._first = False
        if location is not None:
            lines.append(f"Content-Location: {location}")
        if length is not None:
            lines.append(f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def end(self) -> bytes:
        """What stands after the last part."""
        return f"\r\n--{self._boundary}--\r\n".encode()
