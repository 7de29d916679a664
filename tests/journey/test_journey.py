"""One exam's whole journey on the embedded suite, and its wrong turns."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,  # pyright: ignore[reportAttributeAccessIssue]
    StorageCommitmentPushModelInstance,
)

from radbridge.cli.demo.gateways import running_gateways
from radbridge.cli.demo.journey import REQUIRED_KINDS, StepDone
from radbridge.cli.demo.parties import Credentials
from radbridge.contracts.dialects.shanxi_v2_1 import examples
from tests.support.journeys import eventually, journey, travel, until_whole
from tests.support.suites import EmbeddedSuite


@pytest.mark.proves("SX-041", "SX-042", "SX-045", "NJ-063", "NJ-064")
def test_the_whole_journey(suite: EmbeddedSuite, tmp_path: Path) -> None:
    done: list[StepDone] = []
    with running_gateways() as gateways:
        made = journey(suite, gateways, tmp_path, done).run()
    assert len(done) >= 10
    steps = suite.client().get(f"/api/portal/v1/exams/{made['exam_id']}").json()["steps"]
    assert {step["kind"] for step in steps} >= REQUIRED_KINDS


def test_a_second_journey_on_the_same_data(suite: EmbeddedSuite, tmp_path: Path) -> None:
    with running_gateways() as gateways:
        travel(suite, gateways, tmp_path)


def test_a_journey_beside_a_storage_commitment_that_still_waits(suite: EmbeddedSuite, tmp_path: Path) -> None:
    with running_gateways() as gateways:
        party = journey(suite, gateways, tmp_path)
        leave_a_commitment_waiting(party.set_up.hospital_a, suite.dicom_port)
        party.run()


def test_the_demonstration_leaves_other_hospitals_alone(suite: EmbeddedSuite, tmp_path: Path) -> None:
    client = suite.client()
    known = {"code": examples.HOSPITAL_CODE, "name": examples.HOSPITAL_NAME, "dialect": "shanxi", "ae_title": "DEMO_A"}
    client.post("/api/ingest-api/v1/institutions", json=known).raise_for_status()
    accounts = f"/api/notify/v1/institutions/{examples.HOSPITAL_CODE}/channels"
    sms = {"access_key_id": "k", "access_key_secret": "s", "sign_name": "签名", "templates": {"report_ready": "SMS_1"}}
    client.put(f"{accounts}/aliyun_sms", json=sms).raise_for_status()
    hospital = f"/api/ingest-api/v1/institutions/{examples.HOSPITAL_CODE}"
    before = [client.get(address).raise_for_status().json() for address in (hospital, accounts)]
    with running_gateways() as gateways:
        journey(suite, gateways, tmp_path)
    assert [client.get(address).raise_for_status().json() for address in (hospital, accounts)] == before


def leave_a_commitment_waiting(hospital: Credentials, dicom_port: int) -> None:
    """Ask for storage commitment and be gone before the result is acknowledged."""
    asked = Dataset()
    asked.TransactionUID = generate_uid()
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, generate_uid()
    asked.ReferencedSOPSequence = [item]
    ae = AE(ae_title=hospital.ae_title)
    ae.add_requested_context(StorageCommitmentPushModel)
    assoc = ae.associate(
        "127.0.0.1",
        dicom_port,
        ae_title=hospital.called_ae_title,
        evt_handlers=[(evt.EVT_N_EVENT_REPORT, lambda event: event.assoc.abort())],
    )
    status, _ = assoc.send_n_action(asked, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    assert status.Status == 0
    eventually(lambda: assoc.is_aborted, bool)


def test_a_restart_keeps_the_journey(tmp_path: Path) -> None:
    suite = EmbeddedSuite(tmp_path / "data")
    suite.start()
    try:
        with running_gateways() as gateways:
            made = travel(suite, gateways, tmp_path)
        until_whole(suite.client(), made["exam_id"])
        address = f"/api/portal/v1/exams/{made['exam_id']}"
        before = suite.client().get(address).json()
        assert suite.stop() == 0
        suite.start()
        assert suite.client().get(address).json() == before
    finally:
        suite.stop()
