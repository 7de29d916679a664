"""What a transfer syntax UID says about the bytes of a data set (PS3.5 section 10 and annex A)."""

from dataclasses import dataclass

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
GE_PRIVATE_IMPLICIT = "1.2.840.113619.5.2"
"""Implicit VR little endian data set with big endian pixel data."""

_DEFLATED = frozenset({DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
_IMPLICIT = frozenset({IMPLICIT_VR_LITTLE_ENDIAN, GE_PRIVATE_IMPLICIT})
_STANDARD_ROOT = "1.2.840.10008.1.2"

_IMAGE_JPEG = "image/jpeg"
_IMAGE_JLS = "image/jls"
_IMAGE_JP2 = "image/jp2"
_IMAGE_JPX = "image/jpx"
_IMAGE_JPHC = "image/jphc"
_FRAME_MEDIA_TYPES = {
    "1.2.840.10008.1.2.4.50": _IMAGE_JPEG,
    "1.2.840.10008.1.2.4.51": _IMAGE_JPEG,
    "1.2.840.10008.1.2.4.57": _IMAGE_JPEG,
    "1.2.840.10008.1.2.4.70": _IMAGE_JPEG,
    "1.2.840.10008.1.2.4.80": _IMAGE_JLS,
    "1.2.840.10008.1.2.4.81": _IMAGE_JLS,
    "1.2.840.10008.1.2.4.90": _IMAGE_JP2,
    "1.2.840.10008.1.2.4.91": _IMAGE_JP2,
    "1.2.840.10008.1.2.4.92": _IMAGE_JPX,
    "1.2.840.10008.1.2.4.93": _IMAGE_JPX,
    "1.2.840.10008.1.2.4.110": "image/jxl",
    "1.2.840.10008.1.2.4.111": "image/jxl",
    "1.2.840.10008.1.2.4.112": "image/jxl",
    "1.2.840.10008.1.2.4.201": _IMAGE_JPHC,
    "1.2.840.10008.1.2.4.202": _IMAGE_JPHC,
    "1.2.840.10008.1.2.4.203": _IMAGE_JPHC,
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    "1.2.840.10008.1.2.4.100": "video/mpeg2",
    "1.2.840.10008.1.2.4.101": "video/mpeg2",
    "1.2.840.10008.1.2.4.102": "video/mp4",
    "1.2.840.10008.1.2.4.103": "video/mp4",
    "1.2.840.10008.1.2.4.104": "video/mp4",
    "1.2.840.10008.1.2.4.105": "video/mp4",
    "1.2.840.10008.1.2.4.106": "video/mp4",
    "1.2.840.10008.1.2.4.107": "video/H265",
    "1.2.840.10008.1.2.4.108": "video/H265",
}
"""PS3.18 tables 8.7.3-4 and 8.7.3-5."""

OCTET_STREAM = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How elements are written."""

    explicit_vr: bool
    big_endian: bool = False


IMPLICIT_LITTLE = Encoding(explicit_vr=False)
EXPLICIT_LITTLE = Encoding(explicit_vr=True)
EXPLICIT_BIG = Encoding(explicit_vr=True, big_endian=True)


def encoding_of(transfer_syntax_uid: str, start: bytes) -> Encoding:
    """Encoding of the elements of a data set that begins (inflated, if deflated) with ``start``.

    Standard syntaxes say it; for any other one the first element shows whether VRs are written.
    """
    if transfer_syntax_uid in _IMPLICIT:
        return IMPLICIT_LITTLE
    if transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN:
        return EXPLICIT_BIG
    if transfer_syntax_uid.startswith(_STANDARD_ROOT):
        return EXPLICIT_LITTLE
    vr = start[4:6]
    return EXPLICIT_LITTLE if vr.isalpha() and vr.isupper() else IMPLICIT_LITTLE


def is_deflated(transfer_syntax_uid: str) -> bool:
    """Whether the whole data set is deflated (PS3.5 section A.5)."""
    return transfer_syntax_uid in _DEFLATED


def frame_transfer_syntax(transfer_syntax_uid: str) -> str:
    """The syntax that describes native frames taken out of an object: deflating and implicit VRs do not reach them."""
    if transfer_syntax_uid in (IMPLICIT_VR_LITTLE_ENDIAN, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN):
        return EXPLICIT_VR_LITTLE_ENDIAN
    return transfer_syntax_uid


def frame_media_type(transfer_syntax_uid: str) -> str:
    """Media type of one encapsulated frame; ``application/octet-stream`` where the standard names none."""
    return _FRAME_MEDIA_TYPES.get(transfer_syntax_uid, OCTET_STREAM)


def choose_transfer_syntax(proposed: list[str]) -> str:
    """The syntax to accept of those a presentation context proposes.

    The sender's own order is followed, because its first choice is usually how the object lies there; only implicit VR
    waits until nothing else is left, because it loses the VRs of private elements.
    """
    return next((uid for uid in proposed if uid != IMPLICIT_VR_LITTLE_ENDIAN), proposed[0])
