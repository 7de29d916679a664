"""Endpoints that answer without the router: what they let through ends as it does behind the router."""

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from radbridge.runtime.body import LimitedBody, whole_body
from radbridge.runtime.http import Direct


async def router(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("router")(scope, receive, send)


async def fails(request: Request) -> Response:
    raise RuntimeError("a bug")


async def reads(request: Request) -> Response:
    return PlainTextResponse(str(len(await whole_body(request.receive))))


async def asked(path: str, *messages: Message, limit: int | None = None) -> list[Message]:
    """What is sent to a client that sends these messages."""
    app = LimitedBody(Direct(router, {"/fails": fails, "/reads": reads}), limit_bytes=limit, stall_seconds=60)
    waiting, sent = list(messages), list[Message]()

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "http", "method": "POST", "path": path, "headers": []}, receive, send)
    return sent


BODY: Message = {"type": "http.request", "body": b"1234", "more_body": False}
GONE: Message = {"type": "http.disconnect"}


@pytest.mark.parametrize(("path", "status", "text"), [("/reads", 200, b"4"), ("/other", 200, b"router")])
async def test_endpoints_answer_their_own_paths(path: str, status: int, text: bytes) -> None:
    start, body = await asked(path, BODY)
    assert (start["status"], body["body"]) == (status, text)


async def test_an_unforeseen_failure_is_a_problem_and_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    start, body = await asked("/fails", BODY)
    assert start["status"] == 500
    assert (b"content-type", b"application/problem+json") in start["headers"]
    assert b"a bug" not in body["body"]
    assert [record.message for record in caplog.records] == ["a request failed"]


async def test_a_client_that_went_away_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    assert await asked("/reads", BODY | {"more_body": True}, GONE) == []
    assert caplog.records == []


async def test_a_body_that_grows_over_the_limit_is_answered_so() -> None:
    start, *_ = await asked("/reads", BODY, GONE, limit=3)
    assert start["status"] == 413
