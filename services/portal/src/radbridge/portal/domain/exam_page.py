"""Where a page of the list of exams begins: newest event first, exams of the same moment by their id."""

import re
from dataclasses import dataclass

_MOMENT_MAX = 2**62
_POSITION = re.compile(r"([0-9]{1,19})(?:\.([!-~]{1,200}))?")


@dataclass(frozen=True, slots=True)
class Position:
    """Behind an exam of the list, or where ``exam_id`` is ``None``, behind every exam of that moment."""

    changed_at: int
    """Microseconds since 1970, of the newest event of the exam's journey."""
    exam_id: str | None = None

    def __str__(self) -> str:
        return str(self.changed_at) if self.exam_id is None else f"{self.changed_at}.{self.exam_id}"


START = Position(_MOMENT_MAX)
"""Before every exam."""


def position(text: str) -> Position:
    """The position that ``str`` wrote; a moment alone is one too.

    :raises ValueError: it is none.
    """
    match = _POSITION.fullmatch(text)
    if match is None or int(match[1]) > _MOMENT_MAX:
        raise ValueError("not a position in the list of exams")
    return Position(int(match[1]), match[2])
