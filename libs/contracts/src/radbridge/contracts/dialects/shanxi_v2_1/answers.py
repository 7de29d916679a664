"""Shanxi's answers: ``{"code": 1|0, "message": …, "content": …}`` in plain JSON, HTTP 200 (chapter 三(六))."""

from collections.abc import Sequence

from radbridge.contracts.dialects.faults import Fault, fault_report

SUCCESS, FAILURE = 1, 0

Answer = dict[str, object]


def success(content: str = "", message: str = "成功") -> Answer:
    """The answer to an accepted request."""
    return {"code": SUCCESS, "message": message, "content": content}


def failure(message: str) -> Answer:
    """The answer to a refused request; ``message`` is Chinese and says why."""
    return {"code": FAILURE, "message": message, "content": ""}


def refusal(faults: Sequence[Fault]) -> Answer:
    """The answer to a record with faults: each field with its rule, all at once."""
    return failure(fault_report(faults))
