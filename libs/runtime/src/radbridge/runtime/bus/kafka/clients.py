# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# pyright: reportPrivateUsage=false, reportOptionalMemberAccess=false, reportAttributeAccessIssue=false
# aiokafka publishes no types
"""aiokafka's objects, made from the settings, and their ends."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context

from radbridge.runtime.bus.kafka.settings import KafkaSettings
from radbridge.runtime.bus.protocol import UnknownTopic

_log = logging.getLogger(__name__)


def make_producer(settings: KafkaSettings) -> AIOKafkaProducer:
    """Idempotent, and acknowledged by all replicas in sync."""
    return AIOKafkaProducer(
        **_connection(settings), acks="all", enable_idempotence=True, request_timeout_ms=settings.timeout_ms
    )


def make_member(settings: KafkaSettings, group: str) -> AIOKafkaConsumer:
    """A consumer that commits by hand, in a group."""
    return AIOKafkaConsumer(
        **_connection(settings),
        **_reading(settings),
        group_id=group,
        session_timeout_ms=settings.session_ms,
        heartbeat_interval_ms=settings.heartbeat_ms,
    )


def make_reader(settings: KafkaSettings) -> AIOKafkaConsumer:
    """A consumer outside any group."""
    return AIOKafkaConsumer(**_connection(settings), **_reading(settings), group_id=None)


def make_admin(settings: KafkaSettings) -> AIOKafkaAdminClient:
    """The administrator."""
    return AIOKafkaAdminClient(**_connection(settings), request_timeout_ms=settings.timeout_ms)


def _reading(settings: KafkaSettings) -> dict[str, Any]:
    return {
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "request_timeout_ms": settings.timeout_ms,
        "fetch_max_wait_ms": min(500, settings.timeout_ms // 2),
    }


def _connection(settings: KafkaSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap_servers": list(settings.brokers),
        "client_id": f"radbridge-{socket.gethostname()}-{os.getpid()}",
        "security_protocol": settings.security_protocol,
    }
    if settings.security_protocol.endswith("SSL"):
        options["ssl_context"] = create_ssl_context(
            cafile=settings.ca_file, certfile=settings.certificate_file, keyfile=settings.key_file
        )
    if settings.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.user
        options["sasl_plain_password"] = settings.password
    return options


async def partitions_of(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> list[TopicPartition]:
    """All partitions of these topics, in order.

    :raises UnknownTopic: a topic does not exist.
    """
    names = sorted(set(topics))
    # what the consumer tells by itself it knows only of topics that it reads already
    metadata = await consumer._client.fetch_all_metadata()
    if missing := [name for name in names if name not in metadata.topics()]:
        raise UnknownTopic(", ".join(missing))
    return [
        TopicPartition(name, number) for name in names for number in sorted(metadata.partitions_for_topic(name) or ())
    ]


async def end_consumer(consumer: AIOKafkaConsumer, timeout_s: float) -> None:
    """Leave the group if there is one, and disconnect; with brokers that are away, just disconnect."""
    try:
        async with asyncio.timeout(timeout_s):
            await consumer.stop()
    except (KafkaError, TimeoutError, OSError) as error:
        _log.warning("a consumer ends without leaving", extra={"reason": type(error).__name__})
        with contextlib.suppress(Exception):
            # ``stop`` gave up before these
            await consumer._fetcher.close()
            await consumer._coordinator._stop_heartbeat_task()
        with contextlib.suppress(Exception):
            await consumer._client.close()
