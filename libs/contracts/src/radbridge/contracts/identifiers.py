"""Identifiers that cross boundaries: national numbers, DICOM UIDs, and the ids RadBridge derives or issues.

Derived ids are version 5 UUIDs: whoever knows the parts computes the same id, so nobody has to agree on one and no
service has to ask another. New ids are version 7 UUIDs, which sort by the time they were made.
"""

import hashlib
import json
import re
import secrets
import time
from datetime import date
from operator import mul
from uuid import UUID

NAMESPACE = UUID("8f3d5a52-6a0e-5c55-9d0b-0f6f1c9e7a11")
"""Namespace of every derived id. Changing it would change every id ever issued."""

_PARTS_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))

_RESIDENT_ID = re.compile(r"[1-9][0-9]{16}[0-9X]", re.ASCII)
_RESIDENT_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_ID_CHECK = "10X98765432"
_ZERO = ord("0")
_EARLIEST_BIRTH_YEAR = 1800
_PROVINCES = frozenset(
    str(code)
    for region in (range(11, 16), range(21, 24), range(31, 38), range(41, 47), range(50, 55), range(61, 66))
    for code in region
) | {"71", "81", "82", "83"}
"""First two digits of an address code (GB/T 2260); 83 stands on residence permits for people from Taiwan."""

_CREDIT_CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_CODE_VALUES = {character: value for value, character in enumerate(_CREDIT_CODE_ALPHABET)}
_CREDIT_CODE = re.compile(f"[{_CREDIT_CODE_ALPHABET}]{{18}}")
_CREDIT_CODE_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)

_DICOM_UID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+", re.ASCII)
_DICOM_UID_MAX_LENGTH = 64


def normalize_resident_id(number: str) -> str:
    """The number without surrounding blanks and with the check character ``x`` as ``X``."""
    return number.strip().upper()


def resident_id_check_character(first_17: str) -> str:
    """Check character of a resident ID number from its first 17 digits (GB 11643-1999, ISO 7064 MOD 11-2)."""
    digits = (ord(digit) - _ZERO for digit in first_17)
    return _RESIDENT_ID_CHECK[sum(map(mul, digits, _RESIDENT_ID_WEIGHTS)) % 11]


def is_resident_id(number: str) -> bool:
    """Whether the text is a resident ID number (GB 11643-1999): 18 characters, a real date of birth, the check
    character. The old numbers of 15 digits are not accepted; an ``x`` must have been normalised to ``X``."""
    return (
        _RESIDENT_ID.fullmatch(number) is not None
        and resident_id_birth_date(number) is not None
        and resident_id_check_character(number[:17]) == number[17]
    )


def is_possible_resident_id(number: str, today: date | None = None) -> bool:
    """Whether the text is a resident ID number that somebody can hold: its address code lies in a province (GB/T 2260),
    its holder was not born after ``today`` (the day in China; ``None``: whenever)."""
    if not is_resident_id(number) or number[:2] not in _PROVINCES:
        return False
    birth_date = resident_id_birth_date(number)
    return today is None or (birth_date is not None and birth_date <= today)


def resident_id_birth_date(number: str) -> date | None:
    """Date of birth that a resident ID number carries (positions 7 to 14), or ``None`` when it is no date."""
    digits = number[6:14]
    if len(digits) != 8 or not (digits.isascii() and digits.isdigit()):
        return None
    try:
        birth_date = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return birth_date if birth_date.year >= _EARLIEST_BIRTH_YEAR else None


def credit_code_check_character(first_17: str) -> str:
    """Check character of a unified social credit code from its first 17 characters (GB 32100-2015, MOD 31)."""
    values = map(_CREDIT_CODE_VALUES.__getitem__, first_17)
    return _CREDIT_CODE_ALPHABET[-sum(map(mul, values, _CREDIT_CODE_WEIGHTS)) % 31]


def is_credit_code(code: str) -> bool:
    """Whether the text is a unified social credit code (GB 32100-2015): 18 characters of its alphabet (no I, O, S, V,
    Z), the last one being the check character."""
    return _CREDIT_CODE.fullmatch(code) is not None and credit_code_check_character(code[:17]) == code[17]


def is_dicom_uid(uid: str) -> bool:
    """Whether the text is a DICOM UID (PS3.5 section 9.1): at most 64 characters, numeric components without leading
    zeros, under one of the three OID roots."""
    return len(uid) <= _DICOM_UID_MAX_LENGTH and _DICOM_UID.fullmatch(uid) is not None


def exam_id(institution_id: str, system: str, number: str) -> str:
    """Id of an exam from its institution, the hospital system that numbered it (``ris`` unless registered otherwise)
    and the hospital's exam number (Shanxi: risStudyId)."""
    return _derived("exam", institution_id, system, number)


def report_id(institution_id: str, system: str, number: str) -> str:
    """Id of a report from its institution, the hospital system and the hospital's report number (Shanxi: recordNum)."""
    return _derived("report", institution_id, system, number)


def patient_record_id(institution_id: str, system: str, number: str) -> str:
    """Id of a hospital's patient record from its institution, the hospital system and the hospital's patient number."""
    return _derived("patient_record", institution_id, system, number)


def mark_id(asking_institution_id: str, report_id: str) -> str:
    """Id of a hospital's decision about a report: it has one, however often it is changed."""
    return _derived("mark", asking_institution_id, report_id)


def event_id(source: str, subject: str, version: int, type: str) -> str:
    """Id of an event from its CloudEvents source, subject and type and the aggregate's version: published twice, it is
    the same event."""
    return _derived("event", source, subject, str(version), type)


def link_code_digest(code: str) -> str:
    """What events and rows hold of a patient link's random code: SHA-256, hex. 70 random bits need no salt."""
    return hashlib.sha256(code.encode()).hexdigest()


def new_id() -> str:
    """A new id: UUID version 7 (RFC 9562 section 5.7), so ids of one writer sort by millisecond."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=value))


def _derived(*parts: str) -> str:
    """UUID version 5 (RFC 9562 section 5.5) of the parts' JSON array: no part can be chosen so that two lists of parts
    give one text. Put together by hand, as several are needed for every push and the library takes four times as long.
    """
    name = f"[{','.join(map(_PARTS_ENCODER.encode, parts))}]"
    octets = bytearray(hashlib.sha1(NAMESPACE.bytes + name.encode("ascii"), usedforsecurity=False).digest())
    octets[6] = octets[6] & 0x0F | 0x50
    octets[8] = octets[8] & 0x3F | 0x80
    digits = octets.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"
