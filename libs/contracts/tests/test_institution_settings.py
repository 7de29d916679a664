"""An institution's settings: refused where they are written, left out where they are read."""

import pytest
from pydantic import ValidationError

from radbridge.contracts.institution_settings import InstitutionSettings, host_and_port, known_settings


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("pacs:104", ("pacs", 104)),
        ("PACS_1.hospital.example:65535", ("PACS_1.hospital.example", 65535)),
        ("10.0.0.7:11112", ("10.0.0.7", 11112)),
        ("[fd00::7]:104", ("fd00::7", 104)),
        ("fd00::7:104", ("fd00::7", 104)),
    ],
)
def test_addresses(address: str, peer: tuple[str, int]) -> None:
    assert host_and_port(address) == peer


@pytest.mark.parametrize(
    "address",
    ["", "pacs", "pacs:", ":104", "pacs:0", "pacs:65536", "pacs:1e3", "pacs:٣", "pacs:1 04", "a b:104",
     "nohost..x:104", f"{'x' * 64}.example:104", f"{'x.' * 127}xx:104", "[fd00::g]:104",
     "http://pacs:104", "pacs:104:104"],
)  # fmt: skip
def test_no_addresses(address: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        host_and_port(address)
    with pytest.raises(ValidationError):
        InstitutionSettings(dicom_address=address)


def test_blanks_and_letter_case_do_not_count() -> None:
    assert InstitutionSettings.model_validate({"signing_policy": " Warn "}).chosen() == {"signing_policy": "warn"}


def test_what_is_no_setting_is_left_out_and_named() -> None:
    settings, ignored = known_settings({"signing_policy": "accept", "colour": "red", "sign_length": "16"})
    assert (settings.chosen(), ignored) == ({"sign_length": "16"}, ["colour", "signing_policy"])
