"""After a journey nobody finds the patient by searching what the suite keeps or writes."""

import base64
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from radbridge.cli.demo.gateways import running_gateways
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExamplePatient
from tests.support.encodings import forms
from tests.support.journeys import travel
from tests.support.suites import EmbeddedSuite

DICOM_PREAMBLE = 128


def is_dicom_object(path: Path) -> bool:
    """Stored objects keep their tags (design: personal data)."""
    with path.open("rb") as content:
        return content.read(DICOM_PREAMBLE + 4).endswith(b"DICM")


@pytest.fixture(scope="module")
def travelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder and the log of a suite on which a journey, a refused push and a search have happened."""
    folder = tmp_path_factory.mktemp("sealed")
    suite = EmbeddedSuite(folder / "data")
    suite.start()
    try:
        with running_gateways() as gateways:
            travel(suite, gateways, folder)
        patient = ExamplePatient()
        client = suite.client()
        hospitals = client.get("/api/ingest-api/v1/institutions").json()["institutions"]
        client.post(
            "/api/recognition/v1/why", json={"hospital_code": hospitals[0]["code"], "patient": patient.resident_id}
        )
        client.get("/open/smr/studies", params={"ICCard": patient.resident_id, "PatName": patient.name})
        client.get(f"/nowhere/{patient.resident_id}", params={"phone": patient.phone})
    finally:
        assert suite.stop() == 0
    return folder


@pytest.mark.proves("SZ-283")
@pytest.mark.parametrize("trait", ["resident_id", "phone", "name"])
def test_no_file_holds_the_patient(travelled: Path, trait: str) -> None:
    value: str = getattr(ExamplePatient(), trait)
    patterns = forms(value)
    searched = 0
    betrayed: list[str] = []
    for path in sorted((travelled / "data").rglob("*")) + sorted(travelled.glob("*.log")):
        if not path.is_file() or is_dicom_object(path):
            continue
        content = path.read_bytes()
        searched += 1
        betrayed += [
            f"{path.relative_to(travelled)}: {name}" for name, pattern in patterns.items() if pattern in content
        ]
    assert searched > 20
    assert betrayed == []


def test_the_search_would_find_them(tmp_path: Path) -> None:
    patient = ExamplePatient()
    for encoding, text in (("utf-8", patient.name), ("gb18030", patient.name), ("utf-16-le", patient.resident_id)):
        content = b"\x01\x02" + text.encode(encoding) + b"\x03"
        assert any(pattern in content for pattern in forms(text).values())


@pytest.mark.parametrize("before", [b"", b"\xff", b"\x00\xff", b"\xff\x00\xff"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_the_search_would_find_them_in_base64(before: bytes, encode: Callable[[bytes], bytes]) -> None:
    patient = ExamplePatient()
    for text in (patient.name, patient.resident_id, patient.phone):
        for encoding in ("utf-8", "gb18030", "utf-16-le"):
            content = encode(before + text.encode(encoding) + b"\x7f\xff")
            assert any(pattern in content for pattern in forms(text).values()), (text, encoding)


@pytest.mark.parametrize("trait", ["resident_id", "phone", "name"])
def test_the_search_finds_nobody_in_what_is_sealed(trait: str) -> None:
    sealed = random.Random(trait).randbytes(6 << 20)
    patterns = forms(getattr(ExamplePatient(), trait))
    for content in (sealed, base64.b64encode(sealed), base64.urlsafe_b64encode(sealed)):
        assert [name for name, pattern in patterns.items() if pattern in content] == []
