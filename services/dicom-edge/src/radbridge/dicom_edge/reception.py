"""From bytes on the volume to an acknowledged object: read, checked, synced, indexed, in this order.

Runs in the threads of associations and uploads. An object is acknowledged after its file and folder are synced and its
row is committed; whatever happens before leaves nothing that is served, and a file without a row is removed at the next
start.
"""

import asyncio
import hashlib
import mmap
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from uuid import UUID, uuid5

import orjson

from radbridge.contracts.identifiers import NAMESPACE
from radbridge.dicom_edge import store
from radbridge.dicom_edge.domain.dataset import DataSetError
from radbridge.dicom_edge.domain.header import (
    ACCESSION_NUMBER,
    BITS_ALLOCATED,
    COLUMNS,
    INSTANCE_NUMBER,
    MODALITY,
    NUMBER_OF_FRAMES,
    PATIENT_ID,
    PHOTOMETRIC_INTERPRETATION,
    ROWS,
    SAMPLES_PER_PIXEL,
    SERIES_INSTANCE_UID,
    SERIES_NUMBER,
    SERIES_TAGS,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_DATE,
    STUDY_INSTANCE_UID,
    STUDY_TAGS,
    ObjectHeader,
    read_header,
)
from radbridge.dicom_edge.domain.json_model import header_json
from radbridge.dicom_edge.domain.part10 import encode_file_meta, read_file_meta
from radbridge.dicom_edge.domain.statuses import StoreStatus
from radbridge.dicom_edge.store import Added, Instance, NewSeries, NewStudy
from radbridge.dicom_edge.volume import IncomingFile, Volume, VolumeFull
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable, OutcomeUnknown, Transaction
from radbridge.runtime.security.keyring import Keyring, SealError
from radbridge.runtime.security.vault import Vault

_COMMIT_SECONDS_MAX = 60.0
_KNOWN_SERIES_MAX = 20_000
_STUDY_NAMESPACE: UUID = uuid5(NAMESPACE, "dicom-study")


def study_id_of(institution_id: str, study_uid: str) -> str:
    """Id of an institution's study, the same wherever it is derived."""
    return str(uuid5(_STUDY_NAMESPACE, f"{institution_id}/{study_uid}"))


def study_place(study_id: str) -> str:
    """Where a study's sealed elements stand."""
    return f"dicom-edge/study/{study_id}"


def series_place(study_id: str, series_uid: str) -> str:
    """Where a series' sealed elements stand."""
    return f"dicom-edge/series/{study_id}/{series_uid}"


@dataclass(frozen=True, slots=True)
class Claim:
    """What the sender says the object is."""

    institution_id: str
    received_by: str
    sop_class_uid: str = ""
    """Empty where nothing was claimed (STOW-RS)."""
    sop_instance_uid: str = ""
    study_uid: str = ""
    transfer_syntax_uid: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an object."""

    status: StoreStatus
    comment: str = ""
    """What is wrong, without any value of the object."""
    study_id: str = ""
    study_uid: str = ""
    series_uid: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""

    @property
    def acknowledged(self) -> bool:
        """Whether the object is durable and served."""
        return self.status is StoreStatus.SUCCESS


class Reception:
    """Takes objects in.

    :param on_new: told, on the event loop, of the study of each new object.
    """

    def __init__(
        self,
        volume: Volume,
        database: Database,
        keyring: Keyring,
        vault: Vault,
        *,
        clock: Clock,
        on_new: Callable[[str], None],
    ) -> None:
        self._volume = volume
        self._database = database
        self._keyring = keyring
        self._vault = vault
        self._clock = clock
        self._on_new = on_new
        self._known_series: set[tuple[str, str]] = set()

    def begin(self, claim: Claim, *, source_ae_title: str) -> IncomingFile:
        """A file for an object that comes as a bare data set (C-STORE).

        :raises VolumeFull: there is no room.
        """
        return self._volume.create(
            encode_file_meta(
                sop_class_uid=claim.sop_class_uid,
                sop_instance_uid=claim.sop_instance_uid,
                transfer_syntax_uid=claim.transfer_syntax_uid,
                source_ae_title=source_ae_title,
            )
        )

    def begin_file(self) -> IncomingFile:
        """A file for an object that comes as a Part 10 file (STOW-RS).

        :raises VolumeFull: there is no room.
        """
        return self._volume.create()

    def finish(self, incoming: IncomingFile, claim: Claim, loop: asyncio.AbstractEventLoop) -> Received:
        """Check, sync and index a file that was written whole. Blocks until it is durable."""
        if incoming.failed:
            return Received(StoreStatus.OUT_OF_RESOURCES, "no room on the volume")
        if not incoming.size:
            return Received(StoreStatus.CANNOT_UNDERSTAND, "the object is empty")
        examined = _examine(incoming, claim)
        if isinstance(examined, Received):
            return examined
        try:
            incoming.sync()
            return self._index(incoming, examined, claim, loop)
        except VolumeFull:
            return Received(StoreStatus.OUT_OF_RESOURCES, "no room on the volume")
        except SealError:
            return Received(StoreStatus.OUT_OF_RESOURCES, "the institution's keys are not here yet")

    def _index(
        self, incoming: IncomingFile, examined: "_Examined", claim: Claim, loop: asyncio.AbstractEventLoop
    ) -> Received:
        header = examined.header
        study_uid, series_uid = header.uid(STUDY_INSTANCE_UID), header.uid(SERIES_INSTANCE_UID)
        study_id = study_id_of(claim.institution_id, study_uid)
        known = (study_id, series_uid) in self._known_series
        study = None if known else self._study(header, claim.institution_id, study_id)
        series = None if known else self._series(header, claim.institution_id, study_id)
        instance = _instance(
            examined,
            claim,
            incoming,
            study_id=study_id,
            volume_id=self._volume.id,
            received_at=to_micros(self._clock()),
        )

        async def work(tx: Transaction) -> Added:
            return await store.add_instance(tx, instance, study, series)

        async def commit() -> Added:
            added = await self._database.write(work)
            if added is Added.NEW:
                self._on_new(study_id)
            return added

        incoming.keep()  # until the outcome is known the file may already be what a committed row names
        try:
            added = asyncio.run_coroutine_threadsafe(commit(), loop).result(_COMMIT_SECONDS_MAX)
        except (OutcomeUnknown, FutureTimeout):
            return Received(StoreStatus.OUT_OF_RESOURCES, "the index does not answer")
        except DatabaseUnavailable:
            self._volume.remove(incoming.name)
            return Received(StoreStatus.OUT_OF_RESOURCES, "the index is away")
        if added is not Added.NEW:
            self._volume.remove(incoming.name)
        if added is Added.DIFFERENT:
            return Received(StoreStatus.DUPLICATE_SOP_INSTANCE, "another object has this SOP Instance UID")
        if len(self._known_series) >= _KNOWN_SERIES_MAX:
            self._known_series.clear()
        if added is Added.NEW:
            self._known_series.add((study_id, series_uid))
        return Received(
            StoreStatus.SUCCESS,
            study_id=study_id,
            study_uid=study_uid,
            series_uid=series_uid,
            sop_class_uid=instance.sop_class_uid,
            sop_instance_uid=instance.sop_instance_uid,
        )

    def _study(self, header: ObjectHeader, institution_id: str, study_id: str) -> NewStudy:
        patient_id = header.text(PATIENT_ID)
        clear = orjson.dumps(header_json(header, STUDY_TAGS))
        return NewStudy(
            study_id=study_id,
            institution_id=institution_id,
            study_uid=header.uid(STUDY_INSTANCE_UID),
            accession_number=clean_text(header.text(ACCESSION_NUMBER)),
            study_date=clean_text(header.text(STUDY_DATE)),
            patient_id_index=patient_id_index(self._vault, institution_id, patient_id) if patient_id else None,
            sealed=self._keyring.seal(institution_id, "patient", clear, place=study_place(study_id)),
        )

    def _series(self, header: ObjectHeader, institution_id: str, study_id: str) -> NewSeries:
        series_uid = header.uid(SERIES_INSTANCE_UID)
        clear = orjson.dumps(header_json(header, SERIES_TAGS))
        return NewSeries(
            study_id=study_id,
            series_uid=series_uid,
            modality=clean_text(header.text(MODALITY)),
            series_number=_small(header.number(SERIES_NUMBER)),
            sealed=self._keyring.seal(institution_id, "patient", clear, place=series_place(study_id, series_uid)),
        )


def patient_id_index(vault: Vault, institution_id: str, patient_id: str) -> str:
    """Blind index of a PatientID, which only means something within its institution."""
    return vault.blind_index("dicom-patient-id", f"{institution_id}/{patient_id}")


def clean_text(text: str) -> str:
    """Text as databases take it: without control characters, at most 64 characters."""
    return "".join(char for char in text if char.isprintable())[:64]


@dataclass(frozen=True, slots=True)
class _Examined:
    """What was read from a file."""

    header: ObjectHeader
    head_bytes: int
    data_set_sha256: str


def _examine(incoming: IncomingFile, claim: Claim) -> _Examined | Received:
    """Read a file through once. The mapping is let go by leaving, since views of it may live in a traceback."""
    file = memoryview(mmap.mmap(incoming.fd, incoming.size, prot=mmap.PROT_READ))
    try:
        meta = read_file_meta(file)
        data_set = file[meta.data_set_offset :]
        header = read_header(data_set, meta.transfer_syntax_uid)
    except DataSetError as error:
        return Received(StoreStatus.CANNOT_UNDERSTAND, str(error))
    refusal = _refusal(header, claim)
    if refusal is not None:
        return refusal
    return _Examined(header, meta.data_set_offset, hashlib.sha256(data_set).hexdigest())


def _refusal(header: ObjectHeader, claim: Claim) -> Received | None:
    fault = header.identity_fault()
    if fault is not None:
        return Received(StoreStatus.IDENTITY_MISSING, fault)
    sop_class_uid, sop_instance_uid = header.uid(SOP_CLASS_UID), header.uid(SOP_INSTANCE_UID)
    if claim.sop_class_uid and claim.sop_class_uid != sop_class_uid:
        return Received(StoreStatus.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, "SOPClassUID is not the one of the request")
    if claim.sop_instance_uid and claim.sop_instance_uid != sop_instance_uid:
        return Received(StoreStatus.IDENTITY_MISMATCH, "SOPInstanceUID is not the one of the request")
    if claim.study_uid and claim.study_uid != header.uid(STUDY_INSTANCE_UID):
        return Received(
            StoreStatus.IDENTITY_MISMATCH,
            "StudyInstanceUID is not the one of the request",
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
        )
    return None


def _instance(
    examined: _Examined, claim: Claim, incoming: IncomingFile, *, study_id: str, volume_id: str, received_at: int
) -> Instance:
    header = examined.header
    pixel = header.pixel
    return Instance(
        institution_id=claim.institution_id,
        sop_instance_uid=header.uid(SOP_INSTANCE_UID),
        study_id=study_id,
        series_uid=header.uid(SERIES_INSTANCE_UID),
        sop_class_uid=header.uid(SOP_CLASS_UID),
        transfer_syntax_uid=header.transfer_syntax_uid,
        instance_number=_small(header.number(INSTANCE_NUMBER)),
        number_of_frames=max(1, _small(header.number(NUMBER_OF_FRAMES)) or 1),
        rows=_small(header.number(ROWS)) or 0,
        columns=_small(header.number(COLUMNS)) or 0,
        samples_per_pixel=_small(header.number(SAMPLES_PER_PIXEL)) or 1,
        bits_allocated=_small(header.number(BITS_ALLOCATED)) or 0,
        photometric_interpretation=clean_text(header.text(PHOTOMETRIC_INTERPRETATION)),
        pixel_tag=pixel.tag if pixel else 0,
        pixel_offset=pixel.offset if pixel else 0,
        pixel_length=pixel.length if pixel else 0,
        encapsulated=int(pixel.encapsulated) if pixel else 0,
        head_bytes=examined.head_bytes,
        size=incoming.size,
        data_set_sha256=examined.data_set_sha256,
        object_name=incoming.name,
        volume_id=volume_id,
        received_at=received_at,
        received_by=claim.received_by,
    )


def _small(number: int | None) -> int | None:
    """Numbers that a column holds; an object may claim any."""
    return number if number is not None and abs(number) < 1 << 31 else None
