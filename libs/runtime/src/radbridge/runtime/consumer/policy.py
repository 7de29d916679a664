"""When a failing event is tried again, and when it is given up."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts with exponential pauses, then the dead letters.

    The defaults give a failing event about 13 s before it is set aside. What is merely away (database, event log,
    object store) is waited for without counting.
    """

    attempts: int = 8
    first_pause: timedelta = timedelta(milliseconds=100)
    longest_pause: timedelta = timedelta(seconds=10)
    longest_attempt: timedelta = timedelta(minutes=5)
    """An attempt that takes longer has failed; what it may still do in the database happens once at most."""
    dead_letters: int = 100
    """So many dead letters within ``dead_letters_within`` pause the consumer."""
    dead_letters_within: timedelta = timedelta(minutes=5)

    def pause_after(self, failures: int) -> float:
        """Seconds to wait after the n-th failure, spread by a tenth so that many keys do not return at once."""
        pause = self.first_pause * 2 ** min(failures - 1, 30)
        return min(pause, self.longest_pause).total_seconds() * random.uniform(0.9, 1.1)  # noqa: S311


class DeadLetterLimit:
    """Counts dead letters in a sliding window. Once it is reached it stays so, until another process takes over: a
    deployment that fails on everything must not drain its topics into the dead letters."""

    def __init__(self, policy: RetryPolicy, monotonic: Callable[[], float]) -> None:
        self._most = policy.dead_letters
        self._window = policy.dead_letters_within.total_seconds()
        self._monotonic = monotonic
        self._moments: deque[float] = deque()
        self.reached = False

    def take(self) -> bool:
        """Count a dead letter that is about to be written; ``False`` if it must not be."""
        start = self._monotonic() - self._window
        while self._moments and self._moments[0] < start:
            self._moments.popleft()
        if len(self._moments) >= self._most:
            self.reached = True
        if not self.reached:
            self._moments.append(self._monotonic())
        return not self.reached

    def give_back(self) -> None:
        """A dead letter was not written after all."""
        if self._moments:
            self._moments.pop()
