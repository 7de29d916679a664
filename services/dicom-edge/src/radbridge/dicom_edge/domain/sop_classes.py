"""Which abstract syntaxes this service takes, and as what."""

import re
from enum import Enum, auto

from radbridge.dicom_edge.domain.dictionary import sop_class_name

VERIFICATION = "1.2.840.10008.1.1"
STORAGE_COMMITMENT_PUSH_MODEL = "1.2.840.10008.1.20.1"
STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1.1"

_STANDARD_ROOT = "1.2.840.10008."
_STORAGE_BRANCH = "1.2.840.10008.5.1.4.1.1."
_NOT_STORAGE = frozenset({"1.2.840.10008.1.20.1", "1.2.840.10008.1.20.2", "1.2.840.10008.1.3.10"})
"""Standard classes with "Storage" in their name that are no composite storage: commitment and the media directory."""

_UID = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)
_UID_LENGTH_MAX = 64


class Service(Enum):
    """What an association may ask for under an abstract syntax."""

    VERIFICATION = auto()
    STORAGE = auto()
    STORAGE_COMMITMENT = auto()


def is_uid(text: str) -> bool:
    """Whether the text can stand as a UID: digits and dots, no empty component, at most 64 characters.

    PS3.5 section 9.1 also forbids leading zeros and fixes the first component; devices in use break both, and neither
    can do harm, so they pass.
    """
    return len(text) <= _UID_LENGTH_MAX and _UID.fullmatch(text) is not None


def service_of(abstract_syntax: str) -> Service | None:
    """The service behind an abstract syntax, ``None`` where it is not offered.

    Everything that stores composite objects is taken: the standard's storage classes, those that a newer edition adds
    in the same branch, and every private class (a private class that is no storage will not be sent by C-STORE).
    """
    if abstract_syntax == VERIFICATION:
        return Service.VERIFICATION
    if abstract_syntax == STORAGE_COMMITMENT_PUSH_MODEL:
        return Service.STORAGE_COMMITMENT
    if abstract_syntax in _NOT_STORAGE or not is_uid(abstract_syntax):
        return None
    name = sop_class_name(abstract_syntax)
    if name is not None:
        return Service.STORAGE if "Storage" in name else None
    if not abstract_syntax.startswith(_STANDARD_ROOT) or abstract_syntax.startswith(_STORAGE_BRANCH):
        return Service.STORAGE
    return None
