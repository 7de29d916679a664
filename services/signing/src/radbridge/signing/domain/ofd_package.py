"""The parts of an OFD package that signing needs (GB/T 33190): documents, signature lists, signatures and files.

Read from untrusted ZIP and XML: entries and sizes are limited, names are checked, entities are not expanded.
"""

from __future__ import annotations

import binascii
import io
import posixpath
import zipfile
from base64 import b64decode
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from radbridge.signing.domain.cms import digest
from radbridge.signing.domain.errors import SealFormError

MAX_ENTRIES = 5000
MAX_ENTRY_BYTES = 64 * 1024 * 1024
MAX_TOTAL_BYTES = 128 * 1024 * 1024
MAX_XML_BYTES = 4 * 1024 * 1024
MAX_XML_WORK = 250_000
"""Tags, attributes and pieces of 64 bytes of all XML files that are read: what reading them costs, about 1 us each."""
MAX_SIGNATURES = 32


@dataclass(frozen=True)
class OfdDocument:
    """One DocBody of OFD.xml: the file that lists its signatures, and the IDs of its pages as far as they are known."""

    signature_list: str
    pages: tuple[str, ...]


@dataclass(frozen=True)
class OfdSignature:
    """One Signature.xml: `references` are (file, digest) by `check_method`; `seal` holds the seal file, if named.

    `files` are the package's files that the signature consists of. `page` is that of its first stamp, counted from 1
    within its document; 0 where it has none.
    """

    files: frozenset[str]
    page: int
    description: bytes
    check_method: str
    references: tuple[tuple[str, bytes], ...]
    signed_value: bytes
    seal: bytes | None


class OfdPackage:
    """An opened package; every method raises SealFormError for what is malformed or too large."""

    def __init__(self, data: bytes) -> None:
        with _unpacking():
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        entries = [entry for entry in self._zip.infolist() if not entry.filename.endswith("/")]
        if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_TOTAL_BYTES:
            raise SealFormError("the package is too large")
        self._entries = {entry.filename.lstrip("/"): entry for entry in entries}
        if len(self._entries) != len(entries):
            raise SealFormError("the package has two files of one name")
        if not all(map(_is_plain, self._entries)):
            raise SealFormError("the name of a file means another file")
        self._digests: dict[tuple[str, str], bytes | None] = {}
        self._xml_work_left = MAX_XML_WORK

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._entries)

    def read(self, name: str) -> bytes:
        """A file's octets."""
        entry = self._entries.get(name)
        if entry is None or entry.file_size > MAX_ENTRY_BYTES:
            raise SealFormError("a file of the package is missing or too large")
        with _unpacking(), self._zip.open(entry) as stream:
            content = stream.read(entry.file_size + 1)
        if len(content) != entry.file_size:
            raise SealFormError("a file of the package is longer than declared")
        return content

    def digest(self, name: str, method: str) -> bytes | None:
        """A file's digest by the algorithm `method`, made once however many signatures list it."""
        key = (name, method)
        if key not in self._digests:
            self._digests[key] = digest(method, self.read(name))
        return self._digests[key]

    def _read_xml(self, name: str) -> Element:
        content = self.read(name)
        self._xml_work_left -= content.count(b"<") + content.count(b"=") + len(content) // 64
        if len(content) > MAX_XML_BYTES or self._xml_work_left < 0:
            raise SealFormError("the XML files are too large")
        return parse_xml(content)

    def signed_documents(self) -> list[OfdDocument]:
        """The documents that have signatures, in the package's order; a package may hold several."""
        root = self._read_xml("OFD.xml")
        found: list[OfdDocument] = []
        for body in [element for element in root.iter() if _local(element) == "DocBody"] or [root]:
            listed = _first(body, "Signatures")
            if listed is not None:
                signature_list = self.locate("OFD.xml", listed.text)
                if len(found) == MAX_SIGNATURES or any(signature_list == one.signature_list for one in found):
                    raise SealFormError("too many documents, or two with one list of signatures")
                found.append(OfdDocument(signature_list, self._pages(_first(body, "DocRoot"))))
        return found

    def _pages(self, document: Element | None) -> tuple[str, ...]:
        """The page IDs of the document that a DocRoot names. What it says is judged as a protected file, not here."""
        if document is None:
            return ()
        try:
            pages = _first(self._read_xml(self.locate("OFD.xml", document.text)), "Pages")
        except SealFormError:
            return ()
        return () if pages is None else tuple(one.get("ID", "") for one in pages if _local(one) == "Page")

    def signatures(self, documents: list[OfdDocument]) -> list[OfdSignature]:
        """The signatures of all `documents`, in the order of their lists."""
        listed = [
            (document, self.locate(document.signature_list, element.get("BaseLoc")))
            for document in documents
            for element in self._read_xml(document.signature_list).iter()
            if _local(element) == "Signature"
        ]
        if len(listed) > MAX_SIGNATURES:
            raise SealFormError("too many signatures")
        return [self._signature(document, location) for document, location in listed]

    def locate(self, base: str, location: str | None) -> str:
        """The package name that `location`, written in the file `base`, means: relative to it unless it begins with a
        slash (GB/T 33190 clause 6.3). What is not there is looked for from the root, as many writers mean it."""
        text = (location or "").strip()
        for candidate in (posixpath.join(posixpath.dirname(base), text), text):
            name = posixpath.normpath(candidate).lstrip("/")
            if name in self._entries:
                return name
        raise SealFormError("a file that the document names is not in the package")

    def _signature(self, document: OfdDocument, location: str) -> OfdSignature:
        description, root = self.read(location), self._read_xml(location)
        references = _one(root, "References")
        seal, stamp = _first(root, "Seal"), _first(root, "StampAnnot")
        value = self.locate(location, _one(root, "SignedValue").text)
        page = "" if stamp is None else stamp.get("PageRef", "")
        seal_file = None if seal is None else self.locate(location, _one(seal, "BaseLoc").text)
        return OfdSignature(
            files=frozenset(name for name in (location, value, seal_file) if name is not None),
            page=document.pages.index(page) + 1 if page in document.pages else 0,
            description=description,
            check_method=references.get("CheckMethod", ""),
            references=tuple(_reference(one) for one in references if _local(one) == "Reference"),
            signed_value=self.read(value),
            seal=None if seal_file is None else self.read(seal_file),
        )


@contextmanager
def _unpacking() -> Generator[None, None, None]:
    """Turns whatever zipfile raises on a damaged package into SealFormError."""
    try:
        yield
    # Each compression method brings errors of its own, and header fields fail as indexes and numbers do.
    except Exception as fault:
        raise SealFormError(f"the package cannot be unpacked ({type(fault).__name__})") from None


def parse_xml(data: bytes) -> Element:
    """The root of an XML file without a document type."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as fault:
        raise SealFormError(f"XML cannot be read ({type(fault).__name__})") from None
    return root


def _reference(element: Element) -> tuple[str, bytes]:
    try:
        value = b64decode("".join((_one(element, "CheckValue").text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise SealFormError("a check value is not base64") from None
    return posixpath.normpath((element.get("FileRef") or "").strip().lstrip("/")), value


def _is_plain(name: str) -> bool:
    """Whether every reader takes `name` for the same file: no steps up or on the spot, no other separator."""
    steps = name.split("/")
    return "\\" not in name and not {".", ".."}.intersection(steps) and ("" not in steps or not name)


def _first(parent: Element, name: str) -> Element | None:
    return next((element for element in parent.iter() if _local(element) == name), None)


def _one(parent: Element, name: str) -> Element:
    found = _first(parent, name)
    if found is None:
        raise SealFormError(f"{name} is missing")
    return found


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""  # pyright: ignore[reportUnnecessaryIsInstance]
