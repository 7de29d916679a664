"""Forms that a field's text may have to follow, beyond length and dictionary.

Field tables name a form either as the standard prints it (``yyyy-MM-dd``) or, in ``decisions.csv``, by the ids below.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from radbridge.contracts.identifiers import is_credit_code, is_dicom_uid

# Years from 1800: earlier ones are typing slips, and the year 1 cannot be moved to UTC.
_DAY_PATTERN = r"(?:1[89]|[2-9][0-9])[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_DATE = re.compile(_DAY_PATTERN)
_DATETIME = re.compile(_DAY_PATTERN + r" (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]")
_LAST_OF_EVERY_MONTH = "28"
_HTTP_URL = re.compile(r"https?://[^\s/?#]+(?:[/?#]\S*)?", re.IGNORECASE)
_MODALITY = re.compile(r"[A-Z0-9][A-Z0-9 _]{0,15}")
_LENGTH_15_64 = re.compile(r".{15,64}", re.DOTALL)
_EPOCH_MILLISECONDS = re.compile(r"[0-9]{13}")
_BASE64_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LINE_BREAKS = b"\r\n"
_SLICE = 1 << 18


@dataclass(frozen=True, slots=True)
class Format:
    """A form: ``description`` is shown to hospitals, ``matches`` decides about one value."""

    id: str
    description: str
    matches: Callable[[str], bool]


def is_date(text: str) -> bool:
    """``yyyy-MM-dd``, a day of the calendar."""
    return _DATE.fullmatch(text) is not None and (text[8:10] <= _LAST_OF_EVERY_MONTH or _is_in_its_month(text))


def is_datetime(text: str) -> bool:
    """``yyyy-MM-dd HH:mm:ss``, a moment of the calendar."""
    return _DATETIME.fullmatch(text) is not None and (text[8:10] <= _LAST_OF_EVERY_MONTH or _is_in_its_month(text))


def _is_in_its_month(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def is_datetime_range(text: str) -> bool:
    """Two moments joined by ``/``, with or without blanks around it, the first not after the second."""
    begin, slash, end = (part.strip(" ") for part in text.partition("/"))
    return slash == "/" and is_datetime(begin) and is_datetime(end) and begin <= end


def is_base64(text: str) -> bool:
    """Standard base64 with padding; line breaks as MIME encoders put them are passed over.

    Large texts are looked at in slices, so that other threads get their turn.
    """
    body = text.rstrip("=\r\n")
    padding = text.count("=", len(body))
    characters = 0
    for start in range(0, len(body), _SLICE):
        chunk = body[start : start + _SLICE]
        if not chunk.isascii():
            return False
        significant = chunk.encode("ascii").translate(None, _LINE_BREAKS)
        if significant.translate(None, _BASE64_ALPHABET):
            return False
        characters += len(significant)
    return characters > 0 and padding <= 2 and (characters + padding) % 4 == 0


def _is_date_or_datetime(text: str) -> bool:
    return is_date(text) or is_datetime(text)


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


FORMATS: Mapping[str, Format] = {
    form.id: form
    for form in (
        Format("date", "yyyy-MM-dd", is_date),
        Format("datetime", "yyyy-MM-dd HH:mm:ss", is_datetime),
        Format("date_or_datetime", "yyyy-MM-dd 或 yyyy-MM-dd HH:mm:ss", _is_date_or_datetime),
        Format("datetime_range", "yyyy-MM-dd HH:mm:ss / yyyy-MM-dd HH:mm:ss", is_datetime_range),
        Format("epoch_milliseconds", "13位毫秒时间戳", _matches(_EPOCH_MILLISECONDS)),
        Format("dicom_uid", "DICOM UID（不超过64位的数字和点）", is_dicom_uid),
        Format("dicom_modality", "DICOM 标准的检查类别代码，如 CT、DX", _matches(_MODALITY)),
        Format("credit_code", "18位统一社会信用代码（GB 32100，含校验位）", is_credit_code),
        Format("length_15_64", "15至64个字符", _matches(_LENGTH_15_64)),
        Format("http_url", "http 或 https 地址", _matches(_HTTP_URL)),
        Format("base64", "标准 Base64 编码", is_base64),
    )
}
"""Every form by its id."""

PRINTED_FORMATS: Mapping[str, Format] = {
    "yyyy-MM-dd": FORMATS["date"],
    "yyyy-MM-dd HH:mm:ss": FORMATS["datetime"],
    "yyyy-MM-dd HH:mm:ss / yyyy-MM-dd HH:mm:ss": FORMATS["datetime_range"],
}
"""Forms as the field tables print them; other texts in that column are explanations, not rules."""
