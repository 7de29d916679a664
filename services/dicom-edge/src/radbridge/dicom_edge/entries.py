"""What the index keeps of an object: its rows, made of what its file says."""

import hashlib
import mmap
from dataclasses import dataclass
from uuid import UUID, uuid5

import orjson

from radbridge.contracts.identifiers import NAMESPACE
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
from radbridge.dicom_edge.domain.part10 import read_file_meta
from radbridge.dicom_edge.store import Instance, NewSeries, NewStudy
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.security.vault import Vault

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


def patient_id_index(vault: Vault, institution_id: str, patient_id: str) -> str:
    """Blind index of a PatientID, which only means something within its institution."""
    return vault.blind_index("dicom-patient-id", f"{institution_id}/{patient_id}")


@dataclass(frozen=True, slots=True)
class Examined:
    """What was read from a file."""

    header: ObjectHeader
    head_bytes: int
    size: int
    data_set_sha256: str


def examine(fd: int, size: int) -> Examined:
    """Read an open file through once. The mapping is let go by leaving, since views of it may live in a traceback.

    :raises DataSetError: it is no Part 10 file, or its data set cannot be walked to its end.
    """
    file = memoryview(mmap.mmap(fd, size, prot=mmap.PROT_READ))
    meta = read_file_meta(file)
    data_set = file[meta.data_set_offset :]
    header = read_header(data_set, meta.transfer_syntax_uid)
    return Examined(header, meta.data_set_offset, size, hashlib.sha256(data_set).hexdigest())


def new_study(header: ObjectHeader, institution_id: str, keyring: Keyring, vault: Vault) -> NewStudy:
    """The study that an object belongs to.

    :raises SealError: the institution's keys are not here.
    """
    study_uid = header.uid(STUDY_INSTANCE_UID)
    study_id = study_id_of(institution_id, study_uid)
    patient_id = header.text(PATIENT_ID)
    clear = orjson.dumps(header_json(header, STUDY_TAGS))
    return NewStudy(
        study_id=study_id,
        institution_id=institution_id,
        study_uid=study_uid,
        accession_number=_clean_text(header.text(ACCESSION_NUMBER)),
        study_date=_clean_text(header.text(STUDY_DATE)),
        patient_id_index=patient_id_index(vault, institution_id, patient_id) if patient_id else None,
        sealed=keyring.seal(institution_id, "patient", clear, place=study_place(study_id)),
    )


def new_series(header: ObjectHeader, institution_id: str, keyring: Keyring) -> NewSeries:
    """The series that an object belongs to.

    :raises SealError: the institution's keys are not here.
    """
    study_id = study_id_of(institution_id, header.uid(STUDY_INSTANCE_UID))
    series_uid = header.uid(SERIES_INSTANCE_UID)
    clear = orjson.dumps(header_json(header, SERIES_TAGS))
    return NewSeries(
        study_id=study_id,
        series_uid=series_uid,
        modality=_clean_text(header.text(MODALITY)),
        series_number=_small(header.number(SERIES_NUMBER)),
        sealed=keyring.seal(institution_id, "patient", clear, place=series_place(study_id, series_uid)),
    )


def new_instance(
    examined: Examined, institution_id: str, *, object_name: str, volume_id: str, received_at: int, received_by: str
) -> Instance:
    """The object itself, where it lies and what its file is like."""
    header = examined.header
    pixel = header.pixel
    return Instance(
        institution_id=institution_id,
        sop_instance_uid=header.uid(SOP_INSTANCE_UID),
        study_id=study_id_of(institution_id, header.uid(STUDY_INSTANCE_UID)),
        series_uid=header.uid(SERIES_INSTANCE_UID),
        sop_class_uid=header.uid(SOP_CLASS_UID),
        transfer_syntax_uid=header.transfer_syntax_uid,
        instance_number=_small(header.number(INSTANCE_NUMBER)),
        number_of_frames=max(1, _small(header.number(NUMBER_OF_FRAMES)) or 1),
        rows=_small(header.number(ROWS)) or 0,
        columns=_small(header.number(COLUMNS)) or 0,
        samples_per_pixel=_small(header.number(SAMPLES_PER_PIXEL)) or 1,
        bits_allocated=_small(header.number(BITS_ALLOCATED)) or 0,
        photometric_interpretation=_clean_text(header.text(PHOTOMETRIC_INTERPRETATION)),
        pixel_tag=pixel.tag if pixel else 0,
        pixel_offset=pixel.offset if pixel else 0,
        pixel_length=pixel.length if pixel else 0,
        encapsulated=int(pixel.encapsulated) if pixel else 0,
        head_bytes=examined.head_bytes,
        size=examined.size,
        data_set_sha256=examined.data_set_sha256,
        object_name=object_name,
        volume_id=volume_id,
        received_at=received_at,
        received_by=received_by,
    )


def _clean_text(text: str) -> str:
    """Text as databases take it: without control characters, at most 64 characters."""
    return "".join(char for char in text if char.isprintable())[:64]


def _small(number: int | None) -> int | None:
    """Numbers that a column holds; an object may claim any."""
    return number if number is not None and abs(number) < 1 << 31 else None
