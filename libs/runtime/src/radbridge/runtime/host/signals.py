"""SIGTERM and SIGINT as something to wait for."""

import asyncio
import signal


def stop_requested() -> asyncio.Event:
    """An event that is set by the first SIGTERM or SIGINT; a second SIGINT interrupts at once."""
    loop = asyncio.get_running_loop()
    requested = asyncio.Event()

    def request() -> None:
        requested.set()
        loop.remove_signal_handler(signal.SIGINT)

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, request)
    return requested
