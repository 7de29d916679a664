# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false
# aiokafka publishes no types
"""Appending to Kafka: idempotent, in order per partition, within a time."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from radbridge.runtime.bus.kafka.clients import make_producer
from radbridge.runtime.bus.kafka.errors import as_bus_error, translated
from radbridge.runtime.bus.kafka.settings import KafkaSettings
from radbridge.runtime.bus.protocol import Message, UnknownTopic

_log = logging.getLogger(__name__)


class Producer:
    """One idempotent producer, made at the first append and again after an error that ends it.

    While the brokers are away aiokafka keeps what was sent and goes on trying, in order; an append that is tried again
    meanwhile stands behind it. So readers may see an event twice, and never an event before an older one of its key.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._timeout_s = settings.timeout_ms / 1000
        self._starting = asyncio.Lock()
        self._producer: AIOKafkaProducer | None = None
        self._known_topics: set[str] = set()
        self._ending: set[asyncio.Task[None]] = set()

    async def append(self, messages: Sequence[Message]) -> list[tuple[int, int]]:
        """Send the messages; answers partition and offset of each once all replicas in sync have it.

        :raises BusUnavailable: no answer in time; the messages may have been written.
        :raises UnknownTopic: a topic does not exist; nothing was sent.
        """
        with translated():
            async with asyncio.timeout(self._timeout_s):
                producer = await self._started()
                await self._require({message.topic for message in messages}, producer)
                acknowledgements = await self._send(producer, messages)
                await asyncio.wait(acknowledgements)
        errors = [error for error in (future.exception() for future in acknowledgements) if error is not None]
        if errors:
            self._discard(producer)
            raise as_bus_error(errors[0]) from errors[0]
        return [(future.result().partition, future.result().offset) for future in acknowledgements]

    async def close(self) -> None:
        """Send what waits, for a while, and disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._end(producer)
        await asyncio.gather(*self._ending)

    async def _send(self, producer: AIOKafkaProducer, messages: Sequence[Message]) -> list[asyncio.Future[Any]]:
        acknowledgements: list[asyncio.Future[Any]] = []
        try:
            for message in messages:
                future = await producer.send(
                    message.topic, message.value, key=message.key.encode(), headers=list(message.headers)
                )
                future.add_done_callback(_retrieve)
                acknowledgements.append(future)
        except MessageSizeTooLargeError:
            raise
        except KafkaError:
            self._discard(producer)
            raise
        return acknowledgements

    async def _require(self, topics: set[str], producer: AIOKafkaProducer) -> None:
        """aiokafka would wait for a topic that nobody made until the time is over."""
        if not topics <= self._known_topics:
            metadata = await producer.client.fetch_all_metadata()
            self._known_topics = set(metadata.topics())
            if missing := sorted(topics - self._known_topics):
                raise UnknownTopic(", ".join(missing))

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = make_producer(self._settings)
                try:
                    await producer.start()
                except BaseException:
                    self._end_later(producer)
                    raise
                self._producer = producer
            return self._producer

    def _discard(self, producer: AIOKafkaProducer) -> None:
        """After a lost batch its sequence numbers have a gap, which brokers refuse for ever: begin with a new one."""
        if self._producer is producer:
            self._producer = None
            self._end_later(producer)

    def _end_later(self, producer: AIOKafkaProducer) -> None:
        task = asyncio.create_task(self._end(producer))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, producer: AIOKafkaProducer) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await producer.stop()
        except (KafkaError, TimeoutError, OSError) as error:
            _log.warning("a producer ends unflushed", extra={"reason": type(error).__name__})
            with contextlib.suppress(KafkaError, OSError):
                # after this the sender would try for ever; ``stop`` does not come so far without its broker
                await producer._sender.close()
                await producer.client.close()


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Nobody may wait any more for an append whose time is over."""
    if not future.cancelled():
        future.exception()
