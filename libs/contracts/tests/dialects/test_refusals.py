"""The form in which the interface at a path refuses."""

import pytest

from radbridge.contracts.dialects.refusals import refusal_at

PUSH = {"code": 0, "message": "慢", "content": ""}
STUDIES = {"code": "E0000", "message": "慢", "result": ""}


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("/exam-sync", PUSH),
        ("//exam-sync", PUSH),
        ("/exam-sync/x", PUSH),
        ("/report/sync", PUSH),
        ("/examMergeReport-sync", PUSH),
        ("/open/smr", STUDIES),
        ("/open/smr/study/1/smrMark", STUDIES),
        (
            "/dsvs/v1/pkcs7/verifyDataSign",
            {"status": 408, "message": "慢", "data": {"transId": "", "result": "false"}},
        ),
        ("/coss/service/v1/verifyTS", {"status": 408, "message": "慢", "transId": "", "data": None}),
        (
            "/sef/v1/SEF_VerifySeal",
            {
                "transId": "",
                "resultCode": 408,
                "resultMessage": "慢",
                "fileVerifyInfo": {"totalCount": 0, "signInfoList": []},
            },
        ),
        ("/exam-syncs", None),
        ("/report", None),
        ("/open/smrx", None),
        ("/api/portal/v1/exams", None),
        ("/", None),
    ],
)
def test_each_standard_refuses_in_its_own_form(path: str, refusal: dict[str, object] | None) -> None:
    assert refusal_at(path, 408, "慢") == refusal
