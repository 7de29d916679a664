"""Posting receipts to the sender's callback addresses, repeated until they are answered as the vendor demands."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import httpx

logger = logging.getLogger(__name__)

_TRIES = 6
_TIMEOUT_SECONDS = 5.0


Callback = tuple[str, dict[str, str], bytes]
"""Address, headers and body of a callback."""


@dataclass(slots=True)
class CallbackUrls:
    """Where receipts go; None keeps them to the ledger and the query APIs. The addresses hold secret path parts."""

    aliyun: str | None = field(default=None, repr=False)
    tencent: str | None = field(default=None, repr=False)
    wechat: str | None = field(default=None, repr=False)


class CallbackPoster:
    """Posts in the background, ``delay`` after the message was accepted, then with growing pauses."""

    def __init__(self, delay: timedelta = timedelta(milliseconds=200)) -> None:
        self._delay = delay.total_seconds()
        self._tasks: set[asyncio.Task[None]] = set()

    def post_later(self, make: Callable[[], Callback | None], answered: Callable[[bytes], bool]) -> None:
        """After the delay, POST what ``make`` then answers until ``answered`` accepts the reply.

        ``make`` returns address, headers and body, or None where nobody wants the receipt.
        """
        task = asyncio.create_task(self._post(make, answered))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is still to be posted."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _post(self, make: Callable[[], Callback | None], answered: Callable[[bytes], bool]) -> None:
        await asyncio.sleep(self._delay)
        prepared = make()
        if prepared is None:
            return
        url, headers, body = prepared
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
            for attempt in range(_TRIES):
                try:
                    reply = await client.post(url, headers=headers, content=body)
                except httpx.HTTPError:
                    reply = None
                if reply is not None and reply.is_success and answered(reply.content):
                    return
                await asyncio.sleep(self._delay * 2**attempt)
        logger.warning("a receipt was not taken after %d tries", _TRIES)


def answers_zero_in(member: str) -> Callable[[bytes], bool]:
    """Whether a reply is a JSON object with 0 in ``member``: how the SMS vendors want callbacks answered."""

    def answered(reply: bytes) -> bool:
        try:
            answer = cast("object", json.loads(reply))
        except ValueError:
            return False
        return isinstance(answer, dict) and cast("dict[str, object]", answer).get(member) == 0

    return answered
