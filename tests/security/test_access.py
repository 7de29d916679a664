"""Nobody sees what is not theirs, and no address answers who has no right to ask."""

import secrets
import time
from typing import Any

import pytest

from radbridge.contracts.dialects.neijiang_v0_94 import signature
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExamplePatient
from tests.security.conftest import HOSPITAL_B, OTHER_B, Attacked

CLOSED = (
    "/api/portal/v1/exams",
    "/api/portal/v1/services",
    "/api/portal/v1/events",
    "/api/portal/v1/dead-letters",
    "/api/portal/v1/view",
    "/api/portal/v1/documents",
    "/api/ingest-api/v1/institutions",
    "/api/ingest-api/v1/pushes",
    "/api/signing/v1/authorities",
    "/api/signing/v1/reports/R1/verdict?hospitalCode=X",
    "/api/recognition/v1/statistics",
    "/api/recognition/v1/exams/x",
    "/api/mpi/v1/persons/x",
    "/dicom-web/studies",
    "/dicom-web/studies/1.2.3/metadata",
)


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("token", [None, "wrong", "eyJhbGciOiJub25lIn0.e30."])
def test_closed_addresses(attacked: Attacked, path: str, token: str | None) -> None:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    answer = attacked.anonymous().get(path, headers=headers)
    assert answer.status_code == 401, answer.text


def test_metrics_are_not_public(attacked: Attacked) -> None:
    assert attacked.anonymous().get("/metrics").status_code in (401, 403, 404)


def question(code: str) -> dict[str, Any]:
    patient = ExamplePatient()
    return {
        "requestId": secrets.token_hex(8), "hospitalCode": code, "hospitalName": "乙", "visitId": "V1",
        "PatName": patient.name, "PatSex": "M", "BirthDate": "1980-02-29", "ICCard": patient.resident_id,
        "clinicSource": "门诊", "DeptCode": "1", "DeptName": "内科", "opUid": "1", "opName": "医生",
        "stationIP": "192.0.2.1", "stationMAC": "00-00-5E-00-53-01", "timeStamp": str(int(time.time() * 1000)),
        "shareHR": "全国HR", "smrType": "检查",
    }  # fmt: skip


def ask(attacked: Attacked, record: dict[str, Any], *, signer: str, **changed: str) -> dict[str, Any]:
    keys = attacked.hospitals[signer]
    sign = signature.sign(record, access_key=keys["access_key"], access_secret=keys["secret_key"])
    headers = {signature.ACCESS_KEY_HEADER: keys["access_key"], signature.SIGN_HEADER: sign, **changed}
    answer = attacked.anonymous().get("/open/smr/studies", params=record, headers=headers)
    assert answer.status_code == 200
    return answer.json()


def test_a_hospital_may_ask_under_its_own_code(attacked: Attacked) -> None:
    assert ask(attacked, question(HOSPITAL_B), signer=HOSPITAL_B)["code"] == "N0000"


def test_a_hospital_may_not_ask_under_anothers_code(attacked: Attacked) -> None:
    answer = ask(attacked, question(OTHER_B), signer=HOSPITAL_B)
    assert answer["code"] != "N0000"
    assert "hospitalCode" in answer["message"]


@pytest.mark.parametrize("changed", [{"sign": "0" * 32}, {"accessKey": "nobody"}, {"sign": ""}])
def test_a_wrong_signature(attacked: Attacked, changed: dict[str, str]) -> None:
    assert ask(attacked, question(HOSPITAL_B), signer=HOSPITAL_B, **changed)["code"] == "E9000"


def test_a_stale_question(attacked: Attacked) -> None:
    record = {**question(HOSPITAL_B), "timeStamp": str(int((time.time() - 3600) * 1000))}
    assert "timeStamp" in ask(attacked, record, signer=HOSPITAL_B)["message"]


def test_an_unknown_study_cannot_be_marked(attacked: Attacked) -> None:
    record = {
        **{name: value for name, value in question(HOSPITAL_B).items() if name not in ("PatName", "shareHR")},
        "smrInfo": [{"originHospitalCode": "X", "smrMark": "1", "ReportID": "R"}],
    }
    keys = attacked.hospitals[HOSPITAL_B]
    sign = signature.sign(record, access_key=keys["access_key"], access_secret=keys["secret_key"])
    headers = {signature.ACCESS_KEY_HEADER: keys["access_key"], signature.SIGN_HEADER: sign}
    answer = attacked.anonymous().post("/open/smr/study/nothing/smrMark", json=record, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["code"] != "N0000"


def test_a_rotated_key_is_refused_at_once(attacked: Attacked) -> None:
    old = dict(attacked.hospitals[OTHER_B])
    answer = attacked.admin.post(f"/api/ingest-api/v1/institutions/{OTHER_B}/rotate-key").raise_for_status()
    assert ask(attacked, question(OTHER_B), signer=OTHER_B)["code"] == "E9000"
    attacked.hospitals[OTHER_B] = answer.json()
    assert ask(attacked, question(OTHER_B), signer=OTHER_B)["code"] == "N0000"
    assert old["secret_key"] != answer.json()["secret_key"]


def test_a_hospital_reads_its_own_verdicts_only(attacked: Attacked) -> None:
    keys = attacked.hospitals[HOSPITAL_B]
    credentials = (keys["access_key"], keys["secret_key"])
    address = "/api/signing/v1/reports/R1/verdict"
    own = attacked.anonymous().get(address, params={"hospitalCode": HOSPITAL_B}, auth=credentials)
    other = attacked.anonymous().get(address, params={"hospitalCode": OTHER_B}, auth=credentials)
    wrong = attacked.anonymous().get(address, params={"hospitalCode": HOSPITAL_B}, auth=(credentials[0], "x"))
    assert (own.status_code, other.status_code, wrong.status_code) == (200, 403, 401)


def test_secrets_are_in_no_list(attacked: Attacked) -> None:
    text = attacked.admin.get("/api/ingest-api/v1/institutions").text
    for hospital in attacked.hospitals.values():
        assert hospital["sm4_key"] not in text
        assert hospital["secret_key"] not in text


def test_a_cookie_from_another_site_changes_nothing(attacked: Attacked) -> None:
    browser = attacked.anonymous()
    browser.post("/api/portal/v1/session", json={"token": attacked.suite.token}).raise_for_status()
    assert browser.get("/api/portal/v1/session").json()["roles"] == ["admin"]
    forged = browser.post(
        f"/api/ingest-api/v1/institutions/{HOSPITAL_B}/disable", headers={"sec-fetch-site": "cross-site"}
    )
    assert forged.status_code == 401


@pytest.mark.parametrize(
    "path", ["/..%2f..%2fetc/passwd", "/assets/..%2f..%2fpyproject.toml", "/viewer/%2e%2e/%2e%2e/x"]
)
def test_no_path_leads_out_of_the_pages(attacked: Attacked, path: str) -> None:
    answer = attacked.anonymous().get(path)
    assert "root:" not in answer.text
    assert "[project]" not in answer.text


def test_links_cannot_be_guessed(attacked: Attacked) -> None:
    address = f"/api/portal/v1/links/{secrets.token_urlsafe(9)}"
    assert attacked.anonymous().get(address).status_code == 404
    assert attacked.anonymous().post(f"{address}/open", json={"last_four": "0000"}).status_code == 404
