"""The HMAC of requests to the signing interfaces, against values computed by other means."""

import json
from pathlib import Path

import pytest

from radbridge.contracts.dialects.shanxi_v2_1.pack import load_pack
from radbridge.contracts.dialects.shanxi_v2_1.request_signature import hash_of, sign_request, string_to_sign
from radbridge.contracts.dialects.validate import RecordValidator

PARAMETERS = {
    "appId": "APP_0157E810F6894BEEB4DEC70331720557",
    "attachCert": True,
    "oriData": "test",
    "signAlgo": "HMAC",
    "version": "1.0",
}


@pytest.mark.proves("SX-072")
def test_a_value_computed_by_other_means() -> None:
    assert sign_request(PARAMETERS, "testSecureCode") == "SpTAMnYrO5hJcq1+7Z/I8t1at2hcsy9RbKWjSuVGFS0="


@pytest.mark.proves("SX-072")
def test_values_that_openssl_computed(shared_data: Path) -> None:
    for case in json.loads((shared_data / "data/signing/kat/hmac_request.json").read_text("utf-8")):
        assert string_to_sign(case["params"]) == case["string_to_sign"]
        hash_name = hash_of(case["algorithm"])
        assert hash_name is not None
        assert sign_request(case["params"], case["secret"], hash_name) == case["signature"]


@pytest.mark.proves("SX-072")
def test_what_counts_as_a_value() -> None:
    parameters = {"b": False, "a": 0, "Z": "大", "empty": "", "none": None, "signature": "x", "blank": " ", "n": 1.5}
    assert string_to_sign(parameters) == "Z=大&a=0&b=false&blank= &n=1.5"


def test_integers_of_any_size_and_nested_values_are_written() -> None:
    parameters = {"big": 10**25, "nested": {"名": [10**25, None, True]}}
    assert string_to_sign(parameters) == f'big={10**25}&nested={{"名":[{10**25},null,true]}}'


@pytest.mark.proves("SX-070", "SX-072")
@pytest.mark.parametrize(
    ("named", "meant"),
    [
        *[("HMAC", "sha256"), ("HmacSHA256", "sha256"), ("HMAC-SHA256", "sha256")],
        *[("HmacSHA1", "sha1"), ("hmacmd5", "md5"), ("SM3", None), ("", None)],
    ],
)
def test_sign_algo_names_the_hash(named: str, meant: str | None) -> None:
    assert hash_of(named) == meant


@pytest.mark.parametrize("value", [True, False, "true", "FALSE", "", None])
def test_a_boolean_field_takes_truth_values(value: object) -> None:
    assert not faults_of_verify_cert(value)


@pytest.mark.parametrize("value", [1, 0, "yes", [True], {"a": 1}, 1.0])
def test_a_boolean_field_takes_nothing_else(value: object) -> None:
    assert faults_of_verify_cert(value) == ["verifyCert"]


def faults_of_verify_cert(value: object) -> list[str]:
    validator = RecordValidator(load_pack().tables["dsvs_pkcs7_verify_data_sign_request"])
    record = {"transId": "1234567890123456", "oriData": "a\nb", "signValue": "AA==", "verifyCert": value}
    return [fault.field for fault in validator.validate(record).faults]
