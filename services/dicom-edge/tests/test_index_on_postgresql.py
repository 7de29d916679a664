"""The index on a real PostgreSQL: the same statements, received, found, announced, moved and committed."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from radbridge.contracts.events.images import ImagesStored
from radbridge.dicom_edge.commitments import Commitments
from radbridge.dicom_edge.domain.commitment import CommitmentRequest, Reference
from radbridge.dicom_edge.domain.part10 import read_file_meta
from radbridge.dicom_edge.leftovers import Leftovers, Outcome
from radbridge.dicom_edge.main import SERVICE
from radbridge.dicom_edge.mover import Mover
from radbridge.dicom_edge.volume import Volume
from radbridge.runtime.testing import running_service


@pytest.mark.real
async def test_the_life_of_objects(tmp_path: Path, postgres_database: str, ct: Any) -> None:
    settings = {"dicom_port": 0, "database_url": postgres_database}
    async with running_service(SERVICE, tmp_path / "suite", settings=settings) as running:
        hospital = await running.add_institution()
        port = (await running.admin.get("/api/dicom-edge/v1/stats")).json()["dicom_port"]
        files = [ct.as_file(ct.image(InstanceNumber=n)) for n in range(4)]
        uids = [read_file_meta(file).sop_instance_uid for file in files]
        assert await asyncio.to_thread(ct.sender(port).send, *files, files[0]) == [0x0000] * 5
        other = ct.as_file(ct.image(SOPInstanceUID=uids[0], PatientName="Li^Si"))
        assert await asyncio.to_thread(ct.sender(port).send, other) == [0x0111]

        for query in (
            "StudyDate=20240101-20241231&PatientID=P-0001&AccessionNumber=ACC1&ModalitiesInStudy=CT",
            "PatientName=zhang*",
        ):
            [study] = (await running.admin.get(f"/dicom-web/studies?{query}")).json()
            assert study["00201208"]["Value"] == [4]
        assert len((await running.admin.get("/dicom-web/studies/1.2.3.4.5/series")).json()) == 1
        assert len((await running.admin.get("/dicom-web/instances?limit=3&offset=1")).json()) == 3

        events: list[ImagesStored] = []
        async with asyncio.timeout(60):
            while not events:
                events = [body for _, body in await running.events(ImagesStored)]
        assert (events[0].instances, events[0].new_instances) == (4, 4)

        database, clock = running.resources.database, running.resources.clock
        volume = Volume(running.resources.data_dir, free_bytes_min=0, object_bytes_max=1 << 30)
        await asyncio.to_thread(volume.prepare)
        leftovers = Leftovers(
            volume,
            running.resources.blobs,
            database,
            running.resources.keyring,
            running.resources.vault,
            on_new=lambda _: None,
        )
        for uid, moved in ((uids[0], False), (uids[1], True)):
            if moved:
                await database.write_one("UPDATE instance SET volume_id = NULL WHERE sop_instance_uid = $1", uid)
            else:
                await database.write_one("DELETE FROM instance WHERE sop_instance_uid = $1", uid)
            assert await leftovers.settle() == {Outcome.INDEXED: 1}
            assert await leftovers.settle() == {}
        await database.write_one("UPDATE instance SET announced = 1 WHERE announced = 0")
        mover = Mover(volume, running.resources.blobs, database, clock=clock, move_after=timedelta())
        assert await mover.move_batch() == 4
        base = "/dicom-web/studies/1.2.3.4.5/series/1.2.3.4.5.1/instances/"
        for uid, file in zip(uids, files, strict=True):
            given = await running.admin.get(base + uid, headers={"accept": "application/dicom"})
            assert ct.data_set(given.content) == ct.data_set(file)

        commitments = Commitments(database, running.resources.directory, clock=clock)
        request = CommitmentRequest("1.2.3", (Reference("1.2.840.10008.5.1.4.1.1.2", uids[0]), Reference("1", "9.9")))
        kept = await commitments.keep(hospital.id, "HOSPITAL_A", request)
        verdict = await commitments.judge(kept)
        assert (len(verdict.committed), len(verdict.failed)) == (1, 1)
        await commitments.returned(kept)
        [waiting] = await commitments.pending(hospital.id, "HOSPITAL_A")
        await commitments.delivered(waiting)
        assert await commitments.pending(hospital.id, "HOSPITAL_A") == []
        stats = (await running.admin.get("/api/dicom-edge/v1/stats")).json()
        assert (stats["instances"], stats["instances_on_volume"], stats["instances_unannounced"]) == (4, 0, 0)

        newer = ct.as_file(ct.image(InstanceNumber=9))
        assert await asyncio.to_thread(ct.sender(port).send, newer) == [0x0000]
        [path] = (running.resources.data_dir / "objects").rglob("*.dcm")
        damaged = path.read_bytes()
        path.write_bytes(damaged[:-1] + bytes([damaged[-1] ^ 1]))
        await mover.move_batch()
        [held] = (await running.admin.get("/api/dicom-edge/v1/quarantine")).json()
        assert (held["institution_id"], held["reason"]) == (hospital.id, "damaged_on_volume")
        assert held["sop_instance_uid"] == read_file_meta(newer).sop_instance_uid
        assert await asyncio.to_thread(ct.sender(port).send, newer) == [0x0000]
        assert (await running.admin.get("/api/dicom-edge/v1/quarantine")).json() == []
