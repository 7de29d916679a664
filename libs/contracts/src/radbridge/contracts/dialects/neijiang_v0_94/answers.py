"""Neijiang's answers: HTTP 200 and ``{"code", "message", "result"}``; the codes of 501 and 502 (section 8.1.2.2)."""

from collections.abc import Sequence

from radbridge.contracts.dialects.faults import Fault, fault_report

SUCCESS, FAILURE, WRONG_SIGNATURE = "N0000", "E0000", "E9000"
BASE = "/open/smr"

Answer = dict[str, object]


def success(result: object = "", message: str = "成功") -> Answer:
    """The answer to an accepted request; ``result`` is what its interface prints."""
    return {"code": SUCCESS, "message": message, "result": result}


def failure(message: str) -> Answer:
    """The answer to a refused request; ``message`` is Chinese and says why."""
    return {"code": FAILURE, "message": message, "result": ""}


def wrong_signature() -> Answer:
    """The answer to a request whose access key or signature is wrong; it does not say which."""
    return {"code": WRONG_SIGNATURE, "message": "签名错误", "result": ""}


def refusal(faults: Sequence[Fault]) -> Answer:
    """The answer to a request with faults: each field with its rule, all at once."""
    return failure(fault_report(faults))


def refusal_at(path: str, message: str) -> Answer | None:
    """The refusal in the form of 501 and 502 at their paths; ``None`` at other paths."""
    return failure(message) if path == BASE or path.startswith(f"{BASE}/") else None
