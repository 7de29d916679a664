"""What an incremental update changed in a PDF that was signed before it (ISO 32000-1 clause 12.8.2.2, DocMDP).

Between two signatures only what a further signature needs may change: new objects, the form's field list, annotation
lists that gain signature fields, validation data. Any other change to an object of the signed revision modifies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from radbridge.signing.domain.pdf_fields import (
    PdfDict,
    as_dict,
    as_list,
    open_pdf,
    reading,
    reference,
    resolve,
    walk_pages,
)

if TYPE_CHECKING:
    from pypdf import PdfReader

_CATALOG_MAY_CHANGE = frozenset({"/AcroForm", "/Perms", "/DSS", "/Extensions", "/Metadata", "/Version"})
_FORM_MAY_CHANGE = frozenset({"/Fields", "/SigFlags", "/DR", "/DA", "/NeedAppearances"})
_SIGNED_FIELD_MAY_CHANGE = frozenset({"/V", "/AP", "/F", "/M", "/Lock", "/MK", "/AS", "/P"})
_MAX_DEPTH = 64
# A further signature touches a handful of objects; more is no honest update and would take long to compare.
_MAX_CHANGED, _MAX_LISTED = 500, 2000
_ANNOTATIONS_ALLOWED = 3


def modification(signed: bytes, later: bytes, docmdp: int | None) -> str | None:
    """Why `later`, which begins with the revision `signed`, modifies it, in Chinese; None if it only adds signatures.

    `docmdp` is the permission level of the document's certification, if any. SealFormError where one is unreadable.
    """
    if docmdp == 1:
        return "文档认证不允许任何后续更改，但签章之后有增量更新"
    with reading():
        return _Comparison(open_pdf(signed), open_pdf(later), annotations=docmdp == _ANNOTATIONS_ALLOWED).find()


@dataclass
class _Comparison:
    old: PdfReader
    new: PdfReader
    annotations: bool

    def find(self) -> str | None:
        old_root, new_root = self.old.trailer.raw_get("/Root"), self.new.trailer.raw_get("/Root")
        if reference(old_root) != reference(new_root):
            return "签章之后文档的根对象被替换"
        old_numbers, new_numbers = _locations(self.old), _locations(self.new)
        if set(old_numbers) - set(new_numbers):
            return "签章之后删除了文档中的对象"
        changed = [number for number, where in old_numbers.items() if new_numbers[number] != where]
        if len(changed) > _MAX_CHANGED:
            return "签章之后改动的对象过多"
        special = self._special(as_dict(old_root), reference(old_root))
        for number in changed:
            before, after = _object(self.old, number), _object(self.new, number)
            if not _same(before, after) and not self._allowed(special.get(number), before, after):
                return f"签章之后改动了文档内容（对象{number}）"
        return None

    def _special(self, root: PdfDict, root_number: int | None) -> dict[int, str]:
        """The role of the signed revision's objects that a further signature may change."""
        roles: dict[int | None, str] = {root_number: "catalog", reference(self.old.trailer.get("/Info")): "free"}
        form = as_dict(root.get("/AcroForm"))
        roles[reference(root.get("/AcroForm"))] = "form"
        roles[reference(form.get("/Fields"))] = "fields"
        for key in ("/Metadata", "/DSS", "/Extensions"):
            roles[reference(root.get(key))] = "free"
        for number, page in walk_pages(root.get("/Pages")):
            roles[number] = "page"
            roles[reference(page.get("/Annots"))] = "annotations"
        return {number: role for number, role in roles.items() if number is not None}

    def _allowed(self, role: str | None, before: object, after: object) -> bool:
        if role == "free":
            return True
        if role in ("fields", "annotations"):
            return self._only_added(before, after)
        old, new = as_dict(before), as_dict(after)
        if not old or not new or not isinstance(after, type(before)):
            return False
        # Containers of references and objects: what they hold is compared object by object.
        if resolve(old.get("/Type")) in ("/XRef", "/ObjStm"):
            return True
        if role == "catalog":
            return _same_but(old, new, _CATALOG_MAY_CHANGE) and self._form_allowed(old.get("/AcroForm"), new)
        if role == "form":
            return self._form_allowed(before, {"/AcroForm": after})
        if role == "page":
            return _same_but(old, new, frozenset({"/Annots"})) and self._only_added(
                old.get("/Annots"), new.get("/Annots")
            )
        # A signature field that was empty when the revision was signed may be filled.
        return resolve(old.get("/FT")) == "/Sig" and "/V" not in old and _same_but(old, new, _SIGNED_FIELD_MAY_CHANGE)

    def _form_allowed(self, before: object, catalog: PdfDict) -> bool:
        old, new = as_dict(before), as_dict(catalog.get("/AcroForm"))
        return _same_but(old, new, _FORM_MAY_CHANGE) and self._only_added(old.get("/Fields"), new.get("/Fields"))

    def _only_added(self, before: object, after: object) -> bool:
        """Whether a list kept its items and gained signature fields only, or annotations where these are allowed."""
        old, new = as_list(before), as_list(after)
        kept = new[: len(old)]
        if (
            len(kept) != len(old)
            or len(new) > _MAX_LISTED
            or not all(_same(a, b) for a, b in zip(old, kept, strict=True))
        ):
            return False
        return all(self.annotations or _is_signature_field(item) for item in new[len(old) :])


def _is_signature_field(item: object) -> bool:
    field = as_dict(item)
    return resolve(field.get("/FT", as_dict(field.get("/Parent")).get("/FT"))) == "/Sig"


def _locations(reader: PdfReader) -> dict[int, object]:
    """Where each object in use lies: its offset, or the offset of its object stream and its index there."""
    plain: dict[int, object] = {}
    for generation in sorted(reader.xref):
        for number, offset in reader.xref[generation].items():
            if not reader.xref_free_entry.get(generation, {}).get(number):
                plain[number] = offset
    packed = {number: (plain.get(stream), index) for number, (stream, index) in reader.xref_objStm.items()}
    return {number: where for number, where in {**packed, **plain}.items() if number != 0}


def _object(reader: PdfReader, number: int) -> object:
    from pypdf.generic import IndirectObject

    for generation in sorted(reader.xref, reverse=True):
        if number in reader.xref[generation]:
            return reader.get_object(IndirectObject(number, generation, reader))
    return reader.get_object(IndirectObject(number, 0, reader))


def _same_but(old: PdfDict, new: PdfDict, free: frozenset[str]) -> bool:
    keys = (set(old) | set(new)) - free
    return all(key in old and key in new and _same(old[key], new[key]) for key in keys)


def _same(first: object, second: object, depth: int = 0) -> bool:
    """Whether two PDF values are written alike, references compared by object number."""
    if depth > _MAX_DEPTH or type(first) is not type(second):
        return False
    if (number := reference(first)) is not None:
        return number == reference(second)
    if isinstance(first, dict):
        old, new = dict(cast("PdfDict", first).items()), dict(cast("PdfDict", second).items())
        return (
            set(old) == set(new)
            and _stream_data(cast(object, first)) == _stream_data(second)
            and all(_same(one, new[key], depth + 1) for key, one in old.items())
        )
    if isinstance(first, list):
        items, others = cast("list[object]", first), cast("list[object]", second)
        return len(items) == len(others) and all(_same(a, b, depth + 1) for a, b in zip(items, others, strict=True))
    return first == second


def _stream_data(value: object) -> object:
    """The encoded octets of a stream, None for a plain dictionary."""
    return getattr(value, "_data", None)
