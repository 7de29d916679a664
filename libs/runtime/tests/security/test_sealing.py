"""Sealed values: institutions' keys, binding to a place, and patients."""

from datetime import UTC, date, datetime

import pytest

from radbridge.contracts.events.institution import InstitutionUpdated, SealedCredentials, WrappedKey
from radbridge.contracts.model.codes import DocumentType, Sex
from radbridge.contracts.model.people import Patient
from radbridge.contracts.model.value import changed
from radbridge.runtime.security.keyring import PLATFORM, KeyNotKnown, Keyring, SealError
from radbridge.runtime.security.patient import document_index, open_patient, phone_digits, seal_patient
from radbridge.runtime.security.vault import Vault

INSTITUTION = "0190a000-0000-7000-8000-000000000001"


def institution(keys: list[WrappedKey]) -> InstitutionUpdated:
    return InstitutionUpdated(
        institution_id=INSTITUTION,
        code="C",
        name="N",
        dialect="shanxi",
        ae_title="AE",
        keys=keys,
        credentials=SealedCredentials(sm4_key="", access_key="", secret_key="", app_id="", secure_code=""),
        updated_at=datetime.now(UTC),
    )


@pytest.fixture
def vault() -> Vault:
    return Vault.create()


@pytest.fixture
def keyring(vault: Vault) -> Keyring:
    keyring = Keyring(vault)
    keyring.new_keys(INSTITUTION)
    return keyring


def test_a_sealed_value_opens_in_its_place_only(keyring: Keyring) -> None:
    token = keyring.seal(INSTITUTION, "patient", b"secret", place="record-1")
    assert token.startswith("rb1.")
    assert keyring.open(token, place="record-1") == b"secret"
    with pytest.raises(SealError):
        keyring.open(token, place="record-2")


def test_a_changed_or_foreign_token_does_not_open(keyring: Keyring) -> None:
    token = keyring.seal(INSTITUTION, "patient", b"secret", place="p")
    for position in range(0, len(token), 7):
        changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(SealError):
            keyring.open(changed, place="p")
    for junk in ("", "rb1", "rb1..", "rb1.x.y", "rb1.x.é", "a.b.c.d"):
        with pytest.raises(SealError):
            keyring.open(junk, place="p")


def test_another_process_opens_after_it_heard_of_the_institution(vault: Vault) -> None:
    first = Keyring(vault)
    keys = first.new_keys(INSTITUTION)
    token = first.seal(INSTITUTION, "patient", b"secret", place="p")
    second = Keyring(vault)
    with pytest.raises(KeyNotKnown):
        second.open(token, place="p")
    second.add_institution(institution(keys))
    assert second.open(token, place="p") == b"secret"
    with pytest.raises(SealError):
        Keyring(Vault.create()).add_institution(institution(keys))


def test_the_last_key_of_a_purpose_seals_and_older_ones_open(vault: Vault) -> None:
    old_keys = Keyring(vault).new_keys(INSTITUTION)
    keyring = Keyring(vault)
    keyring.add_institution(institution(old_keys))
    old = keyring.seal(INSTITUTION, "patient", b"old", place="p")
    rotated = vault.rotate()
    new_keys = Keyring(rotated).new_keys(INSTITUTION)
    keyring = Keyring(rotated)
    keyring.add_institution(institution(old_keys + new_keys))
    new = keyring.seal(INSTITUTION, "patient", b"new", place="p")
    assert new.split(".")[1] in {key.key_id for key in new_keys}
    assert keyring.open(new, place="p") == b"new"
    assert keyring.open(old, place="p") == b"old"


def test_new_keys_of_a_known_institution_do_not_seal_before_they_are_published(keyring: Keyring) -> None:
    before = keyring.seal(INSTITUTION, "patient", b"x", place="p").split(".")[1]
    keyring.new_keys(INSTITUTION)
    assert keyring.seal(INSTITUTION, "patient", b"x", place="p").split(".")[1] == before


def test_an_institution_without_keys_cannot_seal(vault: Vault) -> None:
    with pytest.raises(KeyNotKnown):
        Keyring(vault).seal("nobody", "patient", b"x", place="p")


def test_platform_values_survive_a_rotation(vault: Vault) -> None:
    token = Keyring(vault).seal(PLATFORM, "oidc", b"state", place="p")
    rotated = Keyring(vault.rotate())
    assert rotated.open(token, place="p") == b"state"
    assert rotated.seal(PLATFORM, "oidc", b"state", place="p").split(".")[1] == "platform:r2:oidc"


def test_sealed_bytes_open_in_their_place_only(keyring: Keyring) -> None:
    sealed = keyring.seal_bytes(INSTITUTION, "document", b"%PDF" * 1000, place="name")
    assert b"%PDF" not in sealed
    assert keyring.open_bytes(sealed, place="name") == b"%PDF" * 1000
    for spoiled in (sealed[:-1], b"", b"RB1", b"RB1\x05abc", sealed[:60] + b"\0" + sealed[61:], b"X" + sealed[1:]):
        with pytest.raises(SealError):
            keyring.open_bytes(spoiled, place="name")
    with pytest.raises(SealError):
        keyring.open_bytes(sealed, place="other")


PATIENT = Patient(
    name="张三",
    document_type=DocumentType.RESIDENT_ID,
    document_number="11010519491231002X",
    sex=Sex.MALE,
    birth_date=date(1949, 12, 31),
    phone="13800000000",
)


def test_a_patient_comes_back_whole_and_nothing_shows(keyring: Keyring, vault: Vault) -> None:
    reference = seal_patient(keyring, vault, INSTITUTION, "record", PATIENT)
    assert open_patient(keyring, reference) == PATIENT
    text = reference.model_dump_json()
    assert not any(part in text for part in ("张三", "11010519491231002", "13800000000", "1949"))
    moved = reference.model_copy(update={"record_id": "other"})
    with pytest.raises(SealError):
        open_patient(keyring, moved)


def test_indexes_are_equal_however_the_values_are_typed(keyring: Keyring, vault: Vault) -> None:
    one = seal_patient(keyring, vault, INSTITUTION, "a", PATIENT)
    typed = changed(PATIENT, name=" 张 三", document_number=" 11010519491231002x ", phone="+86 138-0000-0000")
    two = seal_patient(keyring, vault, INSTITUTION, "b", typed)
    assert one.sealed != two.sealed
    assert one.document_index == two.document_index is not None
    assert one.phone_index == two.phone_index is not None
    assert one.demographics_index == two.demographics_index is not None


@pytest.mark.parametrize("missing", ["name", "sex", "birth_date", "phone"])
def test_demographics_need_all_four(keyring: Keyring, vault: Vault, missing: str) -> None:
    patient = changed(PATIENT, **{missing: None})
    assert seal_patient(keyring, vault, INSTITUTION, "a", patient).demographics_index is None


@pytest.mark.parametrize("number", [None, "", "  ", "无", "000000000000000000", "1", "----------", "身份证未带"])
def test_a_stand_in_for_a_document_number_has_no_index(vault: Vault, number: str | None) -> None:
    assert document_index(vault, changed(PATIENT, document_number=number)) is None


def test_a_document_without_kind_is_a_resident_id_when_it_is_a_valid_one(vault: Vault) -> None:
    assert document_index(vault, changed(PATIENT, document_type=None)) == document_index(vault, PATIENT)
    passport = changed(PATIENT, document_type=DocumentType.PASSPORT)
    assert document_index(vault, passport) != document_index(vault, PATIENT)


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("138 0000 0000", "13800000000"),
        ("008613800000000", "13800000000"),
        ("１３８００００００００", "13800000000"),
        ("0832-2012345", "08322012345"),
        ("none", ""),
        (None, ""),
    ],
)
def test_phone_digits(typed: str | None, digits: str) -> None:
    assert phone_digits(typed) == digits
