"""The rules of a patient's link."""

from datetime import UTC, datetime, timedelta

import pytest

from radbridge.portal.domain.patient_link import (
    MAX_TRIES,
    LinkRecord,
    LinkState,
    answers,
    is_still_theirs,
    state,
    tries_left,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failed", "expires_in", "expected"),
    [
        (0, timedelta(days=7), LinkState.OPEN),
        (MAX_TRIES - 1, timedelta(seconds=1), LinkState.OPEN),
        (MAX_TRIES, timedelta(seconds=1), LinkState.LOCKED),
        (0, timedelta(0), LinkState.EXPIRED),
        (MAX_TRIES, timedelta(seconds=-1), LinkState.EXPIRED),
    ],
)
def test_states(failed: int, expires_in: timedelta, expected: LinkState) -> None:
    assert state(LinkRecord(NOW + expires_in, failed), NOW) is expected


def test_tries_run_out() -> None:
    assert [tries_left(LinkRecord(NOW, failed)) for failed in range(MAX_TRIES + 2)] == [5, 4, 3, 2, 1, 0, 0]


@pytest.mark.parametrize(
    ("typed", "document", "phone", "right"),
    [
        ("002X", "11010519491231002X", "13800138000", True),
        ("002x", "11010519491231002X", None, True),
        ("8000", "11010519491231002X", "13800138000", False),
        ("8000", None, "13800138000", True),
        ("8000", "", "13800138000", True),
        ("", None, None, False),
        ("    ", None, None, False),
        ("1", "1", None, False),
        ("8000", "X1", "13800138000", True),
        ("8000", " - ", "13800138000", True),
    ],
)
def test_the_last_four_characters_open(typed: str, document: str | None, phone: str | None, right: bool) -> None:
    assert answers(typed, document, phone) is right


@pytest.mark.parametrize(
    ("document", "phone", "theirs"),
    [
        ("11010519491231002x", "19900000009", True),
        ("140000198002290011", "19900000001", False),
        (None, "19900000001", True),
        (None, "19900000002", False),
        (None, None, True),
    ],
)
def test_the_person_of_the_link_is_the_person_of_the_exam(
    document: str | None, phone: str | None, theirs: bool
) -> None:
    assert is_still_theirs(document, phone, of_link=("11010519491231002X", "19900000001")) is theirs
