"""Errors of the native APIs, RFC 9457 ``application/problem+json``, and their counterpart at the paths of hospital
standards."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from radbridge.contracts.dialects.refusals import refusal_at

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """Raised by a native API's handler to answer with an error.

    ``title`` and ``detail`` are shown to the caller: no personal data, nothing internal. ``extra`` becomes further
    members of the problem object.
    """

    def __init__(
        self,
        status: int,
        title: str | None = None,
        detail: str | None = None,
        *,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.title = title or HTTPStatus(status).phrase
        self.detail = detail
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})
        super().__init__(self.title)


def problem_response(problem: Problem) -> Response:
    """The HTTP answer of a problem."""
    body: dict[str, Any] = {**problem.extra, "type": "about:blank", "status": problem.status, "title": problem.title}
    if problem.detail:
        body["detail"] = problem.detail
    return Response(
        orjson.dumps(body, default=str), status_code=problem.status, headers=problem.headers, media_type=MEDIA_TYPE
    )


def answer_at(path: str, problem: Problem, message: str) -> Response:
    """The answer to a request that did not reach, or broke, the interface at its path: where a hospital standard prints
    the path HTTP 200 in its own form, with the Chinese ``message``; elsewhere the problem."""
    refusal = refusal_at(path, problem.status, message)
    if refusal is None:
        return problem_response(problem)
    return Response(orjson.dumps(refusal), headers=problem.headers, media_type="application/json")
