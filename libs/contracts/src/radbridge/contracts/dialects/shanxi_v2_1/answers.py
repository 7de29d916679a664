"""Shanxi's answers: ``{"code": 1|0, "message": …, "content": …}`` in plain JSON, HTTP 200 (chapter 三(六))."""

from collections.abc import Sequence

from radbridge.contracts.dialects.faults import Fault

SUCCESS, FAILURE = 1, 0
_FAULTS_SHOWN = 300

Answer = dict[str, object]


def success(content: str = "", message: str = "成功") -> Answer:
    """The answer to an accepted request."""
    return {"code": SUCCESS, "message": message, "content": content}


def failure(message: str) -> Answer:
    """The answer to a refused request; ``message`` is Chinese and says why."""
    return {"code": FAILURE, "message": message, "content": ""}


def refusal(faults: Sequence[Fault]) -> Answer:
    """The answer to a record with faults: each field with its rule, all at once."""
    lines = [f"{number}. [{fault.rule}] {fault.message}" for number, fault in enumerate(faults[:_FAULTS_SHOWN], 1)]
    rest = f"；另有{len(faults) - _FAULTS_SHOWN}处未列出" if len(faults) > _FAULTS_SHOWN else ""
    return failure(f"数据校验未通过，共{len(faults)}处：{'；'.join(lines)}{rest}")
