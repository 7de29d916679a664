"""Statuses and failure reasons this service answers, with their clauses. ``docs/conformance/dicom.md`` lists them too;
a test keeps both in step."""

from enum import IntEnum


class StoreStatus(IntEnum):
    """C-STORE response statuses (PS3.4 table B.2-1, PS3.7 section 9.1.1.1.9)."""

    SUCCESS = 0x0000
    DUPLICATE_SOP_INSTANCE = 0x0111
    """Another object of the institution has this SOP Instance UID; the first stays."""
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    OUT_OF_RESOURCES = 0xA700
    """Disk full, or the index is away; sending again later may help."""
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    """The data set cannot be read to its end."""
    IDENTITY_MISSING = 0xC001
    """SOP Class, SOP Instance, Study or Series Instance UID is missing or is no UID."""
    IDENTITY_MISMATCH = 0xC002
    """The UIDs of the data set are not those of the request."""


class FailureReason(IntEnum):
    """Failure Reason (0008,1197) of storage commitment (PS3.3 section C.14.1.1) and STOW-RS (PS3.18 annex I.2.2)."""

    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    NO_SUCH_OBJECT_INSTANCE = 0x0112
    CLASS_INSTANCE_CONFLICT = 0x0119
    REFERENCED_SOP_CLASS_NOT_SUPPORTED = 0x0122
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    IDENTITY_MISSING = 0xC001
    IDENTITY_MISMATCH = 0xC002


class ActionStatus(IntEnum):
    """N-ACTION response statuses of storage commitment (PS3.7 section 10.1.4.1.10)."""

    SUCCESS = 0x0000
    NO_SUCH_SOP_INSTANCE = 0x0112
    INVALID_ARGUMENT_VALUE = 0x0115
    NO_SUCH_ACTION = 0x0123
    RESOURCE_LIMITATION = 0x0213


UNRECOGNIZED_OPERATION = 0x0211
"""Any other DIMSE request (PS3.7 section 9.1)."""
