"""``images.stored``, moving and quarantine: nothing is announced twice or forgotten; objects are served all along."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from radbridge.contracts.events.images import ImagesStored
from radbridge.dicom_edge.domain.part10 import read_file_meta
from radbridge.dicom_edge.entries import study_id_of
from radbridge.dicom_edge.mover import Mover
from radbridge.dicom_edge.volume import Volume
from radbridge.runtime.blobs.protocol import BlobUnavailable
from radbridge.runtime.testing import eventually

INSTANCE = "/dicom-web/studies/1.2.3.4.5/series/1.2.3.4.5.1/instances/"


async def announced(edge: Any, instances: int) -> list[ImagesStored]:
    """Events, once the newest one counts so many objects."""
    async with asyncio.timeout(60):
        while True:
            events = [body for _, body in await edge.running.events(ImagesStored)]
            if events and events[-1].instances >= instances:
                return events
            await asyncio.sleep(0.05)


async def given(edge: Any, file: bytes) -> Any:
    uid = read_file_meta(file).sop_instance_uid
    return await edge.admin.get(INSTANCE + uid, headers={"accept": "application/dicom"})


def objects_in(edge: Any) -> int:
    return len(list((edge.running.resources.data_dir / "objects").rglob("*.dcm")))


async def none_in(edge: Any) -> bool:
    return objects_in(edge) == 0


async def mover_of(edge: Any) -> Mover:
    resources = edge.running.resources
    volume = Volume(resources.data_dir, free_bytes_min=0, object_bytes_max=1 << 30)
    await asyncio.to_thread(volume.prepare)
    return Mover(volume, resources.blobs, resources.database, clock=resources.clock, move_after=timedelta())


@pytest.mark.proves("SX-045")
async def test_one_event_for_what_arrived_and_none_for_repeats(edge: Any, sender: Any, ct: Any) -> None:
    files = [ct.as_file(ct.image()) for _ in range(4)]
    await asyncio.to_thread(sender.send, *files)
    [event] = await announced(edge, 4)
    assert event.study_id == study_id_of(edge.hospital.id, "1.2.3.4.5")
    assert (event.institution_id, event.study_uid, event.accession_number) == (edge.hospital.id, "1.2.3.4.5", "ACC1")
    assert (event.modalities, event.instances, event.new_instances) == (["CT"], 4, 4)
    assert [(one.series_uid, one.instances) for one in event.series] == [("1.2.3.4.5.1", 4)]
    await asyncio.to_thread(sender.send, *files)
    await asyncio.to_thread(sender.send, ct.as_file(ct.image()))
    events = await announced(edge, 5)
    assert [(one.instances, one.new_instances) for one in events] == [(4, 4), (5, 1)]


async def test_what_a_crash_left_unannounced_is_announced_by_the_next_start(
    start_edge: Any, ct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("radbridge.dicom_edge.announcer.Announcer.arrived", lambda self, study_id: None)
        async with start_edge() as edge:
            await asyncio.to_thread(ct.sender(edge.port).send, ct.as_file(ct.image()))
            assert (await edge.admin.get("/api/dicom-edge/v1/stats")).json()["instances_unannounced"] == 1
    monkeypatch.setenv("RADBRIDGE_DICOM_EDGE_QUIET_SECONDS", "0.1")
    async with start_edge() as edge:
        [event] = await announced(edge, 1)
        assert event.new_instances == 1


@pytest.mark.proves("SZ-042", "SZ-038")
async def test_objects_are_served_before_while_and_after_they_move(edge: Any, sender: Any, ct: Any) -> None:
    files = [ct.as_file(ct.image()) for _ in range(3)]
    await asyncio.to_thread(sender.send, *files)
    before = [(await given(edge, file)).content for file in files]
    assert [ct.data_set(one) for one in before] == [ct.data_set(file) for file in files]
    assert await (await mover_of(edge)).move_batch() == 3
    assert objects_in(edge) == 0
    assert [(await given(edge, file)).content for file in files] == before
    frame = await edge.admin.get(INSTANCE + read_file_meta(files[0]).sop_instance_uid + "/frames/1")
    assert frame.status_code == 200
    assert (await edge.admin.get("/api/dicom-edge/v1/stats")).json()["instances_on_volume"] == 0


async def test_a_reader_that_looked_before_the_move_is_served_after_it(
    edge: Any, sender: Any, ct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ct.as_file(ct.image())
    await asyncio.to_thread(sender.send, file)
    mover = await mover_of(edge)
    from radbridge.dicom_edge.api import wado

    find = wado.instances_to_serve

    async def find_then_move(*arguments: Any, **options: Any) -> Any:
        found = await find(*arguments, **options)
        await mover.move_batch()
        return found

    monkeypatch.setattr(wado, "instances_to_serve", find_then_move)
    assert ct.data_set((await given(edge, file)).content) == ct.data_set(file)


@pytest.mark.parametrize("point", ["put", "commit"])
async def test_a_move_that_breaks_anywhere_is_finished_by_the_next(
    start_edge: Any, ct: Any, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """Broken after the blob was put: the row still names the volume. After the commit: a file without a row."""
    file = ct.as_file(ct.image())
    async with start_edge() as edge:
        await asyncio.to_thread(ct.sender(edge.port).send, file)
        mover = await mover_of(edge)
        broken = "store.mark_moved" if point == "put" else "volume.Volume.remove"
        with monkeypatch.context() as patch:
            patch.setattr(f"radbridge.dicom_edge.{broken}", _fails)
            with pytest.raises(Crash):
                await mover.move_batch()
        assert ct.data_set((await given(edge, file)).content) == ct.data_set(file)
    async with start_edge() as edge:
        await (await mover_of(edge)).move_batch()
        await eventually(lambda: none_in(edge))
        assert ct.data_set((await given(edge, file)).content) == ct.data_set(file)


class Crash(Exception):
    """The process ends here."""


def _fails(*_: Any, **__: Any) -> None:
    raise Crash


async def test_while_the_object_store_is_away_objects_stay_and_are_served(
    edge: Any, sender: Any, ct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ct.as_file(ct.image())
    await asyncio.to_thread(sender.send, file)

    async def away(*_: Any) -> None:
        raise BlobUnavailable("away")

    monkeypatch.setattr(edge.running.resources.blobs, "put_file", away)
    with pytest.raises(BlobUnavailable):
        await (await mover_of(edge)).move_batch()
    assert (await given(edge, file)).status_code == 200


@pytest.mark.proves("CQ-024")
async def test_a_damaged_object_is_held_back_with_its_reason_until_it_comes_again(
    edge: Any, sender: Any, ct: Any
) -> None:
    file = ct.as_file(ct.image())
    await asyncio.to_thread(sender.send, file)
    [path] = (edge.running.resources.data_dir / "objects").rglob("*.dcm")
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    await (await mover_of(edge)).move_batch()
    assert (await given(edge, file)).status_code == 404
    [held] = (await edge.admin.get("/api/dicom-edge/v1/quarantine")).json()
    assert held["reason"] == "damaged_on_volume"
    assert held["sop_instance_uid"] == read_file_meta(file).sop_instance_uid
    assert await asyncio.to_thread(sender.send, file) == [0x0000]
    assert ct.data_set((await given(edge, file)).content) == ct.data_set(file)
    assert (await edge.admin.get("/api/dicom-edge/v1/quarantine")).json() == []


async def test_a_file_that_cannot_be_read_holds_up_none_behind_it(edge: Any, sender: Any, ct: Any) -> None:
    bad, good = ct.as_file(ct.image()), ct.as_file(ct.image())
    await asyncio.to_thread(sender.send, bad)
    [path] = (edge.running.resources.data_dir / "objects").rglob("*.dcm")
    path.unlink()
    path.mkdir()
    await asyncio.to_thread(sender.send, good)
    assert await (await mover_of(edge)).move_batch() == 2
    stats = (await edge.admin.get("/api/dicom-edge/v1/stats")).json()
    assert (stats["instances_on_volume"], stats["quarantined"]) == (1, 1)
    [held] = (await edge.admin.get("/api/dicom-edge/v1/quarantine")).json()
    assert (held["sop_instance_uid"], held["reason"]) == (read_file_meta(bad).sop_instance_uid, "damaged_on_volume")
    assert ct.data_set((await given(edge, good)).content) == ct.data_set(good)


async def test_what_was_put_before_the_store_went_away_counts_as_moved(
    edge: Any, sender: Any, ct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(sender.send, ct.as_file(ct.image()), ct.as_file(ct.image()))
    put_file = edge.running.resources.blobs.put_file

    async def once(name: str, path: Any) -> None:
        monkeypatch.setattr(edge.running.resources.blobs, "put_file", away)
        await put_file(name, path)

    async def away(*_: Any) -> None:
        raise BlobUnavailable("away")

    monkeypatch.setattr(edge.running.resources.blobs, "put_file", once)
    with pytest.raises(BlobUnavailable):
        await (await mover_of(edge)).move_batch()
    assert (await edge.admin.get("/api/dicom-edge/v1/stats")).json()["instances_on_volume"] == 1


async def test_an_object_that_moved_after_the_databases_backup_is_served_from_the_store(
    edge: Any, sender: Any, ct: Any
) -> None:
    """A restored row names the volume, where the file was until it moved."""
    moved, gone = ct.as_file(ct.image()), ct.as_file(ct.image())
    await asyncio.to_thread(sender.send, moved)
    database = edge.running.resources.database
    [row] = await database.fetch("SELECT volume_id FROM instance")
    mover = await mover_of(edge)
    await mover.move_batch()
    await asyncio.to_thread(sender.send, gone)
    [path] = (edge.running.resources.data_dir / "objects").rglob("*.dcm")
    path.unlink()
    await database.write_one("UPDATE instance SET volume_id = $1", row["volume_id"])
    await mover.move_batch()
    assert ct.data_set((await given(edge, moved)).content) == ct.data_set(moved)
    [held] = (await edge.admin.get("/api/dicom-edge/v1/quarantine")).json()
    assert (held["sop_instance_uid"], held["reason"]) == (read_file_meta(gone).sop_instance_uid, "missing_on_volume")
