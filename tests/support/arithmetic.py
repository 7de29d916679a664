"""Work for the tests of the process pool: it must be importable in another process."""

import os
import time
from collections.abc import Callable


def squares(offset: int) -> Callable[[int], tuple[int, int]]:
    """Answers a number's square plus ``offset``, and the process that found it. Negative numbers fail, a thousand takes
    long, and a million ends its process unless it is the one that asks."""
    asking = os.environ.get("ASKING_PROCESS", "")

    def square(number: int) -> tuple[int, int]:
        if number < 0:
            raise ValueError(f"{number} is negative")
        if number == 1000 and str(os.getpid()) != asking:
            time.sleep(60)
        if number == 1_000_000 and str(os.getpid()) != asking:
            os._exit(1)
        return number * number + offset, os.getpid()

    return square
