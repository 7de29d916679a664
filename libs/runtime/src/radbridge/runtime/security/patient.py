"""A patient as events and rows carry it: sealed, with keyed hashes for equality search."""

import unicodedata

from radbridge.contracts.events.base import PatientRef
from radbridge.contracts.identifiers import is_resident_id
from radbridge.contracts.model.codes import DocumentType
from radbridge.contracts.model.people import Patient
from radbridge.contracts.model.serialization import MalformedValue, from_json, to_json
from radbridge.runtime.security.keyring import Keyring, SealError
from radbridge.runtime.security.vault import Vault

PURPOSE = "patient"
_DOCUMENT_CHARACTERS_MIN = 5
_MOBILE_DIGITS = 11


def seal_patient(keyring: Keyring, vault: Vault, institution_id: str, record_id: str, patient: Patient) -> PatientRef:
    """The patient of a record, sealed under the institution's ``patient`` key with the record id as its place."""
    sealed = keyring.seal(institution_id, PURPOSE, to_json(patient), place=record_id)
    return PatientRef(
        record_id=record_id,
        sealed=sealed,
        document_index=document_index(vault, patient),
        phone_index=phone_index(vault, patient.phone),
        demographics_index=demographics_index(vault, patient),
    )


def open_patient(keyring: Keyring, reference: PatientRef) -> Patient:
    """The patient that ``seal_patient`` sealed.

    :raises SealError: the reference was changed, or its key is not known.
    """
    clear = keyring.open(reference.sealed, place=reference.record_id)
    try:
        return from_json(Patient, clear)
    except MalformedValue:
        raise SealError(f"record {reference.record_id} does not hold a patient") from None


def document_index(vault: Vault, patient: Patient) -> str | None:
    """Index of the identity document: the same for the same kind and number, however it is typed.

    ``None`` where there is no number, or only a stand-in for one (``无``, ``000000``). A number that is a valid
    resident ID counts as one where the kind is not given.
    """
    number = _squeezed(patient.document_number).upper()
    letters = [character for character in number if character.isascii() and character.isalnum()]
    if len(letters) < _DOCUMENT_CHARACTERS_MIN or len(set(letters)) == 1:
        return None
    kind = patient.document_type
    if kind is None:
        kind = DocumentType.RESIDENT_ID if is_resident_id(number) else DocumentType.OTHER
    return vault.blind_index("document", f"{kind}|{number}")


def phone_index(vault: Vault, phone: str | None) -> str | None:
    """Index of a phone number: its digits, without the country code of a mobile number; ``None`` without digits."""
    digits = phone_digits(phone)
    return vault.blind_index("phone", digits) if digits else None


def demographics_index(vault: Vault, patient: Patient) -> str | None:
    """Index of name, sex, birth date and phone together; ``None`` unless all four are known."""
    name = _squeezed(patient.name).casefold()
    phone = phone_digits(patient.phone)
    if not (name and patient.sex and patient.birth_date and phone):
        return None
    return vault.blind_index("demographics", f"{name}|{patient.sex}|{patient.birth_date.isoformat()}|{phone}")


def phone_digits(phone: str | None) -> str:
    """ASCII digits of a phone number, without ``+86`` or ``0086`` before a mobile number."""
    digits = "".join(character for character in _squeezed(phone) if character in "0123456789")
    if len(digits) > _MOBILE_DIGITS and digits[:-_MOBILE_DIGITS] in ("86", "0086"):
        return digits[-_MOBILE_DIGITS:]
    return digits


def _squeezed(text: str | None) -> str:
    """Full-width forms as their ASCII counterparts, without any white space."""
    return "".join(unicodedata.normalize("NFKC", text or "").split())
