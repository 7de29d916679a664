"""STOW-RS: uploads stream to the volume and are answered object by object."""

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from pydicom.uid import generate_uid
from starlette.requests import ClientDisconnect

from radbridge.contracts.events.audit import AccessRecorded
from radbridge.dicom_edge.domain.part10 import read_file_meta

MULTIPART = 'multipart/related; type="application/dicom"; boundary=frontier'


def body(*files: bytes, content_type: str = "application/dicom") -> bytes:
    parts = [b"--frontier\r\nContent-Type: " + content_type.encode() + b"\r\n\r\n" + file + b"\r\n" for file in files]
    return b"".join(parts) + b"--frontier--\r\n"


@pytest.fixture
def auth(edge: Any) -> tuple[str, str]:
    return edge.hospital.access_key, edge.hospital.secret_key


async def post(edge: Any, auth: Any, content: Any, *, path: str = "/dicom-web/studies", kind: str = MULTIPART) -> Any:
    return await edge.running.client.post(path, content=content, auth=auth, headers={"content-type": kind})


async def test_objects_are_stored_as_sent(edge: Any, auth: Any, ct: Any) -> None:
    files = [ct.as_file(ct.image()) for _ in range(3)]
    answer = await post(edge, auth, body(*files))
    assert answer.status_code == 200
    stored = answer.json()["00081199"]["Value"]
    assert [one["00081155"]["Value"][0] for one in stored] == [read_file_meta(f).sop_instance_uid for f in files]
    for one, file in zip(stored, files, strict=True):
        address = one["00081190"]["Value"][0].removeprefix("http://127.0.0.1:8080")
        given = await edge.admin.get(address, headers={"accept": "application/dicom"})
        assert given.content == file


async def test_a_large_upload_streams(edge: Any, auth: Any, ct: Any) -> None:
    """Beyond the limit of other requests; it comes in small pieces and boundaries fall anywhere."""
    file = ct.as_file(ct.image(Rows=5000, Columns=7000, PixelData=bytes(70_000_000)))

    async def pieces() -> AsyncIterator[bytes]:
        whole = body(file, ct.as_file(ct.image()))
        for start in range(0, len(whole), 999_983):
            yield whole[start : start + 999_983]

    answer = await post(edge, auth, pieces())
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["00081199"]["Value"]) == 2


async def test_each_bad_object_is_named_with_its_reason(edge: Any, auth: Any, ct: Any) -> None:
    uid = generate_uid()
    good = ct.as_file(ct.image(SOPInstanceUID=uid))
    other = ct.as_file(ct.image(SOPInstanceUID=uid, PatientName="Li^Si"))
    no_study = ct.as_file(ct.image(StudyInstanceUID=None))
    answer = await post(edge, auth, body(good, other, no_study, b"<html>no object</html>", good[:-9], b""))
    assert answer.status_code == 202
    reasons = [one["00081197"]["Value"][0] for one in answer.json()["00081198"]["Value"]]
    assert reasons == [0x0111, 0xC001, 0xC000, 0xC000, 0xC000]
    assert (await post(edge, auth, body(b"nothing"))).status_code == 409


async def test_objects_of_another_study_than_the_path_names_are_refused(edge: Any, auth: Any, ct: Any) -> None:
    answer = await post(edge, auth, body(ct.as_file(ct.image())), path="/dicom-web/studies/1.2.9")
    assert answer.status_code == 409
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xC002]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"--frontier\r\nContent-Type: application/dicom\r\n\r\ncut", MULTIPART, 400),
        (b"", MULTIPART, 400),
        (b"--frontier--\r\n", MULTIPART, 400),
        (b"--frontier\r\nno colon\r\n\r\nx\r\n--frontier--", MULTIPART, 400),
        (b"--frontier\r\n" + b"x" * 40_000, MULTIPART, 400),
        (b"x", "multipart/related; type=application/dicom", 400),
        (b"{}", "application/json", 415),
        (b"--frontier--", 'multipart/related; type="application/dicom+json"; boundary=frontier', 415),
    ],
)
async def test_malformed_uploads_are_refused(edge: Any, auth: Any, content: bytes, kind: str, status: int) -> None:
    assert (await post(edge, auth, content, kind=kind)).status_code == status
    assert list((edge.running.resources.data_dir / "objects").rglob("*.dcm")) == []


@pytest.mark.parametrize("disconnects", [False, True])
async def test_what_came_before_a_cut_is_announced_metered_and_audited(
    edge: Any, auth: Any, ct: Any, disconnects: bool
) -> None:
    cut = body(ct.as_file(ct.image()), ct.as_file(ct.image()))[:-400]

    async def pieces() -> AsyncIterator[bytes]:
        yield cut
        if disconnects:
            raise ClientDisconnect

    if disconnects:
        with suppress(AssertionError):  # httpx insists on an answer
            await post(edge, auth, pieces())
    else:
        assert (await post(edge, auth, pieces())).status_code == 400
    stats = (await edge.admin.get("/api/dicom-edge/v1/stats")).json()
    assert stats["instances"] == 1
    stores = [one for _, one in await edge.running.events(AccessRecorded) if one.action == "dicomweb.store"]
    assert [one.study_uid for one in stores] == ["1.2.3.4.5"]
    page = edge.running.resources.meters.board.exposition().decode()
    assert re.search(r"radbridge_dicom_objects\w*{[^}]*SUCCESS[^}]*} 1\.0", page), page


async def test_only_hospitals_and_admins_store(edge: Any, auth: Any, ct: Any) -> None:
    content = body(ct.as_file(ct.image()))
    headers = {"content-type": MULTIPART}
    assert (await edge.running.client.post("/dicom-web/studies", content=content, headers=headers)).status_code == 401
    token = edge.running.resources.authenticator.service_token("portal")
    denied = {**headers, "authorization": f"Bearer {token}"}
    assert (await edge.running.client.post("/dicom-web/studies", content=content, headers=denied)).status_code == 403
    assert (await edge.admin.post("/dicom-web/studies", content=content, headers=headers)).status_code == 400
    for client, status in ((edge.admin, 200),):
        query = {"hospitalCode": "HOSPITAL-A"}
        answer = await client.post("/dicom-web/studies", params=query, content=content, headers=headers)
        assert answer.status_code == status
    foreign = await post(edge, auth, content, path="/dicom-web/studies?hospitalCode=HOSPITAL-B")
    assert foreign.status_code == 403
