"""A process to be killed: a consumer that inserts a row for each note."""

import asyncio
import sys

from radbridge.runtime.bus.open import open_log
from radbridge.runtime.consumer import Consumer, ConsumerSpec, On, Received
from radbridge.runtime.database.open import open_database
from radbridge.runtime.database.protocol import Transaction
from tests.support.consuming import Note


async def main(log_url: str, database_url: str, topic: str, group: str) -> None:
    note_type = type("Note", (Note,), {"TOPIC": topic, "__module__": __name__})

    async def apply(tx: Transaction, received: Received[Note], prepared: object) -> None:
        await tx.execute("INSERT INTO exam (id, number) VALUES ($1, $2)", received.event.id, received.version)

    database = open_database(database_url, service="desk")
    consumer = Consumer(ConsumerSpec(group, (On(note_type, apply, order="every"),)), open_log(log_url), database)
    await consumer.run()


asyncio.run(main(*sys.argv[1:]))
