"""``/readyz`` of the front door in a process of its own has the shape of the embedded one: checks of each service."""

import httpx
import orjson
import pytest

from radbridge.runtime.front import ProxyFront

READY = {"status": "ready", "services": {"mpi": [{"name": "database", "ok": True, "required": True, "ms": 0.4}]}}


async def readiness_of(front: ProxyFront) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://front") as client:
        return await client.get("/readyz")


def front_over(answer: httpx.Response | None) -> ProxyFront:
    def respond(request: httpx.Request) -> httpx.Response:
        if answer is None:
            raise httpx.ConnectError("refused", request=request)
        return answer

    return ProxyFront({"mpi": "http://mpi:8080"}, transport=httpx.MockTransport(respond))


async def test_it_passes_on_the_checks_of_a_ready_service() -> None:
    answer = await readiness_of(front_over(httpx.Response(200, json=READY)))
    assert (answer.status_code, answer.json()) == (200, READY)


async def test_it_says_which_check_failed() -> None:
    failed = [{"name": "event log", "ok": False, "required": True, "ms": 2.0, "reason": "no answer within 2 s"}]
    content = orjson.dumps({"status": "not ready", "services": {"mpi": failed}})
    answer = await readiness_of(front_over(httpx.Response(503, content=content)))
    assert (answer.status_code, answer.json()["services"]) == (503, {"mpi": failed})


async def test_a_check_that_the_service_can_do_without_closes_no_door() -> None:
    failed = [{"name": "event log", "ok": False, "required": False, "ms": 2.0, "reason": "no answer within 2 s"}]
    answer = await readiness_of(front_over(httpx.Response(200, json={"status": "ready", "services": {"mpi": failed}})))
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "services": {"mpi": failed}})


async def test_a_service_that_is_away_is_a_failed_check() -> None:
    answer = await readiness_of(front_over(None))
    assert answer.status_code == 503
    assert answer.json()["services"]["mpi"] == [
        {"name": "answers", "ok": False, "required": True, "ms": 0.0, "reason": "no answer: ConnectError"}
    ]


@pytest.mark.parametrize("checks", ["[7]", "[{}]", '[{"name": "database", "ok": true, "ms": "soon"}]', "null"])
async def test_what_is_no_list_of_checks_is_a_failed_check(checks: str) -> None:
    content = b'{"status": "ready", "services": {"mpi": ' + checks.encode() + b"}}"
    answer = await readiness_of(front_over(httpx.Response(200, content=content)))
    assert (answer.status_code, answer.json()["services"]["mpi"][0]["name"]) == (503, "answers")
