"""What a pushed exam costs beside its request and its commit: opened, checked, sealed.

Nothing here touches network or disk, and what goes in and out can be pickled: it may be done in another process.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, cast

from radbridge.contracts.dialects.codec import china_date
from radbridge.contracts.dialects.faults import Fault
from radbridge.contracts.dialects.pack import Message
from radbridge.contracts.dialects.record_rules import Context, Record
from radbridge.contracts.dialects.shanxi_v2_1 import envelope
from radbridge.contracts.dialects.shanxi_v2_1.pack import load_pack
from radbridge.contracts.events.base import BlobRef, EncodedBody, encoded
from radbridge.contracts.model.exam import Exam
from radbridge.contracts.model.serialization import to_json
from radbridge.ingest_api.domain.interfaces import Interface
from radbridge.ingest_api.domain.publication import exam_event, exam_id_of, record_id_of
from radbridge.runtime.blobs.sealed import blob_ref
from radbridge.runtime.clock import to_micros
from radbridge.runtime.database.protocol import Value
from radbridge.runtime.security.keyring import DataKey, Keyring
from radbridge.runtime.security.patient import PURPOSE, seal_patient
from radbridge.runtime.security.vault import Vault

T = TypeVar("T")

CATALOGUE = "shanxi"
EXAM_NUMBER = "risStudyId"
JSON = "application/json"
LARGEST_IN_EVENT = 128 * 1024
"""Bytes of an exam's JSON that its event carries: sealed and with all else they stay under the limit of an event."""


class Refused(Exception):
    """The push is not accepted; ``message`` is what the hospital reads, ``number`` the record's, as far as known."""

    def __init__(self, message: str, faults: Sequence[Fault] = (), *, number: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.faults = faults
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The hospital that sent a push, with the keys that its record needs."""

    id: str
    code: str
    name: str
    sm4_key: bytes = field(repr=False)
    clock_skew_seconds: int
    patient_key: DataKey


@dataclass(frozen=True, slots=True)
class ExamPush:
    """An exam as it arrived."""

    envelope: envelope.Envelope
    sender: Sender
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ExamContent:
    """An exam's JSON as the object that its event names."""

    institution_id: str
    ref: BlobRef
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PreparedExam:
    """An exam ready to be stored: the values of ``records.SAVE_EXAM``, and the event that tells of it."""

    exam_id: str
    number: str
    digest: str
    values: tuple[Value, ...]
    event: EncodedBody
    content: ExamContent | None = None
    """To be stored before the commit; ``None``: the event carries it."""


class ExamPreparation:
    """Prepares exams of every hospital."""

    def __init__(self, vault: Vault) -> None:
        message = load_pack().exam
        if message is None:
            raise ValueError("the pack lacks the exam")
        self._message = message
        self._vault = vault
        self._keyring = Keyring(vault)
        self._push_key = vault.hmac_key("push")

    def __call__(self, push: ExamPush) -> PreparedExam:
        """The exam of a push.

        :raises EnvelopeError: it cannot be opened.
        :raises Refused: its record has faults.
        """
        sender = push.sender
        plaintext = envelope.open_envelope(
            push.envelope,
            key=sender.sm4_key,
            now=push.received_at.timestamp(),
            allowed_skew_seconds=sender.clock_skew_seconds,
        )
        record = cast("Record", envelope.parse_record(plaintext))
        context = Context(hospital_code=sender.code, today=china_date(push.received_at))
        exam = decoded(self._message, record, context, EXAM_NUMBER)
        digest = digest_of(self._push_key, plaintext)
        self._keyring.adopt(sender.id, PURPOSE, sender.patient_key)
        hospital = (sender.id, sender.code, sender.name)
        return prepared_exam(self._keyring, self._vault, hospital, exam, digest, push.received_at, Interface.EXAM)


def exam_preparation(vault_text: str) -> ExamPreparation:
    """For another process: the preparation over a vault's JSON text."""
    return ExamPreparation(Vault.from_text(vault_text))


def prepared_exam(
    keyring: Keyring,
    vault: Vault,
    institution: tuple[str, str, str],
    exam: Exam,
    digest: str,
    received_at: datetime,
    interface: Interface,
) -> PreparedExam:
    """An accepted exam, sealed. Too large for its event, it is an object, and its row holds the reference to that.

    :param institution: id, code and name.
    :raises SealError: the institution's key is not on the keyring.
    """
    institution_id, code, name = institution
    exam_id = exam_id_of(institution_id, exam.number)
    data = to_json(exam)
    content, sealed = None, ""
    if len(data) > LARGEST_IN_EVENT and not exam.is_deleted:
        content = ExamContent(institution_id, blob_ref(institution_id, data, JSON), data)
    else:
        sealed = keyring.seal(institution_id, PURPOSE, data, place=exam_id)
    patient = seal_patient(keyring, vault, institution_id, record_id_of(institution_id, exam.patient), exam.patient)
    ref = content.ref if content else None
    event = exam_event(exam_id, institution_id, code, name, CATALOGUE, exam, patient, sealed=sealed, content=ref)
    values = (
        exam_id,
        institution_id,
        exam.number,
        digest,
        to_micros(exam.changed_at),
        to_micros(received_at),
        (ref.model_dump_json() if ref else sealed).encode(),
        interface.value,
    )
    return PreparedExam(exam_id, exam.number, digest, values, encoded(event), content)


def decoded(message: Message[T], record: Record, context: Context, number_field: str) -> T:
    """The canonical value of a record.

    :raises Refused: it has faults.
    """
    outcome = message.validate(record, context)
    if not outcome.is_accepted:
        number = number_of(record, number_field)
        raise Refused(f"数据校验未通过，共{len(outcome.faults)}处", outcome.faults, number=number)
    return message.decode(record)


def digest_of(key: bytes, plaintext: bytes) -> str:
    """By which a repeated push is known."""
    return hmac.digest(key, plaintext, "sha256").hex()


def number_of(record: object, field_name: str) -> str:
    """The number that a record, or the report in it, carries; empty without."""
    if not isinstance(record, dict):
        return ""
    members = cast("dict[str, object]", record)
    inner = members.get("report")
    value = members.get(field_name)
    if not value and isinstance(inner, dict):
        value = cast("dict[str, object]", inner).get(field_name)
    return value if isinstance(value, str) else ""
