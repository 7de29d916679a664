"""Files on the volume that the index does not name: after a crash, and where the database is older than the volume."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from radbridge.contracts.events.images import ImagesStored
from radbridge.dicom_edge.domain.part10 import read_file_meta
from radbridge.dicom_edge.leftovers import Leftovers, Outcome
from radbridge.dicom_edge.volume import Volume
from radbridge.runtime.testing import eventually

INSTANCE = "/dicom-web/studies/1.2.3.4.5/series/1.2.3.4.5.1/instances/"


async def given(edge: Any, file: bytes) -> Any:
    uid = read_file_meta(file).sop_instance_uid
    return await edge.admin.get(INSTANCE + uid, headers={"accept": "application/dicom"})


def is_served(edge: Any, ct: Any, file: bytes) -> Callable[[], Awaitable[bool]]:
    async def served() -> bool:
        answer = await given(edge, file)
        return answer.status_code == 200 and ct.data_set(answer.content) == ct.data_set(file)

    return served


def files_in(edge: Any, folder: str = "objects") -> list[Path]:
    return [path for path in (edge.running.resources.data_dir / folder).rglob("*") if path.is_file()]


async def forget(edge: Any, *uids: str) -> None:
    """Bring the index back to what it was before it knew these objects."""
    for uid in uids:
        await edge.running.resources.database.write_one("DELETE FROM instance WHERE sop_instance_uid = $1", uid)
    await edge.running.resources.database.write_one("DELETE FROM series WHERE 1 = 1")
    await edge.running.resources.database.write_one("DELETE FROM study WHERE 1 = 1")


@pytest.fixture
def only_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The running service leaves the volume to the test."""

    async def done(_: Leftovers) -> None:
        return

    monkeypatch.setattr(Leftovers, "run", done)


async def settle(edge: Any, on_new: Callable[[str], None] = lambda _: None) -> dict[Outcome, int]:
    """One pass over the volume, as at a start."""
    resources = edge.running.resources
    volume = Volume(resources.data_dir, free_bytes_min=0, object_bytes_max=1 << 30)
    await asyncio.to_thread(volume.prepare)
    leftovers = Leftovers(
        volume, resources.blobs, resources.database, resources.keyring, resources.vault, on_new=on_new
    )
    return dict(await leftovers.settle())


@pytest.mark.proves("SX-045")
async def test_acknowledged_objects_that_a_restored_database_lacks_are_served_again(start_edge: Any, ct: Any) -> None:
    by_dimse, by_stow = ct.as_file(ct.image()), ct.as_file(ct.image())
    async with start_edge() as edge:
        assert await asyncio.to_thread(ct.sender(edge.port).send, by_dimse) == [0x0000]
        auth = (edge.hospital.access_key, edge.hospital.secret_key)
        headers = {"content-type": "application/dicom"}
        answer = await edge.running.client.post("/dicom-web/studies", content=by_stow, auth=auth, headers=headers)
        assert answer.status_code == 200
        await forget(edge, *(read_file_meta(file).sop_instance_uid for file in (by_dimse, by_stow)))
        assert (await given(edge, by_dimse)).status_code == 404
    async with start_edge() as edge:
        for file in (by_dimse, by_stow):
            await eventually(is_served(edge, ct, file))
        [study] = (await edge.admin.get("/dicom-web/studies?PatientName=zhang*")).json()
        assert study["00201208"]["Value"] == [2]
        assert len(files_in(edge)) == 2


@pytest.mark.usefixtures("only_when_told")
async def test_what_is_indexed_again_is_announced(edge: Any, sender: Any, ct: Any) -> None:
    file = ct.as_file(ct.image())
    await asyncio.to_thread(sender.send, file)
    await forget(edge, read_file_meta(file).sop_instance_uid)
    studies: list[str] = []
    assert await settle(edge, studies.append) == {Outcome.INDEXED: 1}
    [(_, event)] = await edge.running.events(ImagesStored)
    assert studies == [event.study_id]
    assert await settle(edge) == {}


@pytest.mark.usefixtures("only_when_told")
async def test_an_object_of_an_institution_whose_keys_are_not_here_waits(edge: Any, sender: Any, ct: Any) -> None:
    file = ct.as_file(ct.image())
    await asyncio.to_thread(sender.send, file)
    await forget(edge, read_file_meta(file).sop_instance_uid)
    [path] = files_in(edge)
    stranger = path.rename(path.with_name(path.name.replace(edge.hospital.id, "stranger")))
    assert await settle(edge) == {Outcome.WAITS: 1}
    stranger.rename(path)
    assert await settle(edge) == {Outcome.INDEXED: 1}
    assert await is_served(edge, ct, file)()


@pytest.mark.usefixtures("only_when_told")
async def test_a_second_copy_goes_only_where_the_first_is_held(edge: Any, sender: Any, ct: Any) -> None:
    file = ct.as_file(ct.image())
    await asyncio.to_thread(sender.send, file)
    [first] = files_in(edge)
    second = first.with_name(first.name.replace(first.stem[-8:-2], "000000"))
    second.write_bytes(first.read_bytes())
    assert await settle(edge) == {Outcome.REMOVED: 1}
    assert files_in(edge) == [first]
    first.rename(second)
    assert await settle(edge) == {Outcome.INDEXED: 1}
    assert files_in(edge) == [second]
    assert await is_served(edge, ct, file)()


@pytest.mark.usefixtures("only_when_told")
async def test_a_moved_object_that_the_store_lost_lies_on_the_volume_again(edge: Any, sender: Any, ct: Any) -> None:
    """The bucket is older than the volume: the row says moved, the store has nothing."""
    file = ct.as_file(ct.image())
    await asyncio.to_thread(sender.send, file)
    await edge.running.resources.database.write_one("UPDATE instance SET volume_id = NULL")
    assert (await given(edge, file)).status_code == 410
    assert await settle(edge) == {Outcome.INDEXED: 1}
    assert await is_served(edge, ct, file)()


@pytest.mark.usefixtures("only_when_told")
async def test_what_cannot_be_indexed_is_set_aside_and_told(
    edge: Any, sender: Any, ct: Any, caplog: pytest.LogCaptureFixture
) -> None:
    file = ct.as_file(ct.image())
    other = ct.as_file(ct.image(SOPInstanceUID=read_file_meta(file).sop_instance_uid, PatientName="Li^Si"))
    await asyncio.to_thread(sender.send, file)
    folder = edge.running.resources.data_dir / "objects" / "00"
    unreadable = {
        "0190-00.dcm": ct.as_file(ct.image()),  # of an older version: no institution in its name
        f"{edge.hospital.id}.0191-00.dcm": file[:-9],
        f"{edge.hospital.id}.0192-00.dcm": b"",
        f"{edge.hospital.id}.0193-00.dcm": other,
    }
    for name, content in unreadable.items():
        (folder / name).write_bytes(content)
    (folder / f"{edge.hospital.id}.0194-00.dcm").mkdir()
    with caplog.at_level(logging.WARNING, "radbridge.dicom_edge.leftovers"):
        assert await settle(edge) == {Outcome.SET_ASIDE: 5}
    aside = edge.running.resources.data_dir / "set-aside"
    assert {path.name: path.read_bytes() for path in files_in(edge, "set-aside")} == unreadable
    assert f"5 files that the index has no place for lie in {aside}" in caplog.text
    assert len(files_in(edge)) == 1
    assert await is_served(edge, ct, file)()


@pytest.mark.usefixtures("only_when_told")
async def test_what_was_not_received_whole_goes(edge: Any) -> None:
    draft = edge.running.resources.data_dir / "objects" / "00" / f"{edge.hospital.id}.0190-00.part"
    draft.write_bytes(b"half of")
    assert await settle(edge) == {}
    assert files_in(edge) == []


def test_what_is_being_received_stays(tmp_path: Path) -> None:
    volume = Volume(tmp_path, free_bytes_min=0, object_bytes_max=1 << 20)
    volume.prepare()
    incoming = volume.create(b"first half", owner="h1")
    path = volume.path(incoming.name)
    assert (volume.owner(incoming.name), volume.is_receiving(incoming.name)) == ("h1", True)
    assert volume.remove_drafts() == 0
    incoming.write(b", second half")
    assert not path.exists()
    incoming.sync()
    incoming.keep()
    assert volume.names(path.parent) == [incoming.name]
    incoming.close()
    assert path.read_bytes() == b"first half, second half"
    assert not volume.is_receiving(incoming.name)
    with volume.create(b"refused", owner="h1") as refused:
        doubtful = volume.create(b"?", owner="h1")
        doubtful.sync()
        doubtful.keep()
        doubtful.doubt()
        doubtful.close()
    assert volume.is_receiving(doubtful.name)
    assert not volume.is_receiving(refused.name)
    assert not any(path.suffix == ".part" for path in tmp_path.rglob("*"))


async def test_many_files_are_told_from_few_rows_page_by_page(
    edge: Any, sender: Any, ct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radbridge.dicom_edge.leftovers._NAMES_PAGE", 2)
    files = [ct.as_file(ct.image()) for _ in range(7)]
    await asyncio.to_thread(sender.send, *files)
    await edge.running.resources.database.write_one("UPDATE instance SET received_at = 1 WHERE 1 = 1")
    assert await settle(edge) == {}
    await forget(edge, read_file_meta(files[3]).sop_instance_uid)
    assert await settle(edge) == {Outcome.INDEXED: 1}
