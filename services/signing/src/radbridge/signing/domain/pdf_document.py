"""The objects of a PDF as each of its revisions has them.

    file = PdfFile(data)
    revision = file.revision(end)                      # the file as it was when it ended at `end`
    pages = revision.as_dict(revision.root.get("/Pages"))

An object is read once, however many revisions share it: what is read is remembered by where it lies.
"""

from __future__ import annotations

import io
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from radbridge.signing.domain.errors import SealFormError
from radbridge.signing.domain.pdf_xref import (
    FREED,
    MAX_ENTRIES,
    PACKED,
    PLAIN,
    Location,
    PdfDict,
    Section,
    decoded,
    object_header,
    read_section,
    section_start,
)

if TYPE_CHECKING:
    from pypdf._protocols import PdfReaderProtocol
    from pypdf.generic import EncodedStreamObject, IndirectObject

_MAX_SECTIONS = 4096
# A look-up goes through the layers one by one, and merging them costs memory.
_MAX_LAYERS = 64
# Octets of all object streams together; a report's are far smaller, and a bomb's far larger.
_MAX_UNPACKED = 48 * 1024 * 1024
_BLANKS = (b" ", b"\n", b"\r", b"\t", b"\f", b"\0")
# Number and generation before the R; found from their end, since few octets of a file are an R after a blank.
_REFERENCE = re.compile(rb"(\d{1,10})[\s\0]{1,8}\d{1,5}[\s\0]{0,8}\Z")
_REFERENCE_MAX = 32
# Octets of all objects that are read, without what streams hold.
_MAX_PARSED = 4 * 1024 * 1024


@contextmanager
def reading() -> Generator[None, None, None]:
    """Turns whatever a damaged file raises into SealFormError."""
    try:
        yield
    except SealFormError:
        raise
    # Hostile structures raise ordinary Python errors of any kind: none may leave the engine.
    except Exception as fault:
        raise SealFormError(f"PDF cannot be read ({type(fault).__name__})") from None


def reference(value: object) -> int | None:
    """The object number that `value` refers to."""
    from pypdf.generic import IndirectObject

    return value.idnum if isinstance(value, IndirectObject) else None


class PdfFile:
    """Reads sections and objects out of `data`. To be used inside `reading`."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._stream = io.BytesIO(data)
        self._sections: dict[int, Section] = {}
        self._revisions: dict[int, Revision] = {}
        self._objects: dict[tuple[int, int], tuple[object, int]] = {}
        self._strictly: set[tuple[int, int]] = set()
        self._packs: dict[int, _Pack] = {}
        self._references: dict[int, int] | None = None
        self._packed_references: dict[int, frozenset[int]] = {}
        self._unpacked = 0
        self._parsed = 0

    def revision(self, end: int) -> Revision:
        """The file as it was when it ended at `end`; SealFormError where that cannot be read."""
        if end not in self._revisions:
            self._revisions[end] = self._open(end)
        return self._revisions[end]

    def _open(self, end: int) -> Revision:
        opened = {one.start: one for one in self._revisions.values() if one.end < end}
        added: list[Section] = []
        start: int | None = section_start(self.data, end)
        while start is not None and start not in opened:
            # The chain leads back through the file: no circle is longer than this.
            if len(added) == _MAX_SECTIONS:
                raise SealFormError("PDF has cross-references without end")
            added.append(self._section(start, end))
            start = added[-1].previous
        return Revision(self, end, added, None if start is None else opened[start])

    def _section(self, start: int, end: int) -> Section:
        if start not in self._sections:
            self._sections[start] = read_section(self.data, start, self._parse_alone)
        section = self._sections[start]
        if section.stop > end or any(kind == PLAIN and at >= end for kind, at, _ in section.entries.values()):
            raise SealFormError("PDF has a cross-reference out of its bounds")
        return section

    def _parse_alone(self, offset: int) -> tuple[object, int]:
        """A trailer or a cross-reference stream: what refers to no object."""
        self._stream.seek(offset)
        return _read(self._stream, None), self._stream.tell()

    def plain(self, number: int, where: Location, revision: Revision, *, strict: bool) -> tuple[object, int]:
        """The object that lies at the offset of `where`, and where it ends."""
        key = (where[1], -1)
        if self._is_unread(key, strict):
            header = object_header(self.data, where[1])
            if header is None or header[:2] != (number, where[2]):
                raise SealFormError(f"object {number} is not where the cross-reference says")
            self._stream.seek(header[2])
            value = _read(self._stream, revision, strict=strict)
            self._objects[key] = value, self._stream.tell()
            self._charge(self._stream.tell() - header[2] - len(getattr(value, "_data", b"")))
        return self._objects[key]

    def packed(self, number: int, pack: int, index: int, revision: Revision, *, strict: bool) -> tuple[object, int]:
        """The object of that index in the object stream at offset `pack`, and where that stream ends."""
        key = (pack, index)
        if self._is_unread(key, strict):
            if pack not in self._packs:
                self._packs[pack] = self._unpack(pack, revision)
            opened = self._packs[pack]
            if index >= len(opened.objects) or opened.objects[index][0] != number:
                raise SealFormError(f"object {number} is not where the cross-reference says")
            opened.stream.seek(opened.objects[index][1])
            self._objects[key] = _read(opened.stream, revision, strict=strict), opened.stop
            self._charge(opened.stream.tell() - opened.objects[index][1])
        return self._objects[key]

    def references(self) -> dict[int, int]:
        """Where each object is first referred to outside of object streams."""
        if self._references is None:
            self._references = _references(self.data)
        return self._references

    def packed_references(self, pack: int, revision: Revision) -> frozenset[int]:
        """The objects that those in the object stream at offset `pack` refer to."""
        if pack not in self._packs:
            self._packs[pack] = self._unpack(pack, revision)
        if pack not in self._packed_references:
            self._packed_references[pack] = frozenset(_references(self._packs[pack].stream.getvalue()))
        return self._packed_references[pack]

    def _is_unread(self, key: tuple[int, int], strict: bool) -> bool:
        """Whether an object must still be read; what was read strictly need not be read again."""
        unread = key not in self._objects or (strict and key not in self._strictly)
        if strict:
            self._strictly.add(key)
        return unread

    def _charge(self, octets: int) -> None:
        """Counts what was parsed: objects may overlap, so that the file's size alone does not limit it."""
        self._parsed += octets
        if self._parsed > _MAX_PARSED:
            raise SealFormError("PDF has too much to read")

    def _unpack(self, offset: int, revision: Revision) -> _Pack:
        header = object_header(self.data, offset)
        if header is None:
            raise SealFormError("an object stream is not where the cross-reference says")
        self._stream.seek(header[2])
        stream, stop = _read(self._stream, revision), self._stream.tell()
        fields = cast("PdfDict", stream) if isinstance(stream, dict) else {}
        count, first = fields.get("/N"), fields.get("/First")
        if fields.get("/Type") != "/ObjStm" or not isinstance(count, int) or not isinstance(first, int):
            raise SealFormError("an object lies in what is no object stream")
        data = decoded(cast("EncodedStreamObject", stream), limit=_MAX_UNPACKED - self._unpacked)
        self._unpacked += len(data)
        if not 0 <= count <= MAX_ENTRIES or not 0 <= first <= len(data):
            raise SealFormError("an object stream is malformed")
        words = [int(word) for word in data[:first].split(maxsplit=2 * count)[: 2 * count]]
        objects = [(number, first + at) for number, at in zip(words[::2], words[1::2], strict=True)]
        return _Pack(io.BytesIO(data), objects, stop)


@dataclass(frozen=True)
class _Pack:
    """An object stream that ends at `stop`: the number of each object and where it begins in the decoded `stream`."""

    stream: io.BytesIO
    objects: list[tuple[int, int]]
    stop: int


class Revision:
    """The file as it was when it ended at `end`: the sections `added` to those of an earlier revision, newest first."""

    def __init__(self, file: PdfFile, end: int, added: list[Section], base: Revision | None) -> None:
        self.end = end
        self.sections: list[Section] = [*added, *(base.sections if base else ())]
        self._file = file
        self._layers = [section.entries for section in added]
        if base is not None and len(added) + len(base._layers) <= _MAX_LAYERS:
            self._layers += base._layers
        else:
            merged: dict[int, Location] = {}
            for section in reversed(self.sections):
                merged.update(section.entries)
            self._layers = [merged]
        if any("/Encrypt" in section.trailer for section in self.sections):
            raise SealFormError("PDF is encrypted")

    @property
    def start(self) -> int:
        """Where the newest section begins."""
        return self.sections[0].start

    def trailer(self, key: str) -> object:
        """The newest value of a key of the trailers, unresolved."""
        return next((one.trailer[key] for one in self.sections if key in one.trailer), None)

    @property
    def root(self) -> PdfDict:
        """The catalog."""
        return self.as_dict(self.trailer("/Root"))

    def location(self, number: int) -> Location:
        """What the newest section that speaks of object `number` says; free where none does."""
        return next((layer[number] for layer in self._layers if number in layer), FREED)

    def span(self, number: int) -> tuple[int, int]:
        """Where object `number` begins and ends in the file; for a packed one that is its object stream."""
        kind, first, second = self.location(number)
        if kind == PLAIN:
            return first, self._find(number, second, strict=False)[1]
        return self.span(first) if kind == PACKED and self.location(first)[0] == PLAIN else (0, 0)

    def object(self, number: int, generation: int | None = None, *, strict: bool = False) -> object:
        """The value of an object, null where it is free or of another generation.

        `strict` refuses what readers may read in different ways, as a key that a dictionary has twice.
        """
        return self._find(number, generation, strict=strict)[0]

    def _find(self, number: int, generation: int | None, *, strict: bool) -> tuple[object, int]:
        from pypdf.generic import NullObject

        where = self.location(number)
        kind, first, second = where
        if kind == PACKED:
            pack = self.location(first)
            if pack[0] != PLAIN:
                raise SealFormError("an object lies in an object stream that there is not")
            found = self._file.packed(number, pack[1], second, self, strict=strict)
        elif kind == PLAIN and generation in (None, second):
            found = self._file.plain(number, where, self, strict=strict)
        else:
            return NullObject(), 0
        if found[1] > self.end:
            raise SealFormError("an object reaches beyond the end of its revision")
        return found

    def refers_to_any(self, numbers: set[int]) -> bool:
        """Whether anything in the file up to this revision's end refers to an object of `numbers`."""
        places = self._file.references()
        if any(places.get(number, self.end) < self.end for number in numbers):
            return True
        packs = {first for one in self.sections for kind, first, _ in one.entries.values() if kind == PACKED}
        return any(
            not self._file.packed_references(where[1], self).isdisjoint(numbers)
            for where in map(self.location, packs)
            if where[0] == PLAIN
        )

    def resolve(self, value: object) -> object:
        """`value`, or what it refers to."""
        from pypdf.generic import IndirectObject

        return self.object(value.idnum, value.generation) if isinstance(value, IndirectObject) else value

    def as_dict(self, value: object) -> PdfDict:
        """The dictionary that `value` is or refers to, with its values unresolved; empty for anything else."""
        value = self.resolve(value)
        return dict(cast("PdfDict", value).items()) if isinstance(value, dict) else {}

    def as_list(self, value: object) -> list[object]:
        """The array that `value` is or refers to, with its items unresolved; empty for anything else."""
        value = self.resolve(value)
        return list(cast("list[object]", value)) if isinstance(value, list) else []


class _Lookup:
    """What pypdf's parser asks while it reads a value: the length of a stream may be an object of its own."""

    def __init__(self, revision: Revision | None, strict: bool) -> None:
        self.strict = strict
        self._revision = revision

    def get_object(self, one: IndirectObject) -> object:
        if self._revision is None:
            raise SealFormError("PDF has a cross-reference that needs itself to be read")
        return self._revision.object(one.idnum, one.generation)


def _read(stream: io.BytesIO, revision: Revision | None, *, strict: bool = False) -> object:
    from pypdf.generic import read_object

    return read_object(stream, cast("PdfReaderProtocol", _Lookup(revision, strict)))


def _references(data: bytes) -> dict[int, int]:
    """Where in `data` each object is first referred to (`12 0 R`)."""
    found: dict[int, int] = {}
    for blank in _BLANKS:
        at = data.find(blank + b"R")
        while at >= 0:
            reference_before = _REFERENCE.search(data, max(0, at - _REFERENCE_MAX), at)
            if reference_before is not None:
                number = int(reference_before[1])
                found[number] = min(at, found.get(number, at))
            at = data.find(blank + b"R", at + 2)
    return found
