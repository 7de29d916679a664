"""What the dialect tests share."""

from datetime import UTC, datetime

import pytest

from radbridge.contracts.dialects.pack import DialectPack
from radbridge.contracts.dialects.record_rules import Context
from radbridge.contracts.dialects.shanxi_v2_1 import examples
from radbridge.contracts.dialects.shanxi_v2_1.pack import load_pack


@pytest.fixture(scope="session")
def shanxi() -> DialectPack:
    return load_pack()


@pytest.fixture(scope="session")
def example() -> examples.ExampleExam:
    return examples.ExampleExam(examined_at=datetime(2026, 1, 5, 2, 30, tzinfo=UTC))


@pytest.fixture(scope="session")
def context() -> Context:
    return Context(hospital_code=examples.HOSPITAL_CODE)


@pytest.fixture
def exam(example: examples.ExampleExam) -> dict[str, object]:
    return examples.exam_record(example)


@pytest.fixture
def report(example: examples.ExampleExam) -> dict[str, object]:
    return examples.report_record(example)
