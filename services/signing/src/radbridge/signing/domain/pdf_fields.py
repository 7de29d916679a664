"""The signature fields of a PDF (ISO 32000-1 clause 12.7.4.5), found by walking its form; they are judged elsewhere.

A field counts by having a value, whatever its /Filter and /SubFilter say: the names that sealing tools write vary.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from radbridge.signing.domain.errors import SealFormError

if TYPE_CHECKING:
    from pypdf import PdfReader

MAX_FIELDS = 256
MAX_PAGES = 10_000
_MAX_ANNOTATIONS = 100_000
_MAX_DEPTH = 16
PdfDict = dict[str, object]


@dataclass(frozen=True)
class SignatureField:
    """One signed field. `page` counts from 1, 0 where the field is on none; `byte_range` is None where absent."""

    page: int
    byte_range: tuple[int, ...] | None
    contents: bytes | None
    docmdp: int | None


@contextmanager
def reading() -> Generator[None, None, None]:
    """Turns whatever pypdf raises on a damaged file into SealFormError."""
    try:
        yield
    except SealFormError:
        raise
    # The reader walks hostile structures with ordinary Python errors of any kind: none may leave the engine.
    except Exception as fault:
        raise SealFormError(f"PDF cannot be read ({type(fault).__name__})") from None


def open_pdf(data: bytes) -> PdfReader:
    """A reader of `data`; SealFormError where it is encrypted. To be used inside `reading`."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data), strict=False)
    if reader.is_encrypted:
        raise SealFormError("PDF is encrypted")
    # Cross-reference streams of older revisions stay cached under numbers that a later revision may have given away.
    reader.resolved_objects.clear()
    return reader


def resolve(value: object) -> object:
    """`value`, or what it refers to."""
    from pypdf.generic import IndirectObject

    return value.get_object() if isinstance(value, IndirectObject) else value


def as_dict(value: object) -> PdfDict:
    """The dictionary that `value` is or refers to, with its values unresolved; empty for anything else."""
    value = resolve(value)
    return dict(cast("PdfDict", value).items()) if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """The array that `value` is or refers to, with its items unresolved; empty for anything else."""
    value = resolve(value)
    return list(cast("list[object]", value)) if isinstance(value, list) else []


def reference(value: object) -> int | None:
    """The object number that `value` refers to."""
    from pypdf.generic import IndirectObject

    return value.idnum if isinstance(value, IndirectObject) else None


def signature_fields(data: bytes) -> list[SignatureField]:
    """All signature fields of `data` that hold a value; SealFormError where the file cannot be read."""
    with reading():
        reader = open_pdf(data)
        form = as_dict(as_dict(reader.trailer.raw_get("/Root")).get("/AcroForm"))
        found = list(_walk(as_list(form.get("/Fields")), inherited=None, seen=set(), depth=0))
        pages = _pages_of_widgets(reader) if found else {}
        return [_read(number, field, pages) for number, field in found]


def _walk(items: list[object], inherited: object, seen: set[int], depth: int) -> Iterator[tuple[int | None, PdfDict]]:
    """(object number, dictionary) of each signature field with a value."""
    for item in items:
        number = reference(item)
        if number in seen or depth == _MAX_DEPTH or len(seen) > MAX_FIELDS * 16:
            continue
        if number is not None:
            seen.add(number)
        field = as_dict(item)
        kind = resolve(field.get("/FT", inherited))
        if kind == "/Sig" and as_dict(field.get("/V")):
            yield number, field
        else:
            yield from _walk(as_list(field.get("/Kids")), kind, seen, depth + 1)


def _read(number: int | None, field: PdfDict, pages: dict[int, int]) -> SignatureField:
    value = as_dict(field.get("/V"))
    widgets = [number, *(reference(kid) for kid in as_list(field.get("/Kids")))]
    return SignatureField(
        page=next((pages[one] for one in widgets if one in pages), 0),
        byte_range=_byte_range(value.get("/ByteRange")),
        contents=_octets(value.get("/Contents")),
        docmdp=docmdp_level(value),
    )


def _byte_range(value: object) -> tuple[int, ...] | None:
    items = [resolve(item) for item in as_list(value)]
    return tuple(item for item in items if isinstance(item, int)) if items else None


def _octets(value: object) -> bytes | None:
    value = resolve(value)
    original = getattr(value, "original_bytes", None)
    return original if isinstance(original, bytes) else None


def docmdp_level(signature: PdfDict) -> int | None:
    """P of the DocMDP transform of a signature dictionary: 1 nothing, 2 forms and signatures, 3 annotations too."""
    for item in as_list(signature.get("/Reference")):
        transform = as_dict(item)
        if resolve(transform.get("/TransformMethod")) == "/DocMDP":
            level = resolve(as_dict(transform.get("/TransformParams")).get("/P", 2))
            return level if isinstance(level, int) else 2
    return None


def _pages_of_widgets(reader: PdfReader) -> dict[int, int]:
    """Page number by the object number of each annotation."""
    found: dict[int, int] = {}
    visited = 0
    for number, (_, page) in enumerate(walk_pages(as_dict(reader.trailer.raw_get("/Root")).get("/Pages")), start=1):
        annotations = as_list(page.get("/Annots"))
        visited += len(annotations)
        if visited > _MAX_ANNOTATIONS:
            break
        for annotation in annotations:
            if (widget := reference(annotation)) is not None:
                found.setdefault(widget, number)
    return found


def walk_pages(root: object) -> list[tuple[int | None, PdfDict]]:
    """(object number, dictionary) of the pages in order, below a page tree's root."""
    found: list[tuple[int | None, PdfDict]] = []
    seen: set[int] = set()
    stack = [root]
    while stack and len(found) < MAX_PAGES and len(seen) < 4 * MAX_PAGES:
        item = stack.pop()
        number = reference(item)
        if number in seen:
            continue
        if number is not None:
            seen.add(number)
        node = as_dict(item)
        if "/Kids" in node:
            stack.extend(reversed(as_list(node["/Kids"])))
        elif node:
            found.append((number, node))
    return found
