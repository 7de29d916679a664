"""The demonstration's journey on any running suite."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx

from radbridge.cli.demo.gateways import Gateways
from radbridge.cli.demo.journey import Journey, StepDone
from radbridge.cli.demo.set_up import SetUp, set_up

T = TypeVar("T")

PATIENCE_S = 60.0
IMAGES = 24
"""Of the demonstration's series."""
LEFT_BEHIND = Counter(
    {
        "radbridge.notification.delivered.v1": 2,
        "radbridge.recognition.marked.v1": 2,
        "radbridge.report.signed.v1": 1,
        "radbridge.report.rejected.v1": 1,
    }
)


class RunningSuite(Protocol):
    """What a journey needs of a suite."""

    @property
    def url(self) -> str: ...

    dicom_port: int

    def client(self) -> httpx.Client: ...


def journey(suite: RunningSuite, gateways: Gateways, folder: Path, done: list[StepDone] | None = None) -> Journey:
    """A journey that is set up and has not begun."""
    client = suite.client()
    known: SetUp = set_up(client, gateways)
    steps = done if done is not None else []
    return Journey(client, ("127.0.0.1", suite.dicom_port), known, gateways, steps.append, folder)


def travel(suite: RunningSuite, gateways: Gateways, folder: Path) -> dict[str, Any]:
    """Play a whole journey; answers what it made."""
    return journey(suite, gateways, folder).run()


def until_whole(client: httpx.Client, exam_id: str) -> None:
    """Return once the exam's journey has the steps that a party leaves behind when it goes on: both messages, both
    marks, every image, the verdicts on both reports."""

    def is_whole(steps: list[dict[str, Any]]) -> bool:
        told = Counter(step["type"] for step in steps)
        images = [step["details"]["instances"] for step in steps if step["type"] == "radbridge.images.stored.v1"]
        return told >= LEFT_BEHIND and max(images, default=0) == IMAGES

    address = f"/api/portal/v1/exams/{exam_id}"
    eventually(lambda: client.get(address).raise_for_status().json()["steps"], is_whole)


def eventually(look: Callable[[], T], is_there: Callable[[T], bool]) -> T:
    """What ``look`` answers once ``is_there`` accepts it: events take a moment."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_there(found := look()):
        assert time.monotonic() < deadline, f"not in {PATIENCE_S:g} s; now {found!r}"
        time.sleep(0.05)
    return found
