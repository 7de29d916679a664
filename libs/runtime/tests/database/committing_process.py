"""A process to be killed: forty tasks write pairs of rows and print the number of each pair that was acknowledged."""

import asyncio
import itertools
import os
import sys

from radbridge.runtime.database.open import open_database
from radbridge.runtime.database.protocol import Transaction


async def main(url: str) -> None:
    database = open_database(url, service="killed")
    numbers = itertools.count()

    async def write_pairs() -> None:
        for number in numbers:

            async def pair(tx: Transaction, number: int = number) -> None:
                await tx.execute("INSERT INTO pair (number, side) VALUES ($1, 'left')", number)
                await tx.execute("INSERT INTO pair (number, side) VALUES ($1, 'right')", number)
                if number % 7 == 0:
                    raise LookupError

            try:
                await database.write(pair)
            except LookupError:
                continue
            os.write(1, b"%d\n" % number)

    await asyncio.gather(*(write_pairs() for _ in range(40)))


asyncio.run(main(sys.argv[1]))
