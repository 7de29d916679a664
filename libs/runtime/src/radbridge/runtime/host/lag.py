"""Measures how far a service's consumer groups are behind, for dashboards, alerts and autoscaling."""

import asyncio
import contextlib

from radbridge.runtime.bus.protocol import BusError, EventLog
from radbridge.runtime.telemetry.meters import Meters

_INTERVAL_SECONDS = 15.0


async def measure_lag(log: EventLog, groups: frozenset[str], meters: Meters) -> None:
    """Set ``radbridge_consumer_lag`` of these groups, for ever."""
    while True:
        with contextlib.suppress(BusError):
            for state in await log.groups(groups):
                for topic, lag in state.lag.items():
                    meters.board.consumer_lag.labels(meters.service, state.group, topic).set(lag)
        await asyncio.sleep(_INTERVAL_SECONDS)
