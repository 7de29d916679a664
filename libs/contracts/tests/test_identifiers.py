"""National numbers, DICOM UIDs and derived ids."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radbridge.contracts import identifiers

# 11010519491231002X and 440524188001010014 are the examples printed in GB 11643-1999.
VALID_RESIDENT_IDS = ["11010519491231002X", "440524188001010014"]
# Codes of well-known public bodies, as published.
VALID_CREDIT_CODES = ["91350100M000100Y43", "91330106673959654P"]


@pytest.mark.parametrize("number", VALID_RESIDENT_IDS)
def test_resident_ids_of_the_standard_are_valid(number: str) -> None:
    assert identifiers.is_resident_id(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "110105194912310021",  # check character
        "11010519491231002x",  # not normalised
        "1101054912310021",  # neither 15 nor 18
        "110105491231002",  # old form of 15 digits
        "110105194913310029",  # month 13
        "110105190002290012",  # 1900 was no leap year
        "01010519491231002X",
        "１１0105194912310020",  # full-width digits
        "11010519491231002X\n",
    ],
)
def test_what_is_no_resident_id(number: str) -> None:
    assert not identifiers.is_resident_id(number)


def numbered(first_17: str) -> str:
    return first_17 + identifiers.resident_id_check_character(first_17)


@pytest.mark.parametrize("number", VALID_RESIDENT_IDS)
def test_resident_ids_of_the_standard_can_be_held(number: str) -> None:
    assert identifiers.is_possible_resident_id(number, date(2026, 1, 1))


def test_a_resident_id_names_a_province() -> None:
    provinces = {
        code for code in range(10, 100) if identifiers.is_possible_resident_id(numbered(f"{code}000019800101001"))
    }
    assert provinces == {
        *range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83
    }  # fmt: skip
    assert not identifiers.is_possible_resident_id("990000198001010012")


def test_nobody_is_born_tomorrow() -> None:
    number = numbered("14010520260302001")
    assert identifiers.is_possible_resident_id(number, date(2026, 3, 2))
    assert not identifiers.is_possible_resident_id(number, date(2026, 3, 1))
    assert identifiers.is_possible_resident_id(number)
    assert not identifiers.is_possible_resident_id("140105209901010018", date(2026, 3, 1))


@given(st.dates(date(1800, 1, 1), date(2199, 12, 31)), st.integers(0, 999))
def test_every_single_wrong_digit_of_a_resident_id_is_found(birth_date: date, sequence: int) -> None:
    first_17 = f"140105{birth_date:%Y%m%d}{sequence:03d}"
    number = first_17 + identifiers.resident_id_check_character(first_17)
    assert identifiers.is_resident_id(number)
    assert identifiers.resident_id_birth_date(number) == birth_date
    for place in range(17):
        changed = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
        assert not identifiers.is_resident_id(changed)


def test_a_resident_id_is_normalised() -> None:
    assert identifiers.normalize_resident_id(" 11010519491231002x ") == "11010519491231002X"


@pytest.mark.parametrize("code", VALID_CREDIT_CODES)
def test_published_credit_codes_are_valid(code: str) -> None:
    assert identifiers.is_credit_code(code)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "91350100M000100Y44",  # last character
        "91350100M000100Y4",
        "91350100M000100Y433",
        "91350100M000100I43",  # I is not in the alphabet
        "91350100m000100y43",
    ],
)
def test_what_is_no_credit_code(code: str) -> None:
    assert not identifiers.is_credit_code(code)


@given(st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=17, max_size=17))
def test_a_credit_code_has_exactly_one_last_character(first_17: str) -> None:
    valid = [last for last in "0123456789ABCDEFGHJKLMNPQRTUWXY" if identifiers.is_credit_code(first_17 + last)]
    assert valid == [identifiers.credit_code_check_character(first_17)]


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2", "2.25.329800735698586629295641978511506172918", "1.0.3"])
def test_dicom_uids(uid: str) -> None:
    assert identifiers.is_dicom_uid(uid)


@pytest.mark.parametrize(
    "uid", ["", "1", "1.", ".1.2", "1..2", "1.02", "3.1.2", "1.2.a", "1.2.3\n", "1.2." + "3" * 61, "1.2.840/../../etc"]
)
def test_what_is_no_dicom_uid(uid: str) -> None:
    assert not identifiers.is_dicom_uid(uid)


def test_derived_ids_stay_what_they_are() -> None:
    """Stored data and other services rest on these values: a change here loses every record."""
    assert identifiers.exam_id("i", "ris", "E1") == "982e39b1-7709-5ba8-8956-77bde93fc286"
    assert identifiers.report_id("i", "ris", "E1") == "568e7d75-0d83-5ef9-9875-b9646edd6245"
    assert identifiers.patient_record_id("i", "ris", "E1") == "a7ffcd91-efa6-5130-a520-eb88e385087c"
    assert identifiers.event_id("/radbridge/x", "s", 1, "t") == "c4eec3dd-4aef-57f6-876c-ab4828f3cca8"


@given(st.tuples(st.text(), st.text(), st.text()), st.tuples(st.text(), st.text(), st.text()))
def test_different_parts_give_different_ids(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assert (identifiers.exam_id(*one) == identifiers.exam_id(*other)) == (one == other)


def test_parts_are_joined_unambiguously() -> None:
    assert identifiers.exam_id("a", "b,c", "d") != identifiers.exam_id("a", "b", "c,d")
    assert identifiers.exam_id('a","b', "c", "d") != identifiers.exam_id("a", 'b","c', "d")
    assert identifiers.exam_id("a", "b", "c") != identifiers.report_id("a", "b", "c")


def test_new_ids_are_version_7_and_sort_by_time() -> None:
    ids = [identifiers.new_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert {UUID(one).version for one in ids} == {7}
    assert {UUID(one).variant for one in ids} == {"specified in RFC 4122"}
    milliseconds = [UUID(one).int >> 80 for one in ids]
    assert milliseconds == sorted(milliseconds)


def test_the_digest_of_a_links_code_is_its_sha256() -> None:
    # FIPS 180-2, B.1
    assert identifiers.link_code_digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
