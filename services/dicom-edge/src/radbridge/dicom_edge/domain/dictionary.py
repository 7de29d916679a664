"""The standard's dictionaries, as pydicom has them.

Loaded when first used: pydicom takes a third of a second and 30 MB, which a process that sees no images should not pay.
"""

from functools import lru_cache

_MIXED_VRS = {"US or SS": "US", "OB or OW": "OW", "US or OW": "OW", "US or SS or OW": "OW"}
_UNKNOWN = "UN"


@lru_cache(maxsize=20_000)
def vr_of(tag: int) -> str:
    """VR of an element that does not tell it (implicit VR); of two possible ones the unsigned or wider."""
    if tag & 0xFFFF == 0:
        return "UL"
    if tag >> 16 & 1:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else _UNKNOWN
    from pydicom.datadict import dictionary_VR

    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return _UNKNOWN
    return _MIXED_VRS.get(vr, vr)


def tag_of(keyword: str) -> int | None:
    """Tag of a keyword of PS3.6."""
    from pydicom.datadict import tag_for_keyword

    return tag_for_keyword(keyword)


@lru_cache(maxsize=2000)
def sop_class_name(uid: str) -> str | None:
    """Name of a standard SOP class; empty for a standard UID that is something else, ``None`` for an unknown one."""
    from pydicom._uid_dict import UID_dictionary

    entry = UID_dictionary.get(uid)
    if entry is None:
        return None
    return entry[0] if entry[1] == "SOP Class" else ""
