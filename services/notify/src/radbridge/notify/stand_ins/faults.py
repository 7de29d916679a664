"""Troubles that a stand-in makes on request: each is used up by the requests that meet it."""

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import Request

from radbridge.notify.stand_ins.ledger import Gateway

_POLL_SECONDS = 0.02
_LONGEST_HOLD_SECONDS = 60.0


class FaultKind(StrEnum):
    """``refuse`` answers ``code``; the holds answer nothing until the sender has hung up."""

    REFUSE = "refuse"
    HOLD_BEFORE_ACCEPTING = "hold_before_accepting"
    HOLD_AFTER_ACCEPTING = "hold_after_accepting"


@dataclass(frozen=True, slots=True)
class Fault:
    """A trouble for the next otherwise good message."""

    kind: FaultKind
    code: str = ""


class Faults:
    """The troubles ordered for each gateway."""

    def __init__(self) -> None:
        self._ordered: dict[Gateway, deque[Fault]] = {gateway: deque() for gateway in Gateway}

    def order(self, gateway: Gateway, fault: Fault, times: int = 1) -> None:
        """Let the next ``times`` good messages to ``gateway`` meet ``fault``."""
        self._ordered[gateway].extend([fault] * times)

    def take(self, gateway: Gateway) -> Fault | None:
        """The trouble for the message at hand, if one was ordered."""
        ordered = self._ordered[gateway]
        return ordered.popleft() if ordered else None


async def hold(request: Request) -> None:
    """Wait until the sender hangs up (a minute at most)."""
    waited = 0.0
    while waited < _LONGEST_HOLD_SECONDS and not await request.is_disconnected():
        await asyncio.sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
