"""Which offset of a partition may be committed while its records finish in any order."""

from collections import deque


class OffsetTracker:
    """The records of one partition that were handed out. Offsets rise, with gaps."""

    def __init__(self) -> None:
        self._handed_out: deque[int] = deque()
        self._finished: set[int] = set()
        self._last = -1
        self._next: int | None = None

    def hand_out(self, offset: int) -> bool:
        """Remember a record; ``False`` if it was handed out before."""
        if offset <= self._last:
            return False
        self._last = offset
        self._handed_out.append(offset)
        return True

    def finish(self, offset: int) -> None:
        """The record needs nothing more."""
        self._finished.add(offset)
        while self._handed_out and self._handed_out[0] in self._finished:
            first = self._handed_out.popleft()
            self._finished.remove(first)
            self._next = first + 1

    @property
    def next_offset(self) -> int | None:
        """The lowest unfinished offset, as far as it is known: all records below it are finished; ``None``: none is."""
        return self._next

    @property
    def unfinished(self) -> int:
        """Records handed out and not finished."""
        return len(self._handed_out) - len(self._finished)

    @property
    def uncommittable(self) -> int:
        """Records, finished or not, from the lowest unfinished one on."""
        return len(self._handed_out)
