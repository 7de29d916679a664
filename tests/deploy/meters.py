"""The metrics that services really have, found in the code: each with its labels, under its exposed names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from radbridge.runtime.telemetry.meters import MeterBoard
from tools.stamps import ROOT

PROCESS = (
    "process_virtual_memory_bytes",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
)
"""Of prometheus_client's ProcessCollector, which every board has."""
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


@cache
def known_meters() -> dict[str, frozenset[str]]:
    """Exposed name to labels. A meter of the board that no code touches is not known: it would have no series."""
    known = {name: frozenset[str]() for name in PROCESS}
    for kind, name, labels in (*_of_the_board(), *_of_services()):
        for suffix in _SUFFIXES[kind]:
            known[name + suffix] = frozenset(labels) | ({"le"} if suffix == "_bucket" else set())
    return known


def _of_the_board() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    board = MeterBoard()
    sources = [path.read_text() for path in ROOT.glob("*/*/src/radbridge/**/*.py")]
    for attribute, meter in vars(board).items():
        if isinstance(meter, MetricWrapperBase) and any(re.search(rf"board\.{attribute}\b", one) for one in sources):
            described = meter.describe()[0]
            kind = "counter" if isinstance(meter, Counter) else "histogram" if isinstance(meter, Histogram) else "gauge"
            yield kind, described.name, tuple(meter._labelnames)


def _of_services() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """``meters.counter("radbridge_…", "…", "label", …)`` anywhere in the services."""
    for path in ROOT.glob("services/*/src/**/*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _SUFFIXES:
                words = [one.value for one in call.args if isinstance(one, ast.Constant)]
                if words and str(words[0]).startswith("radbridge_"):
                    yield call.func.attr, str(words[0]), tuple(map(str, words[2:]))
