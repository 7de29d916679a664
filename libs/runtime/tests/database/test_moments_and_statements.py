"""Small pure parts under both databases."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radbridge.runtime.clock import from_micros, to_micros, utc_now
from radbridge.runtime.database.statements import for_sqlite, lock_number, placeholders


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.timezones()))
def test_moments_survive_as_microseconds(moment: datetime) -> None:
    assert from_micros(to_micros(moment)) == moment.astimezone(UTC)


def test_moments_count_from_1970_utc() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert to_micros(datetime(1970, 1, 1, 8, 0, 0, 5, tzinfo=shanghai)) == 5
    assert from_micros(-1) == datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert utc_now().utcoffset() == timedelta()
    with pytest.raises(TypeError):
        to_micros(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT $1, $12", "SELECT ?1, ?12"),
        ("SELECT '$1', $1", "SELECT '$1', ?1"),
        ("SELECT 'it''s $1', $2", "SELECT 'it''s $1', ?2"),
        ('SELECT "$1" FROM t WHERE a=$1', 'SELECT "$1" FROM t WHERE a=?1'),
        ('SELECT \'{"a": "$2"}\', $3', 'SELECT \'{"a": "$2"}\', ?3'),
    ],
)
def test_placeholders_change_outside_of_literals_only(sql: str, expected: str) -> None:
    assert for_sqlite(sql) == expected


def test_placeholders_are_numbered_behind_those_before() -> None:
    assert placeholders(3) == "$1, $2, $3"
    assert placeholders(2, after=3) == "$4, $5"
    assert placeholders(0) == ""


def test_lock_numbers_stay_the_same_between_versions() -> None:
    assert lock_number("outbox") == -669813978749729174
    assert -(2**63) <= lock_number("anything") < 2**63
