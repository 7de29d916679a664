"""Keeps personal data out of logs and traces: by the name of a field, and by the look of a value."""

import re
from collections.abc import Collection, Mapping
from typing import cast

MASK = "***"

PERSONAL_FIELDS = frozenset(
    {
        *("name", "patient_name", "patname", "patientname", "name_pinyin", "patient"),
        *("address", "current_address", "registered_address"),
        *("phone", "telephone", "mobile"),
        *("id_card", "idcard", "iccard", "id_number", "document_number"),
        *("birth_date", "birthday"),
    }
)
"""Names of log fields and span attributes whose values are never shown, compared in lower case."""

_NUMBERS = re.compile(
    r"(?<![0-9a-f])(?<![0-9]\.)(?:"
    r"[1-9][0-9]{5}(?:18|19|20)[0-9]{9}[0-9Xx]"  # resident ID, GB 11643-1999
    r"|[1-9][0-9]{7}[01][0-9][0-3][0-9]{4}"  # resident ID of 15 digits
    r"|1[3-9][0-9]{9}"  # mobile phone
    r")(?![0-9a-f])(?!\.[0-9])"
)


def mask_text(text: str) -> str:
    """The text without resident ID numbers and mobile phone numbers. Numbers inside UIDs and hexadecimal ids stay."""
    return _NUMBERS.sub(MASK, text)


def mask_value(value: object, name: str = "") -> object:
    """A value fit for a log: masked whole where its name says that it is personal, else its texts are masked."""
    if name.lower() in PERSONAL_FIELDS and value is not None:
        return MASK
    if isinstance(value, str):
        return mask_text(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10**10 else mask_text(str(value))
    if isinstance(value, Mapping):
        items = cast(Mapping[object, object], value).items()
        return {str(key): mask_value(item, str(key)) for key, item in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_value(item) for item in cast(Collection[object], value)]
    return mask_text(str(value))
