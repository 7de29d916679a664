"""Whatever arrives at Shanxi's addresses is answered in its own envelope, and the next good push works."""

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from radbridge.contracts.dialects.shanxi_v2_1 import envelope
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExampleExam, exam_record
from tests.security.conftest import HOSPITAL_A, HOSPITAL_B, Attacked
from tests.support.journeys import eventually

Sealed = Callable[..., dict[str, str]]
HEADERS = {"encryption-type": "SM4", "content-type": "application/json"}


@pytest.fixture
def sealed(attacked: Attacked) -> Sealed:
    """Seals a record as hospital A would; keyword arguments replace what the envelope says."""

    def seal(record: Any, **changed: Any) -> dict[str, str]:
        plaintext = record if isinstance(record, bytes) else orjson.dumps(record)
        key = bytes.fromhex(attacked.hospitals[HOSPITAL_A]["sm4_key"])
        timestamp = changed.pop("timestamp", int(time.time()))
        made = envelope.seal_envelope(plaintext, hospital_code=HOSPITAL_A, key=key, timestamp=timestamp)
        return {**orjson.loads(made.to_json()), **changed}

    return seal


@pytest.fixture
def record() -> dict[str, object]:
    """A good exam that nobody has pushed yet."""
    exam = ExampleExam(examined_at=datetime.now(UTC) - timedelta(hours=1), number=f"B{time.time_ns()}")
    return exam_record(exam)


def push(attacked: Attacked, body: Any, path: str = "/exam-sync") -> httpx.Response:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return attacked.anonymous().post(path, content=content, headers=HEADERS)


def refused(answer: httpx.Response) -> str:
    """The message of a refusal in the standard's form."""
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"code", "message", "content"}
    assert body["code"] == 0
    assert body["message"]
    return body["message"]


@pytest.fixture(autouse=True)
def good_pushes_still_work(attacked: Attacked, sealed: Sealed, record: dict[str, object]):
    """After every attack the next good push is accepted, and nothing has left the process unready."""
    yield
    answer = push(attacked, sealed(record))
    assert (answer.status_code, answer.json()["code"]) == (200, 1), answer.text
    eventually(lambda: attacked.anonymous().get("/readyz").status_code, lambda status: status == 200)


BODIES: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"<xml/>",
    "not UTF-8": b"\xff\xfe{}",
    "an array": b"[]",
    "null": b"null",
    "a number": b"1e999",
    "half": b'{"hospitalCode": "x"',
    "deeply nested": b"[" * 200_000,
    "deeply nested object": b'{"a":' * 100_000,
    "members missing": b"{}",
    "ill-typed members": b'{"hospitalCode":1,"data":[],"timestamp":{},"signature":false}',
    "NUL": b'{"hospitalCode":"\\u0000","data":"x","timestamp":"1","signature":"x"}',
    "lone surrogate": b'{"hospitalCode":"\\ud800","data":"x","timestamp":"1","signature":"x"}',
    "huge timestamp": b'{"hospitalCode":"x","data":"x","timestamp":"99999999999999999999","signature":"x"}',
}


@pytest.mark.parametrize("path", ["/exam-sync", "/report/sync", "/examMergeReport-sync"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_bodies_that_are_no_envelope(attacked: Attacked, body: bytes, path: str) -> None:
    refused(push(attacked, body, path))


def test_a_wrong_signature(attacked: Attacked, sealed: Sealed, record: dict[str, object]) -> None:
    assert "signature" in refused(push(attacked, sealed(record, signature="0" * 40)))


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_stale_timestamp(attacked: Attacked, sealed: Sealed, record: dict[str, object], seconds: int) -> None:
    assert "timestamp" in refused(push(attacked, sealed(record, timestamp=int(time.time()) + seconds)))


@pytest.mark.parametrize("data", ["", "%%%", "QUJD", "A" * 64])
def test_data_that_does_not_open(attacked: Attacked, sealed: Sealed, record: dict[str, object], data: str) -> None:
    body = sealed(record, data=data)
    body["signature"] = envelope.sign(data, HOSPITAL_A, body["timestamp"])
    assert "data" in refused(push(attacked, body))


def test_an_unknown_hospital(attacked: Attacked, sealed: Sealed, record: dict[str, object]) -> None:
    assert "hospitalCode" in refused(push(attacked, sealed(record, hospitalCode="12140000MB1X000999")))


def test_another_hospitals_code(attacked: Attacked, sealed: Sealed, record: dict[str, object]) -> None:
    assert "hospitalCode" in refused(push(attacked, sealed({**record, "hospitalCode": HOSPITAL_B})))


PLAINTEXTS: dict[str, bytes] = {
    "not JSON": b"patName=x",
    "an array": b"[1,2]",
    "GBK": '{"patName":"张三"}'.encode("gb18030"),
    "deeply nested": b'{"patName":' + b"[" * 5000 + b"]" * 5000 + b"}",
}


@pytest.mark.parametrize("plaintext", PLAINTEXTS.values(), ids=PLAINTEXTS.keys())
def test_records_that_are_no_record(attacked: Attacked, sealed: Sealed, plaintext: bytes) -> None:
    refused(push(attacked, sealed(plaintext)))


def test_all_faults_at_once(attacked: Attacked, sealed: Sealed, record: dict[str, object]) -> None:
    wrong = {
        **record,
        "patName": "",
        "sex": "7",
        "idCard": "110101199003070031",
        "lastChangeTime": "昨天",
        "setInfoList": 1,
    }
    message = refused(push(attacked, sealed(wrong)))
    for field in ("patName", "sex", "idCard", "lastChangeTime", "setInfoList"):
        assert field in message
    assert "110101199003070031" not in message


@pytest.mark.parametrize("value", ["甲\x00", "甲\x1b[31m", "甲" * 256, {"a": 1}, [1], True])
def test_a_field_that_no_database_should_see(
    attacked: Attacked, sealed: Sealed, record: dict[str, object], value: object
) -> None:
    assert "patName" in refused(push(attacked, sealed({**record, "patName": value})))


def test_a_refused_push_leaves_only_its_refusal(attacked: Attacked, sealed: Sealed, record: dict[str, object]) -> None:
    number = f"X{time.time_ns()}"
    refused(push(attacked, sealed({**record, "risStudyId": number, "sex": "7"})))
    found = attacked.admin.get("/api/portal/v1/exams", params={"q": number}).json()["exams"]
    assert found == []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        pushes = attacked.admin.get("/api/ingest-api/v1/pushes", params={"hospital": HOSPITAL_A}).json()["pushes"]
        mine = [one for one in pushes if one["number"] == number]
        if mine:
            break
        time.sleep(0.05)
    assert [(one["accepted"], [fault["field"] for fault in one["faults"]]) for one in mine] == [(False, ["sex"])]


def test_a_body_over_the_limit(attacked: Attacked) -> None:
    answer = attacked.anonymous().post("/exam-sync", content=b"x" * (100 << 20), headers=HEADERS, timeout=60)
    assert answer.status_code == 413


def test_a_client_that_stops_sending_harms_nobody(attacked: Attacked) -> None:
    with socket.create_connection(("127.0.0.1", attacked.suite.port)) as slow:
        slow.sendall(b"POST /exam-sync HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
        assert attacked.anonymous().get("/healthz").status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/exam-sync", "/report/sync", "/examMergeReport-sync"])
def test_another_method(attacked: Attacked, method: str, path: str) -> None:
    answer = attacked.anonymous().request(method, path)
    if method == "HEAD":
        assert answer.status_code == 200
    else:
        assert "请求方式" in refused(answer)


def test_a_path_with_doubled_slashes(attacked: Attacked) -> None:
    with socket.create_connection(("127.0.0.1", attacked.suite.port), timeout=60) as client:
        client.sendall(b"POST //exam-sync HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["code"] == 0


def test_a_repeat_answers_as_the_first_did(attacked: Attacked, sealed: Sealed) -> None:
    exam = ExampleExam(examined_at=datetime.now(UTC) - timedelta(hours=1), number=f"R{time.time_ns()}")
    body = sealed(exam_record(exam))
    first, second = push(attacked, body), push(attacked, body)
    assert first.json() == second.json()
    older = {**exam_record(exam), "lastChangeTime": "2020-01-01 00:00:00", "bodyPart": "头部"}
    assert push(attacked, sealed(older)).json()["code"] == 1
    steps = attacked.admin.get(f"/api/portal/v1/exams/{first.json()['content']}")
    deadline = time.monotonic() + 60
    while steps.status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.05)
        steps = attacked.admin.get(f"/api/portal/v1/exams/{first.json()['content']}")
    types = [step["type"] for step in steps.json()["steps"]]
    assert types.count("radbridge.exam.registered.v1") == 1
