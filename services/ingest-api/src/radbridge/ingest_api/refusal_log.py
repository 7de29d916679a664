"""Writes refused pushes down beside the answer, never before it: a flood of bad requests costs memory of one queue."""

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict

import orjson

from radbridge.contracts.dialects.faults import Fault, masked
from radbridge.contracts.identifiers import is_resident_id, new_id, normalize_resident_id
from radbridge.ingest_api.store import refusals
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable

QUEUE_SIZE = 1000
MAX_FAULTS = 200
MAX_TEXT = 500

_RESIDENT_ID = re.compile(r"(?<![0-9])[1-9][0-9]{16}[0-9Xx](?![0-9])")

logger = logging.getLogger(__name__)


class RefusalLog:
    """A bounded queue of refusals and the worker that stores them. Beyond the bound the newest are dropped, counted."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._queue: asyncio.Queue[refusals.Refusal] = asyncio.Queue(QUEUE_SIZE)

    def note(
        self,
        *,
        hospital_code: str,
        institution_id: str,
        interface: str,
        number: str,
        message: str,
        faults: Sequence[Fault] = (),
    ) -> None:
        """Remember a refusal; answers at once."""
        refusal = refusals.Refusal(
            refusal_id=new_id(),
            hospital_code=_RESIDENT_ID.sub(_masked_id, _printable(hospital_code, 64)),
            institution_id=institution_id,
            interface=interface,
            number=_RESIDENT_ID.sub(_masked_id, _printable(number, 255)),
            message=message[:MAX_TEXT],
            faults=orjson.dumps([asdict(fault) for fault in faults[:MAX_FAULTS]]).decode(),
            at=to_micros(self._clock()),
        )
        try:
            self._queue.put_nowait(refusal)
        except asyncio.QueueFull:
            logger.warning("refusal not kept: the queue is full")

    async def run(self) -> None:
        """Store refusals as they come, for ever; when cancelled, first those that wait."""
        keeping: asyncio.Future[None] | None = None
        try:
            while True:
                keeping = asyncio.ensure_future(self._keep(await self._queue.get()))
                await asyncio.shield(keeping)
        finally:
            if keeping is not None:
                await keeping
            while not self._queue.empty():
                await self._keep(self._queue.get_nowait())

    async def _keep(self, refusal: refusals.Refusal) -> None:
        try:
            await self._database.write(lambda tx: refusals.add(tx, refusal))
        except DatabaseUnavailable:
            logger.warning("refusal not kept: the database is away")


def _masked_id(found: re.Match[str]) -> str:
    """Some senders use the patient's ID number where a number of their own belongs; it does not rest here in clear."""
    return masked(found.group()) if is_resident_id(normalize_resident_id(found.group())) else found.group()


def _printable(text: str, length: int) -> str:
    """No NUL and no control characters reach a database or a page."""
    return "".join(c for c in text[:length] if c.isprintable())
