"""The fields of a PDF's form (ISO 32000-1 clause 12.7), and among them those that hold a signature (12.7.4.5).

A signature field counts by having a value, whatever its /Filter and /SubFilter say: the names that sealing tools write
vary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from radbridge.signing.domain.errors import SealFormError
from radbridge.signing.domain.pdf_document import Revision, reference
from radbridge.signing.domain.pdf_xref import PdfDict

MAX_PAGES = 5_000
_MAX_FIELDS = 5_000
_MAX_ANNOTATIONS = 100_000
_MAX_DEPTH = 16


@dataclass(frozen=True)
class FormField:
    """A node of the form's tree, a field or a widget of one; `kind` is its /FT, its own or inherited.

    `holds_value` says that its /V is a dictionary, as that of a signature, and not below such a value.
    """

    number: int | None
    node: PdfDict
    kind: object
    holds_value: bool


@dataclass(frozen=True)
class SignatureField:
    """One signed field. `page` counts from 1, 0 where the field is on none; `byte_range` is None where absent.

    `span` is where the object lies that holds the value, `written` where the field itself begins.
    """

    page: int
    byte_range: tuple[int, ...] | None
    contents: bytes | None
    docmdp: int | None
    span: tuple[int, int]
    written: int


def signature_fields(revision: Revision) -> list[SignatureField]:
    """All signature fields of the revision that hold a value; SealFormError where the form cannot be read."""
    found = [field for field in form_fields(revision) if field.kind == "/Sig" and field.holds_value]
    pages = _pages_of(revision, found) if found else {}
    return [_read(revision, field, pages) for field in found]


def form_fields(revision: Revision) -> Iterator[FormField]:
    """The nodes of the form's tree, parents first; SealFormError where they are too many."""
    form = revision.as_dict(revision.root.get("/AcroForm"))
    seen: set[int] = set()
    visited = 0
    stack: list[tuple[object, object, bool, int]] = [
        (item, None, False, 0) for item in reversed(revision.as_list(form.get("/Fields")))
    ]
    while stack:
        item, inherited, below_value, depth = stack.pop()
        number = reference(item)
        visited += 1
        if visited > _MAX_FIELDS or depth == _MAX_DEPTH:
            raise SealFormError("PDF has too many fields")
        if number in seen:
            continue
        if number is not None:
            seen.add(number)
        node = revision.as_dict(item)
        kind = revision.resolve(node.get("/FT", inherited))
        holds_value = not below_value and bool(revision.as_dict(node.get("/V")))
        yield FormField(number, node, kind, holds_value)
        stack += [
            (kid, kind, below_value or (kind == "/Sig" and holds_value), depth + 1)
            for kid in reversed(revision.as_list(node.get("/Kids")))
        ]


def _read(revision: Revision, field: FormField, pages: dict[int, int]) -> SignatureField:
    value = revision.as_dict(field.node.get("/V"))
    holder = reference(field.node.get("/V"))
    return SignatureField(
        page=next((pages[one] for one in _widgets(revision, field) if one in pages), 0),
        byte_range=_byte_range(revision, value.get("/ByteRange")),
        contents=_octets(revision.resolve(value.get("/Contents"))),
        docmdp=_docmdp_level(revision, value),
        span=_span(revision, field.number if holder is None else holder),
        written=_span(revision, field.number)[0],
    )


def _widgets(revision: Revision, field: FormField) -> list[int]:
    items = [field.number, *(reference(kid) for kid in revision.as_list(field.node.get("/Kids")))]
    return [item for item in items if item is not None]


def _span(revision: Revision, number: int | None) -> tuple[int, int]:
    """Where object `number` lies; nowhere for a field that is no object of its own."""
    return (0, 0) if number is None else revision.span(number)


def _byte_range(revision: Revision, value: object) -> tuple[int, ...] | None:
    items = [revision.resolve(item) for item in revision.as_list(value)]
    return tuple(item for item in items if isinstance(item, int)) if items else None


def _octets(value: object) -> bytes | None:
    original = getattr(value, "original_bytes", None)
    return original if isinstance(original, bytes) else None


def _docmdp_level(revision: Revision, signature: PdfDict) -> int | None:
    """P of the DocMDP transform of a signature dictionary: 1 nothing, 2 forms and signatures, 3 annotations too."""
    for item in revision.as_list(signature.get("/Reference")):
        transform = revision.as_dict(item)
        if revision.resolve(transform.get("/TransformMethod")) == "/DocMDP":
            level = revision.resolve(revision.as_dict(transform.get("/TransformParams")).get("/P", 2))
            return level if isinstance(level, int) else 2
    return None


def _pages_of(revision: Revision, fields: list[FormField]) -> dict[int, int]:
    """Page number by the object number of each widget of `fields`."""
    wanted = {widget for field in fields for widget in _widgets(revision, field)}
    found: dict[int, int] = {}
    visited = 0
    for page_number, (_, page) in enumerate(walk_pages(revision), start=1):
        annotations = revision.as_list(page.get("/Annots"))
        visited += len(annotations)
        for widget in wanted.intersection(filter(None, map(reference, annotations))):
            found[widget] = page_number
            wanted.remove(widget)
        if not wanted or visited > _MAX_ANNOTATIONS:
            break
    return found


def walk_pages(revision: Revision) -> Iterator[tuple[int | None, PdfDict]]:
    """(object number, dictionary) of the pages in order, `MAX_PAGES` at the most."""
    seen: set[int] = set()
    stack = [revision.root.get("/Pages")]
    pages = 0
    while stack and pages < MAX_PAGES and len(seen) < 4 * MAX_PAGES:
        item = stack.pop()
        number = reference(item)
        if number in seen:
            continue
        if number is not None:
            seen.add(number)
        node = revision.as_dict(item)
        if "/Kids" in node:
            stack.extend(reversed(revision.as_list(node["/Kids"])))
        elif node:
            pages += 1
            yield number, node
