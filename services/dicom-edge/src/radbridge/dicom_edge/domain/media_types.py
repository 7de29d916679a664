"""Accept headers and media types of DICOMweb (PS3.18 section 8.7)."""

from dataclasses import dataclass
from email.message import Message

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
JSON = "application/json"
MULTIPART_RELATED = "multipart/related"
_ANY = "*/*"


class NotAcceptable(ValueError):
    """Nothing of what the client accepts can be given; the text says what can."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """One media range with its parameters, names in lower case."""

    name: str
    parameters: dict[str, str]

    @property
    def part_type(self) -> str:
        """Of the parts for multipart/related (``*/*`` where it names none), else the type itself."""
        if self.name != MULTIPART_RELATED:
            return self.name
        return self.parameters.get("type", _ANY).lower()

    @property
    def transfer_syntax(self) -> str | None:
        """Asked transfer syntax: a UID, ``*`` or ``None``."""
        return self.parameters.get("transfer-syntax")


def parse_media_type(text: str) -> MediaType:
    """A Content-Type or one element of an Accept header."""
    message = Message()
    message["Content-Type"] = text
    parameters = {name.lower(): value for name, value in message.get_params(failobj=[])[1:]}
    return MediaType(text.split(";", 1)[0].strip().lower(), parameters)


def parse_accept(header: str | None) -> list[MediaType]:
    """Media ranges of an Accept header, most wanted first. No header accepts everything."""
    ranges = [parse_media_type(part) for part in _split(header or "") if part.strip()]
    return sorted(ranges, key=lambda r: -_quality(r)) or [MediaType(_ANY, {})]


def accepts_dicom_json(ranges: list[MediaType]) -> bool:
    """Whether metadata and results may be DICOM JSON."""
    return any(r.part_type in (DICOM_JSON, JSON, "application/*", _ANY) for r in ranges)


def choose_dicom(ranges: list[MediaType], stored_syntaxes: set[str]) -> MediaType:
    """How to give whole objects: multipart/related, or ``application/dicom`` alone.

    Objects are given as stored. That is what ``transfer-syntax=*`` asks for; a request without the parameter gets the
    same (the part names its syntax); a request for one syntax is met where all objects lie in it.

    :raises NotAcceptable: another type or another syntax is asked for.
    """
    for media_range in ranges:
        if media_range.part_type not in (DICOM, "application/*", _ANY):
            continue
        if _syntax_fits(media_range, stored_syntaxes):
            return media_range
    raise NotAcceptable('multipart/related; type="application/dicom"; transfer-syntax=*')


def choose_frame_type(ranges: list[MediaType], stored_syntax: str, frame_type: str) -> tuple[str, bool]:
    """Media type of the parts for frames, and whether the answer is multipart.

    :param frame_type: what the frames are, for example ``image/jpeg``.
    :raises NotAcceptable: the frames are asked for in another form.
    """
    octets = "application/octet-stream"
    for media_range in ranges:
        wanted = media_range.part_type
        single = media_range.name not in (MULTIPART_RELATED, _ANY)
        if not _syntax_fits(media_range, {stored_syntax}):
            continue
        if wanted == octets:
            return octets, not single
        if wanted in (frame_type, _ANY, frame_type.split("/")[0] + "/*"):
            return frame_type, not single
    raise NotAcceptable(f'multipart/related; type="{octets}"; transfer-syntax={stored_syntax}')


def choose_bulk_type(ranges: list[MediaType]) -> bool:
    """Whether bulk data is answered as multipart/related (else as one ``application/octet-stream``).

    :raises NotAcceptable: another type is asked for.
    """
    for media_range in ranges:
        if media_range.part_type in ("application/octet-stream", "application/*", _ANY):
            return media_range.name in (MULTIPART_RELATED, _ANY)
    raise NotAcceptable('multipart/related; type="application/octet-stream"')


def _syntax_fits(media_range: MediaType, stored: set[str]) -> bool:
    return media_range.transfer_syntax in (None, "*") or stored == {media_range.transfer_syntax}


def _quality(media_range: MediaType) -> float:
    try:
        return float(media_range.parameters.get("q", "1"))
    except ValueError:
        return 0.0


def _split(header: str) -> list[str]:
    """Split at commas outside quotes."""
    parts, start, quoted = list[str](), 0, False
    for index, char in enumerate(header):
        if char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            parts.append(header[start:index])
            start = index + 1
    parts.append(header[start:])
    return parts
