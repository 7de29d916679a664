"""What the printed interfaces share: JSON bodies in, and answers of HTTP 200 that carry their own status."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import orjson
from fastapi import Request, Response

from radbridge.contracts.dialects.codec import wire_text
from radbridge.contracts.dialects.faults import Fault, fault_report
from radbridge.contracts.dialects.validate import RecordValidator
from radbridge.runtime.body import offload
from radbridge.runtime.database.protocol import DatabaseUnavailable
from radbridge.runtime.security.keyring import SealError

GOOD = 200
INVALID, UNSIGNED, UNKNOWN_CALLER, TOO_LARGE, AWAY = 400, 401, 403, 413, 503
SUCCESS = "SUCCESS"

Parameters = Mapping[str, object]
Answer = dict[str, object]

_log = logging.getLogger(__name__)


class SentNumber(float):
    """A number with a fraction or an exponent, whose text is the one that was sent."""

    __slots__ = ("_text",)

    def __new__(cls, text: str) -> "SentNumber":
        number = super().__new__(cls, text)
        number._text = text
        return number

    def __str__(self) -> str:
        return self._text


class Refused(Exception):
    """The request is not served; ``message`` is Chinese, ``status`` is the interface's, not HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


async def served(
    request: Request,
    interface: str,
    serve: Callable[[Parameters, int], Awaitable[Answer]],
    refuse: Callable[[Parameters, Refused], Answer],
) -> Response:
    """Answer with ``serve(parameters, size)`` or, where that or the reading refuses, ``refuse(parameters, why)``."""
    parameters: Parameters = {}
    try:
        body = await request.body()
        parameters = await offload(_parsed, len(body), body)
        answer = await serve(parameters, len(body))
    except Refused as refused:
        answer = refuse(parameters, refused)
        _log.info("a verification was refused", extra={"interface": interface, "status": refused.status})
    except DatabaseUnavailable:
        answer = refuse(parameters, Refused(AWAY, "平台暂不可用：数据库无法访问，请稍后重试"))
    except SealError:
        answer = refuse(parameters, Refused(AWAY, "平台暂不可用：无法读取医院密钥，请稍后重试"))
    return Response(orjson.dumps(answer), media_type="application/json")


def checked(validators: Sequence[RecordValidator], parameters: Parameters) -> None:
    """Return if the parameters are as the tables say.

    :raises Refused: with all faults at once.
    """
    faults: list[Fault] = [fault for one in validators for fault in one.validate(parameters).faults]
    if faults:
        raise Refused(INVALID, fault_report(faults))


def text(parameters: Parameters, name: str) -> str:
    """A parameter's text; empty where it is missing or of another type."""
    value = parameters.get(name)
    return value if isinstance(value, str) else ""


def original_text(parameters: Parameters) -> str:
    """``oriData``, which may be empty.

    :raises Refused: the request is without it.
    """
    value = parameters.get("oriData")
    if not isinstance(value, str):
        raise Refused(INVALID, "oriData（原文）不能为空")
    return value


def flag(parameters: Parameters, name: str) -> bool:
    """A boolean parameter, false by default."""
    value = parameters.get(name)
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def number(parameters: Parameters, name: str) -> str:
    """A number's digits, whichever way they were sent."""
    return wire_text(parameters.get(name)) or ""


def log_verdict(interface: str, trans_id: str, result: str) -> None:
    """Leave the caller's id in the log, by which both sides find the call (SX-086)."""
    _log.info("verified", extra={"interface": interface, "trans_id": trans_id, "result": result})


def _parsed(body: bytes) -> Parameters:
    try:
        parsed: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused(INVALID, "请求体不是UTF-8编码的JSON") from None
    if not isinstance(parsed, dict):
        raise Refused(INVALID, "请求体不是JSON对象")
    return _as_sent(body) if _holds_float(parsed) else parsed  # pyright: ignore[reportUnknownArgumentType]


def _holds_float(value: object) -> bool:
    """Whether there is a number that orjson made a float of: a fraction, or an integer of more than 64 bits."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, float):
            return True
        if isinstance(one, dict):
            waiting.extend(one.values())  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        elif isinstance(one, list):
            waiting.extend(one)  # pyright: ignore[reportUnknownArgumentType]
    return False


def _as_sent(body: bytes) -> Parameters:
    """The parameters with every number as it was written: a caller's HMAC covers that text."""
    try:
        return json.loads(body, parse_float=SentNumber)
    except (ValueError, RecursionError):
        raise Refused(INVALID, "请求体中的数值过长或嵌套过深") from None
