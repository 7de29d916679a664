"""The DER reader refuses whatever is not exactly one well-formed element, quickly and with its own error."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radbridge.signing.domain import der
from radbridge.signing.domain.der_write import encode, generalized_time, integer, octets, oid, sequence, set_of
from radbridge.signing.domain.der_write import time as der_time
from radbridge.signing.domain.errors import DerError


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x01",
        b"\x30\x81\x05\x02\x01\x01\x05\x00",
        b"\x30\x82\x00\x05\x02\x01\x01\x05\x00",
        b"\x30\x80\x02\x01\x01\x00\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x85\x01\x00\x00\x00\x00",
        b"\x1f\x81\x01\x00",
        b"\x30\x03\x02\x01\x01\x00",
    ],
)
def test_what_is_not_der_is_refused(data: bytes) -> None:
    with pytest.raises(DerError):
        der.parse(data)


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"\xff\xff"])
def test_integers_are_minimal(content: bytes) -> None:
    with pytest.raises(DerError):
        der.parse(encode(der.INTEGER, content)).integer()


@given(st.integers(0, 1 << 300))
def test_integers_survive(value: int) -> None:
    assert der.parse(integer(value)).integer() == value


@given(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 1 << 40), max_size=5))
def test_object_identifiers_survive(first: int, second: int, rest: list[int]) -> None:
    text = ".".join(map(str, (first, second, *rest)))
    assert der.parse(oid(text)).oid() == text


@pytest.mark.parametrize(
    "moment", [datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2051, 2, 3, 4, 5, 6, tzinfo=UTC)]
)
def test_times_survive(moment: datetime) -> None:
    assert der.parse(der_time(moment)).time() == moment
    assert der.parse(generalized_time(moment)).time() == moment


@pytest.mark.parametrize("text", [b"2306312359Z", b"20231301000000Z", b"20230101000000", b"20230101000000.Z", b"abc"])
def test_impossible_times_are_refused(text: bytes) -> None:
    with pytest.raises(DerError):
        der.parse(encode(der.GENERALIZED_TIME, text)).time()


def test_ber_reads_indefinite_lengths_and_joined_strings() -> None:
    inner = b"\x24\x80" + octets(b"ab") + octets(b"c") + b"\0\0"
    element = der.parse(b"\x30\x80" + inner + b"\0\0", ber=True)
    (string,) = element.children()
    assert string.octets() == b"abc"
    assert string.raw == inner


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x80" * 1000,
        b"\x30\x80" * 1000 + b"\0\0" * 1000,
        b"\x30\x80" + b"\x05\x00" * 500_000,
        b"\x30\x80" + b"\x05\x00" * 500_000 + b"\0\0",
        b"\x30\x84\x00\x4c\x4b\x40" + b"\x05\x00" * 2_500_000,
    ],
    ids=["nested", "nested-closed", "endless", "many", "many-definite"],
)
def test_hostile_containers_are_refused_without_delay(data: bytes) -> None:
    with pytest.raises(DerError):
        der.parse(data, ber=True).children()


def test_a_set_is_sorted() -> None:
    assert set_of(integer(2), integer(1)) == b"\x31\x06\x02\x01\x01\x02\x01\x02"


@given(st.binary(max_size=200))
def test_any_octets_end_in_an_element_or_the_typed_error(data: bytes) -> None:
    for ber in (False, True):
        try:
            element = der.parse(sequence(data), ber=ber)
            for child in element.children():
                for read in (child.integer, child.oid, child.octets, child.bits, child.time, child.text, child.boolean):
                    try:
                        read()
                    except DerError:
                        continue
        except DerError:
            continue
