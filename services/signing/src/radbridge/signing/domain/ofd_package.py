"""The parts of an OFD package that signing needs (GB/T 33190): signature list, signature descriptions and files.

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
MAX_SIGNATURES = 32


@dataclass(frozen=True)
class OfdSignature:
    """One Signature.xml: `references` are (file, digest) by `check_method`; `seal` holds the seal file, if named."""

    location: str
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
        self._digests: dict[tuple[str, str], bytes | None] = {}

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
        if len(content) > MAX_XML_BYTES:
            raise SealFormError("an XML file is too large")
        return parse_xml(content)

    def signature_list(self) -> str | None:
        """The file that lists the signatures; None for an unsigned document."""
        root = self._read_xml("OFD.xml")
        location = next((element for element in root.iter() if _local(element) == "Signatures"), None)
        return None if location is None else self.locate("OFD.xml", location.text)

    def signatures(self, listed_in: str) -> list[OfdSignature]:
        """The signatures of the list, in its order."""
        listed = [element for element in self._read_xml(listed_in).iter() if _local(element) == "Signature"]
        if len(listed) > MAX_SIGNATURES:
            raise SealFormError("too many signatures")
        return [self._signature(self.locate(listed_in, element.get("BaseLoc"))) for element in listed]

    def locate(self, base: str, location: str | None) -> str:
        """The package name that `location`, written in the file `base`, means."""
        text = (location or "").strip()
        for candidate in (text.lstrip("/"), posixpath.join(posixpath.dirname(base), text)):
            name = posixpath.normpath(candidate)
            if name in self._entries:
                return name
        raise SealFormError("a file that the document names is not in the package")

    def _signature(self, location: str) -> OfdSignature:
        description, root = self.read(location), self._read_xml(location)
        references = _one(root, "References")
        seal = next((one for one in root.iter() if _local(one) == "Seal"), None)
        return OfdSignature(
            location=location,
            description=description,
            check_method=references.get("CheckMethod", ""),
            references=tuple(_reference(one) for one in references if _local(one) == "Reference"),
            signed_value=self.read(self.locate(location, _one(root, "SignedValue").text)),
            seal=None if seal is None else self.read(self.locate(location, _one(seal, "BaseLoc").text)),
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


def _one(parent: Element, name: str) -> Element:
    found = next((element for element in parent.iter() if _local(element) == name), None)
    if found is None:
        raise SealFormError(f"{name} is missing")
    return found


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""  # pyright: ignore[reportUnnecessaryIsInstance]
