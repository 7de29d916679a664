"""The net below the judges: what a parser raises that nobody foresaw becomes a verdict, and is told in the log.

Every known fault of foreign bytes is a `SigningInputError` at its place and never comes here. What does come is a
defect to be mended, but not by whoever sent the bytes: they are refused as malformed, never good by default.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

UNREADABLE = "数据格式错误：不能解析"
# Not among them is what says nothing about the bytes: memory, files and programming errors such as AttributeError.
_UNFORESEEN = (ValueError, LookupError, ArithmeticError, RecursionError)

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)


def or_malformed(malformed: Callable[[], T]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Makes a judge answer with `malformed()` where reading what it judges failed in an unforeseen way.

    The log line has the error's type and the frames; the formatters leave out texts of others, which may quote the
    bytes.
    """

    def decorate(judge: Callable[P, T]) -> Callable[P, T]:
        @wraps(judge)
        def judged(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return judge(*args, **kwargs)
            except _UNFORESEEN as fault:
                _log.error("foreign bytes were refused after an unforeseen error", exc_info=fault)
                return malformed()

        return judged

    return decorate
