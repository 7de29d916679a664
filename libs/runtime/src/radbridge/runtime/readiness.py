"""Whether a service may be given work, and if not, why.

A service whose event log is away still accepts what it is given, and must be given it: its outbox fills. Such a check
is not required. It counts only while a service settles after its start, so that one that has just started is not called
ready before its consumers are in their groups.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from prometheus_client import Gauge
from starlette.responses import Response

from radbridge.runtime.service import Check
from radbridge.runtime.telemetry.logs import describe_error

_CHECK_SECONDS = 2.0
_SETTLING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check came out."""

    name: str
    ok: bool
    reason: str = ""
    ms: float = 0.0
    required: bool = True

    @property
    def allows_work(self) -> bool:
        """Whether the service may be given work as far as this check goes."""
        return self.ok or not self.required

    def as_dict(self) -> dict[str, object]:
        """For the ``/readyz`` answer."""
        result: dict[str, object] = {
            "name": self.name,
            "ok": self.ok,
            "required": self.required,
            "ms": round(self.ms, 1),
        }
        return result if self.ok else {**result, "reason": self.reason}

    @classmethod
    def from_dict(cls, result: Mapping[str, Any]) -> "CheckResult":
        """A check from another process's ``/readyz`` answer; one that does not say so is required.

        :raises KeyError, TypeError, ValueError: it is none.
        """
        return cls(
            name=str(result["name"]),
            ok=bool(result["ok"]),
            reason=str(result.get("reason", "")),
            ms=float(result.get("ms", 0.0)),
            required=bool(result.get("required", True)),
        )


class Readiness:
    """The checks of one service. ``started`` and ``stopping`` are set by its host."""

    def __init__(self, service: str, gauge: Gauge) -> None:
        self.service = service
        self.checks: tuple[Check, ...] = ()
        self.started = False
        self.stopping = False
        self.waiting_for = "starting"
        """Why the service has not started yet."""
        self.database_is_away = False
        """Whether the start waits for the database, after a first try."""
        self.is_ready = False
        """How the last round came out."""
        self.degraded: tuple[str, ...] = ()
        """The checks that failed in the last round of a service that is ready nevertheless."""
        self._gauge = gauge
        self._settled = False
        self._settling_until: float | None = None

    async def results(self) -> list[CheckResult]:
        """All checks at once, 2 s each at most."""
        if self.stopping:
            results = [CheckResult("started", ok=False, reason="stopping")]
        elif not self.started:
            results = [CheckResult("started", ok=False, reason=self.waiting_for)]
        else:
            results = self._settle(await asyncio.gather(*(_run(check) for check in self.checks)))
            # else the failure from before the start would stay in the gauge for ever
            self._gauge.labels(self.service, "started").set(1)
        self.is_ready = all(result.allows_work for result in results)
        self.degraded = tuple(result.name for result in results if not result.ok) if self.is_ready else ()
        for result in results:
            self._gauge.labels(self.service, result.name).set(result.ok)
        return results

    def _settle(self, results: list[CheckResult]) -> list[CheckResult]:
        """The results, all of them required until they were whole once, or for so long after the start."""
        now = time.monotonic()
        if self._settling_until is None:
            self._settling_until = now + _SETTLING_SECONDS
        self._settled = self._settled or now >= self._settling_until or all(result.ok for result in results)
        return results if self._settled else [replace(result, required=True) for result in results]

    async def response(self) -> Response:
        """The answer to ``/readyz``: 200 or 503, with every check."""
        return readiness_response({self.service: await self.results()})


def readiness_response(results: Mapping[str, Sequence[CheckResult]]) -> Response:
    """200 or 503 for the checks of one or several services."""
    ready = all(result.allows_work for checks in results.values() for result in checks)
    body = {
        "status": "ready" if ready else "not ready",
        "services": {name: [check.as_dict() for check in checks] for name, checks in results.items()},
    }
    return Response(orjson.dumps(body), status_code=200 if ready else 503, media_type="application/json")


async def _run(check: Check) -> CheckResult:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check.ping()
    except TimeoutError:
        reason = f"no answer within {_CHECK_SECONDS:g} s"
    except Exception as error:
        reason = describe_error(error)
    else:
        reason = ""
    ms = (time.perf_counter() - started) * 1000
    return CheckResult(check.name, ok=not reason, reason=reason, ms=ms, required=check.required)
