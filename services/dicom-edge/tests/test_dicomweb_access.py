"""Who reads what by DICOMweb: nobody without a token, a link its studies, a hospital its own; all of it recorded."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from radbridge.contracts.events.audit import AccessRecorded
from radbridge.runtime.security.links import ViewGrant
from radbridge.runtime.security.sessions import COOKIE, Session

STUDY = "/dicom-web/studies/1.2.3.4.5"
EVERY_KIND = [
    "/dicom-web/studies",
    "/dicom-web/series",
    "/dicom-web/instances",
    f"{STUDY}/series",
    STUDY,
    f"{STUDY}/metadata",
    f"{STUDY}/series/1.2.3.4.5.1/instances/1.1/frames/1",
    f"{STUDY}/series/1.2.3.4.5.1/instances/1.1/bulkdata/7FE00010",
]


@pytest.fixture(autouse=True)
async def one_study_each(edge: Any, ct: Any) -> None:
    own = ct.as_file(ct.image(SOPInstanceUID="1.1"))
    foreign = ct.as_file(ct.image(SOPInstanceUID="2.1", StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.9.1"))
    assert await asyncio.to_thread(ct.sender(edge.port).send, own) == [0x0000]
    assert await asyncio.to_thread(ct.sender(edge.port, "HOSPITAL_B").send, foreign) == [0x0000]


def link(edge: Any, *study_uids: str, institution_id: str | None = None) -> dict[str, str]:
    grant = ViewGrant(
        actor="patient:n1", institution_id=institution_id, study_uids=study_uids, exam_id="e1", report_id="r1",
        purpose="view",
    )  # fmt: skip
    token = edge.running.resources.links.issue(grant, timedelta(minutes=15))
    return {"authorization": f"Bearer {token}"}


def found(answer: Any) -> list[str]:
    return [] if answer.status_code == 204 else [one["0020000D"]["Value"][0] for one in answer.json()]


@pytest.mark.parametrize("path", EVERY_KIND)
async def test_nothing_without_a_token(edge: Any, path: str) -> None:
    client = edge.running.client
    assert (await client.get(path)).status_code == 401
    for wrong in ("Bearer wrong", "Basic d3Jvbmc6d3Jvbmc=", "Basic %%%"):
        assert (await client.get(path, headers={"authorization": wrong})).status_code == 401


@pytest.mark.parametrize("path", EVERY_KIND)
async def test_the_admin_token_reads_everything(edge: Any, path: str) -> None:
    assert (await edge.admin.get(path)).status_code == 200


async def test_a_link_reads_its_study_only(edge: Any) -> None:
    client, headers = edge.running.client, link(edge, "1.2.3.4.5")
    for path in EVERY_KIND:
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 200, path
    assert found(await client.get("/dicom-web/studies", headers=headers)) == ["1.2.3.4.5"]
    for path in ("/dicom-web/studies/1.2.9", "/dicom-web/studies/1.2.9/series", "/dicom-web/studies/1.2.9/metadata"):
        assert (await client.get(path, headers=headers)).status_code == 403
    by_query = headers["authorization"].removeprefix("Bearer ")
    assert (await client.get(f"{STUDY}/metadata", params={"token": by_query})).status_code == 200


@pytest.mark.parametrize("role", ["admin", "doctor"])
async def test_a_link_in_the_address_counts_beside_a_session(edge: Any, role: str) -> None:
    client, authenticator = edge.running.client, edge.running.resources.authenticator
    client.cookies.set(COOKIE, authenticator.sessions.issue(Session(subject="u", name="", roles=frozenset({role}))))
    token = link(edge, "1.2.3.4.5")["authorization"].removeprefix("Bearer ")
    answer = await client.get("/dicom-web/studies", params={"token": token})
    assert (answer.status_code, found(answer)) == (200, ["1.2.3.4.5"])


async def test_a_link_of_another_institution_finds_nothing(edge: Any) -> None:
    headers = link(edge, "1.2.3.4.5", institution_id=edge.other.id)
    assert (await edge.running.client.get(STUDY, headers=headers)).status_code == 404


async def test_a_hospital_reads_its_own(edge: Any) -> None:
    client = edge.running.client
    auth = (edge.hospital.access_key, edge.hospital.secret_key)
    assert found(await client.get("/dicom-web/studies", auth=auth)) == ["1.2.3.4.5"]
    assert (await client.get(STUDY, auth=auth)).status_code == 200
    assert (await client.get("/dicom-web/studies/1.2.9", auth=auth)).status_code == 404
    refused = await client.get(STUDY, auth=(edge.hospital.access_key, "wrong"))
    assert (refused.status_code, refused.json()["detail"]) == (401, "The access key or the secret key is wrong.")


async def test_a_service_token_reads_no_images(edge: Any) -> None:
    token = edge.running.resources.authenticator.service_token("portal")
    headers = {"authorization": f"Bearer {token}"}
    assert (await edge.running.client.get(STUDY, headers=headers)).status_code == 403
    stats = (await edge.running.client.get("/api/dicom-edge/v1/stats", headers=headers)).json()
    assert (stats["studies"], stats["instances"]) == (2, 2)


@pytest.mark.proves("JS-013")
async def test_reads_leave_one_audit_event_for_a_while(edge: Any) -> None:
    client, headers = edge.running.client, link(edge, "1.2.3.4.5")
    for _ in range(3):
        await client.get(f"{STUDY}/metadata", headers=headers)
    await client.get("/dicom-web/studies/1.2.9", headers=headers)
    await edge.admin.get(STUDY)
    records = {
        (body.actor, body.action, body.institution_id, body.study_uid, body.allowed)
        for _, body in await edge.running.events(AccessRecorded)
    }
    assert records == {
        ("patient:n1", "dicomweb.retrieve", edge.hospital.id, "1.2.3.4.5", True),
        ("patient:n1", "dicomweb.retrieve", None, "1.2.9", False),
        ("admin", "dicomweb.retrieve", edge.hospital.id, "1.2.3.4.5", True),
    }
    assert len(await edge.running.events(AccessRecorded)) == 3


async def test_nothing_personal_lies_in_clear_but_the_objects_themselves(edge: Any) -> None:
    await edge.admin.get(f"{STUDY}/metadata")
    folder = edge.running.resources.data_dir.parent
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".dcm":
            content = path.read_bytes()
            assert b"Zhang" not in content, path
            assert b"P-0001" not in content, path
