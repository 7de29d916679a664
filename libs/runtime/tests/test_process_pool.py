"""Work in other processes comes to the same as work here, whatever becomes of them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from radbridge.runtime.process_pool import ProcessPool
from tests.support.arithmetic import squares
from tests.support.bus import until

Pool = ProcessPool[int, tuple[int, int]]
HERE = os.getpid()


@asynccontextmanager
async def serving(pool: Pool) -> AsyncIterator[None]:
    """The pool with its processes running; afterwards they have ended."""
    task = asyncio.create_task(pool.serve())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def elsewhere(pool: Pool) -> int:
    """A process of the pool that works."""
    while (process := (await pool.run(0))[1]) == HERE:  # noqa: ASYNC110 - nobody tells when it works
        await asyncio.sleep(0.05)
    return process


@pytest.fixture(autouse=True)
def asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKING_PROCESS", str(HERE))
    monkeypatch.setattr("radbridge.runtime.process_pool._FIRST_PAUSE_S", 0.05)


async def test_without_processes_all_is_done_here() -> None:
    pool: Pool = ProcessPool(partial(squares, 1), processes=0)
    async with serving(pool):
        assert await pool.run(3) == (10, HERE)


async def test_each_hears_of_its_own_number() -> None:
    pool: Pool = ProcessPool(partial(squares, 1), processes=2)
    async with serving(pool):
        await elsewhere(pool)
        answers = await asyncio.gather(*(pool.run(number) for number in range(300)))
    assert [found for found, _ in answers] == [number * number + 1 for number in range(300)]
    assert HERE not in {process for _, process in answers}


async def test_a_failure_is_raised_here_and_harms_no_other() -> None:
    pool: Pool = ProcessPool(partial(squares, 0), processes=1)
    async with serving(pool):
        process = await elsewhere(pool)
        good, bad, last = await asyncio.gather(pool.run(2), pool.run(-2), pool.run(4), return_exceptions=True)
    assert (good, last) == ((4, process), (16, process))
    assert isinstance(bad, ValueError)


async def test_what_a_dead_process_had_is_done_here_and_another_one_starts() -> None:
    pool: Pool = ProcessPool(partial(squares, 0), processes=1)
    async with serving(pool):
        first = await elsewhere(pool)
        answers = await asyncio.gather(*(pool.run(number) for number in (1, 1_000_000, 2)))
        assert answers == [(1, HERE), (1_000_000**2, HERE), (4, HERE)]
        assert await elsewhere(pool) not in (first, HERE)


async def test_a_killed_process_is_replaced_while_it_works() -> None:
    pool: Pool = ProcessPool(partial(squares, 0), processes=1)
    async with serving(pool):
        first = await elsewhere(pool)
        long = asyncio.create_task(pool.run(1000))
        await asyncio.sleep(0.05)
        os.kill(first, signal.SIGKILL)
        assert await long == (1_000_000, HERE)
        assert await elsewhere(pool) != first


async def test_a_process_that_answers_nothing_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radbridge.runtime.process_pool._PATIENCE_S", 0.2)
    monkeypatch.setattr("radbridge.runtime.process_pool._LOOK_S", 0.05)
    pool: Pool = ProcessPool(partial(squares, 0), processes=1)
    async with serving(pool):
        first = await elsewhere(pool)
        os.kill(first, signal.SIGSTOP)
        assert await pool.run(3) == (9, HERE)
        assert await elsewhere(pool) != first


async def test_signals_to_the_group_do_not_end_it_but_its_parent_does() -> None:
    pool: Pool = ProcessPool(partial(squares, 0), processes=1)
    async with serving(pool):
        process = await elsewhere(pool)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(process, number)
        await asyncio.sleep(0.1)
        assert (await pool.run(5))[1] == process
    await until(lambda: not _runs(process))
    assert await pool.run(5) == (25, HERE)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_caller_that_gave_up_is_not_waited_for() -> None:
    pool: Pool = ProcessPool(partial(squares, 0), processes=1)
    async with serving(pool):
        process = await elsewhere(pool)
        calls = [asyncio.create_task(pool.run(number)) for number in range(4)]
        await asyncio.sleep(0)
        calls[1].cancel()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(answer, asyncio.CancelledError) for answer in answers] == [False, True, False, False]
        assert await pool.run(6) == (36, process)
