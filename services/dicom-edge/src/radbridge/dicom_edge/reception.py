"""From bytes on the volume to an acknowledged object: read, checked, synced, indexed, in this order.

Runs in the threads of associations and uploads. An object is acknowledged after its file and folder are synced and its
row is committed; whatever happens before leaves nothing that is served. What becomes of a file that a crash left
without a row: ``leftovers``.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

from radbridge.dicom_edge import store
from radbridge.dicom_edge.domain.dataset import DataSetError
from radbridge.dicom_edge.domain.header import (
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    ObjectHeader,
)
from radbridge.dicom_edge.domain.part10 import encode_file_meta
from radbridge.dicom_edge.domain.statuses import StoreStatus
from radbridge.dicom_edge.entries import Examined, examine, new_instance, new_series, new_study, study_id_of
from radbridge.dicom_edge.store import Added
from radbridge.dicom_edge.volume import IncomingFile, Volume, VolumeFull
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable, OutcomeUnknown, Transaction
from radbridge.runtime.security.keyring import Keyring, SealError
from radbridge.runtime.security.vault import Vault

_COMMIT_SECONDS_MAX = 60.0
_KNOWN_SERIES_MAX = 20_000


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
            ),
            owner=claim.institution_id,
        )

    def begin_file(self, claim: Claim) -> IncomingFile:
        """A file for an object that comes as a Part 10 file (STOW-RS).

        :raises VolumeFull: there is no room.
        """
        return self._volume.create(owner=claim.institution_id)

    def finish(self, incoming: IncomingFile, claim: Claim, loop: asyncio.AbstractEventLoop) -> Received:
        """Check, sync and index a file that was written whole. Blocks until it is durable."""
        if incoming.failed:
            return Received(StoreStatus.OUT_OF_RESOURCES, "no room on the volume")
        if not incoming.size:
            return Received(StoreStatus.CANNOT_UNDERSTAND, "the object is empty")
        try:
            examined = examine(incoming.fd, incoming.size)
        except DataSetError as error:
            return Received(StoreStatus.CANNOT_UNDERSTAND, str(error))
        refusal = _refusal(examined.header, claim)
        if refusal is not None:
            return refusal
        try:
            incoming.sync()
            return self._index(incoming, examined, claim, loop)
        except VolumeFull:
            return Received(StoreStatus.OUT_OF_RESOURCES, "no room on the volume")
        except SealError:
            return Received(StoreStatus.OUT_OF_RESOURCES, "the institution's keys are not here yet")

    def _index(
        self, incoming: IncomingFile, examined: Examined, claim: Claim, loop: asyncio.AbstractEventLoop
    ) -> Received:
        header = examined.header
        study_uid, series_uid = header.uid(STUDY_INSTANCE_UID), header.uid(SERIES_INSTANCE_UID)
        study_id = study_id_of(claim.institution_id, study_uid)
        known = (study_id, series_uid) in self._known_series
        study = None if known else new_study(header, claim.institution_id, self._keyring, self._vault)
        series = None if known else new_series(header, claim.institution_id, self._keyring)
        instance = new_instance(
            examined,
            claim.institution_id,
            object_name=incoming.name,
            volume_id=self._volume.id,
            received_at=to_micros(self._clock()),
            received_by=claim.received_by,
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
            incoming.doubt()
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
