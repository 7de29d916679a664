"""How Shanxi's interfaces refuse: pushes, and the verifications of chapter 四(二)4, whose answers carry a status."""

from radbridge.contracts.dialects.shanxi_v2_1 import answers
from radbridge.contracts.dialects.shanxi_v2_1.answers import Answer

PUSHES = ("/exam-sync", "/report/sync", "/examMergeReport-sync")
DATA_SIGNATURES, TIMESTAMPS, SEALS = "/dsvs", "/coss", "/sef"


def data_signature_refusal(status: int, message: str, trans_id: str = "") -> Answer:
    """The refusal of ``verifyDataSign`` (chapter 四(二)4(5))."""
    return {"status": status, "message": message, "data": {"transId": trans_id, "result": "false"}}


def timestamp_refusal(status: int, message: str, trans_id: str = "") -> Answer:
    """The refusal of ``verifyTS``: the public response without data (SX-071)."""
    return {"status": status, "message": message, "transId": trans_id, "data": None}


def seal_refusal(status: int, message: str, trans_id: str = "") -> Answer:
    """The refusal of ``SEF_VerifySeal``: no seal was judged (chapter 四(二)4(7))."""
    seals = {"totalCount": 0, "signInfoList": []}
    return {"transId": trans_id, "resultCode": status, "resultMessage": message, "fileVerifyInfo": seals}


def refusal_at(path: str, status: int, message: str) -> Answer | None:
    """The refusal in the form of the interface at a path or below; ``None`` at other paths."""
    if _below(path, *PUSHES):
        return answers.failure(message)
    if _below(path, DATA_SIGNATURES):
        return data_signature_refusal(status, message)
    if _below(path, TIMESTAMPS):
        return timestamp_refusal(status, message)
    if _below(path, SEALS):
        return seal_refusal(status, message)
    return None


def _below(path: str, *prefixes: str) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)
