"""What an incremental update changed in a PDF that was signed before it (ISO 32000-1 clause 12.8.2.2, DocMDP).

Between two signatures only what a further signature needs may change: new objects, the form's field list, annotation
lists that gain signature fields, validation data; where the document's certification permits it, forms may be filled
in and annotations added. Any other change to an object of the signed revision modifies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

from radbridge.signing.domain.errors import SealFormError
from radbridge.signing.domain.pdf_document import Revision, reference
from radbridge.signing.domain.pdf_fields import form_fields, walk_pages
from radbridge.signing.domain.pdf_xref import FREE, PLAIN, PdfDict

_CATALOG_MAY_CHANGE = frozenset({"/AcroForm", "/Perms", "/DSS", "/Extensions", "/Metadata", "/Version"})
_FORM_MAY_CHANGE = frozenset({"/Fields", "/SigFlags", "/DR", "/DA", "/NeedAppearances"})
_SIGNED_FIELD_MAY_CHANGE = frozenset({"/V", "/AP", "/F", "/M", "/Lock", "/MK", "/AS", "/P"})
_FILLED_FIELD_MAY_CHANGE = frozenset({"/V", "/RV", "/I", "/AP", "/AS", "/M"})
_FILLABLE = frozenset({"/Tx", "/Btn", "/Ch"})
_MAX_DEPTH = 64
# A further signature touches a handful of objects; more is no honest update and would take long to compare.
_MAX_CHANGED, _MAX_LISTED, _MAX_DRAWN = 500, 10_000, 20_000
NO_CHANGES, FORMS, ANNOTATIONS = 1, 2, 3


def modification(signed: Revision, later: Revision, docmdp: int | None, *, timestamp: bool) -> str | None:
    """Why `later` modifies the document that `signed` is, in Chinese; None if it only adds what is permitted.

    `docmdp` is the permission level of a certification up to `signed`, if any; `timestamp` says that `later` ends in a
    document timestamp, which every level permits (ISO 32000-2 clause 12.8.2.2). SealFormError where one is unreadable.
    """
    if docmdp == NO_CHANGES and not timestamp:
        return "文档认证不允许任何后续更改，但签章之后有增量更新"
    return _Comparison(signed, later, docmdp).find()


@dataclass
class _Comparison:
    old: Revision
    new: Revision
    docmdp: int | None

    def find(self) -> str | None:
        if all(section.start != self.old.start for section in self.new.sections):
            return "签章之后的修订没有接续签章时的文件"
        if reference(self.old.trailer("/Root")) != reference(self.new.trailer("/Root")):
            return "签章之后文档的根对象被替换"
        if self.old.refers_to_any(self._spoken_of - self._known):
            return "签章之后补充了文档中引用而缺失的对象"
        changed = self._changed()
        if any(self.new.location(number)[0] == FREE for number in changed):
            return "签章之后删除了文档中的对象"
        if len(changed) > _MAX_CHANGED:
            return "签章之后改动的对象过多"
        for number in changed:
            if self._is_section(number):
                continue
            before, after = self.old.object(number, strict=True), self.new.object(number, strict=True)
            if not _same(before, after) and not self._allowed(number, before, after):
                return f"签章之后改动了文档内容（对象{number}）"
        return None

    def _changed(self) -> list[int]:
        """The objects of the signed revision that lie elsewhere in the later one, or nowhere."""
        return sorted(number for number in self._known if self.old.location(number) != self.new.location(number))

    @cached_property
    def _spoken_of(self) -> set[int]:
        """The objects that the sections after the signed revision speak of."""
        found: set[int] = set()
        for section in self.new.sections:
            if section.start == self.old.start:
                break
            found.update(section.entries)
        return found - {0}

    @cached_property
    def _known(self) -> set[int]:
        """Those of `_spoken_of` that the signed revision has."""
        return {number for number in self._spoken_of if self.old.location(number)[0] != FREE}

    def _is_section(self, number: int) -> bool:
        """Whether the number is that of a cross-reference stream before and after; what it says is compared."""
        places = (self.old.location(number), self.old), (self.new.location(number), self.new)
        return all(
            kind == PLAIN and any(section.start == at for section in revision.sections)
            for (kind, at, _), revision in places
        )

    def _allowed(self, number: int, before: object, after: object) -> bool:
        """Whether the change of one object is one that a further signature needs or the certification permits."""
        if type(before) is not type(after):
            return False
        root = self.old.root
        if isinstance(before, list):
            if number == reference(self.old.as_dict(root.get("/AcroForm")).get("/Fields")):
                return self._fields_only_added(before, after)
            return number in self._annotation_lists and self._annotations_only_added(before, after)
        old, new = self.old.as_dict(before), self.new.as_dict(after)
        if not old or not new:
            return False
        if number == reference(self.old.trailer("/Root")):
            return _same_but(old, new, _CATALOG_MAY_CHANGE) and self._form_allowed(
                old.get("/AcroForm"), new.get("/AcroForm")
            )
        if number == reference(root.get("/AcroForm")):
            return self._form_allowed(before, after)
        if number in self._described_by and number not in self._drawn:
            return True
        if old.get("/Type") == "/Page":
            return _same_but(old, new, frozenset({"/Annots"})) and self._annotations_only_added(
                old.get("/Annots"), new.get("/Annots")
            )
        return self._field_allowed(number, old, new)

    @property
    def _described_by(self) -> set[int | None]:
        """The objects of the signed revision that speak of the document and are no part of what it shows."""
        keys = ("/Metadata", "/DSS", "/Extensions")
        return {reference(self.old.trailer("/Info")), *(reference(self.old.root.get(key)) for key in keys)}

    def _form_allowed(self, before: object, after: object) -> bool:
        old, new = self.old.as_dict(before), self.new.as_dict(after)
        return _same_but(old, new, _FORM_MAY_CHANGE) and self._fields_only_added(old.get("/Fields"), new.get("/Fields"))

    def _field_allowed(self, number: int, old: PdfDict, new: PdfDict) -> bool:
        """Whether a field or widget of the signed revision was signed, or filled in where forms may be."""
        kind = self._old_kinds.get(number)
        if kind == "/Sig" and old.get("/Subtype", "/Widget") == "/Widget":
            parents = self.old.as_dict(old.get("/Parent")), self.new.as_dict(new.get("/Parent"))
            was_empty = "/V" not in old and "/V" not in parents[0]
            is_signed = bool(self.new.as_dict(new.get("/V", parents[1].get("/V"))))
            return was_empty and is_signed and _same_but(old, new, _SIGNED_FIELD_MAY_CHANGE)
        if self.docmdp not in (FORMS, ANNOTATIONS):
            return False
        if kind in _FILLABLE and old.get("/Subtype", "/Widget") == "/Widget":
            return _same_but(old, new, _FILLED_FIELD_MAY_CHANGE)
        return number in self._appearances and number not in self._drawn

    def _fields_only_added(self, before: object, after: object) -> bool:
        """Whether a list of fields kept its items and gained signature fields only."""
        added = self._added(before, after)
        return added is not None and all(self._is_signature_field(item) for item in added)

    def _annotations_only_added(self, before: object, after: object) -> bool:
        """Whether a page's annotations were kept and signature fields added only, or any where these are allowed."""
        added = self._added(before, after)
        if added is None:
            return False
        return self.docmdp == ANNOTATIONS or all(
            self._is_in_signature_field(reference(item)) and self._is_widget(self.new.as_dict(item)) for item in added
        )

    def _is_in_signature_field(self, number: int | None) -> bool:
        """Whether an object is a signature field of the later form or a widget of one; mostly it is of a new one."""
        return number in self._new_widgets or self._new_kinds.get(number) == "/Sig"

    def _added(self, before: object, after: object) -> list[object] | None:
        """What a list gained at its end; None where it did not keep what it had."""
        old, new = self.old.as_list(before), self.new.as_list(after)
        kept = new[: len(old)]
        if len(kept) != len(old) or len(new) > _MAX_LISTED:
            return None
        return new[len(old) :] if all(_same(a, b) for a, b in zip(old, kept, strict=True)) else None

    def _is_signature_field(self, item: object) -> bool:
        field = self.new.as_dict(item)
        widgets = (
            [field] if "/Subtype" in field else [self.new.as_dict(kid) for kid in self.new.as_list(field.get("/Kids"))]
        )
        return (
            self.new.resolve(field.get("/FT")) == "/Sig"
            and "/Parent" not in field
            and all(self._is_widget(widget) and widget.get("/FT", "/Sig") == "/Sig" for widget in widgets)
        )

    def _is_widget(self, annotation: PdfDict) -> bool:
        """Whether it is a widget; where nothing may change, one that is not seen."""
        if self.new.resolve(annotation.get("/Subtype")) != "/Widget":
            return False
        return self.docmdp != NO_CHANGES or "/AP" not in annotation or self._has_no_area(annotation.get("/Rect"))

    def _has_no_area(self, rectangle: object) -> bool:
        corners = [self.new.resolve(corner) for corner in self.new.as_list(rectangle)]
        return len(corners) == 4 and (corners[0] == corners[2] or corners[1] == corners[3])

    @cached_property
    def _new_widgets(self) -> set[int]:
        """The objects of the signature fields that the later form gained at the end of its list."""
        forms = self.old.as_dict(self.old.root.get("/AcroForm")), self.new.as_dict(self.new.root.get("/AcroForm"))
        gained = self.new.as_list(forms[1].get("/Fields"))[len(self.old.as_list(forms[0].get("/Fields"))) :]
        fields = [item for item in gained if self._is_signature_field(item)]
        kids = [kid for item in fields for kid in self.new.as_list(self.new.as_dict(item).get("/Kids"))]
        return {number for item in (*fields, *kids) if (number := reference(item)) is not None}

    @cached_property
    def _old_kinds(self) -> dict[int | None, object]:
        return {field.number: field.kind for field in form_fields(self.old)}

    @cached_property
    def _new_kinds(self) -> dict[int | None, object]:
        """The kind of each node of the later form that is an object of its own."""
        return {field.number: field.kind for field in form_fields(self.new) if field.number is not None}

    @cached_property
    def _annotation_lists(self) -> set[int | None]:
        return {reference(page.get("/Annots")) for _, page in walk_pages(self.old)}

    @cached_property
    def _appearances(self) -> set[int | None]:
        """The objects that the looks of the signed revision's fields to fill in are made of."""
        found: set[int | None] = set()
        for field in form_fields(self.old):
            if field.kind in _FILLABLE:
                looks = self.old.as_dict(field.node.get("/AP"))
                found |= {reference(field.node.get("/AP")), *map(reference, looks.values())}
                found |= {reference(one) for look in looks.values() for one in self.old.as_dict(look).values()}
        return found

    @cached_property
    def _drawn(self) -> set[int]:
        """The objects that pages, and annotations other than widgets, are drawn from in the signed revision."""
        found: set[int] = set()
        stack: list[object] = []
        for _, page in walk_pages(self.old):
            stack += [value for key, value in page.items() if key not in ("/Parent", "/Annots")]
            notes = map(self.old.as_dict, self.old.as_list(page.get("/Annots")))
            stack += [note.get("/AP") for note in notes if note.get("/Subtype") != "/Widget"]
        while stack:
            value = stack.pop()
            number = reference(value)
            if number is not None:
                if number in found:
                    continue
                found.add(number)
            items = self.old.as_dict(value)
            stack += [item for key, item in items.items() if key not in ("/Parent", "/P")] or self.old.as_list(value)
            if len(found) + len(stack) > _MAX_DRAWN:
                raise SealFormError("PDF has too many objects to compare")
        return found


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
