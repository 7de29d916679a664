"""Complete, valid 501 queries and marks for demonstrations, tests and the reference page. People are invented, see
:class:`radbridge.contracts.dialects.shanxi_v2_1.examples.ExamplePatient`."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

ASKING_HOSPITAL_CODE = "12511000MB1X000203"
ASKING_HOSPITAL_NAME = "影桥示例二院"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleQuery:
    """What the caller may choose about a query. ``asked_at`` is timezone-aware."""

    asked_at: datetime
    name: str
    resident_id: str
    birth_date: date
    sex: str = "M"
    request_number: str = "Q0000001"
    hospital_code: str = ASKING_HOSPITAL_CODE
    hospital_name: str = ASKING_HOSPITAL_NAME

    @property
    def timestamp(self) -> str:
        """Unix time in milliseconds."""
        return str(int(self.asked_at.astimezone(UTC).timestamp() * 1000))


def query_parameters(query: ExampleQuery) -> dict[str, object]:
    """The parameters of a 501 request, with every field that the standard requires."""
    return {
        "requestId": query.request_number,
        "hospitalCode": query.hospital_code,
        "hospitalName": query.hospital_name,
        "visitId": f"V-{query.request_number}",
        "PatName": query.name,
        "PatSex": query.sex,
        "BirthDate": query.birth_date.isoformat(),
        "ICCard": query.resident_id,
        "clinicSource": "门诊",
        "DeptCode": "A03.01",
        "DeptName": "呼吸内科",
        "opUid": "D201",
        "opName": "示例医师丁",
        "stationIP": "192.0.2.10",
        "stationMAC": "00-00-5E-00-53-01",
        "timeStamp": query.timestamp,
        "shareHR": "全国HR",
        "smrType": "检查",
    }


def mark_body(
    query: ExampleQuery, *, origin_hospital_code: str, report_id: str, decision: str = "1", reason: str = ""
) -> dict[str, object]:
    """A mark in the shape of 501: ``decision`` 1 recognised, 2 not recognised for the ``reason`` of that code."""
    return {
        "requestId": query.request_number,
        "visitId": f"V-{query.request_number}",
        "hospitalCode": query.hospital_code,
        "ICCard": query.resident_id,
        "opUid": "D201",
        "opName": "示例医师丁",
        "stationIP": "192.0.2.10",
        "stationMAC": "00-00-5E-00-53-01",
        "timeStamp": query.timestamp,
        "smrInfo": [
            {
                "originHospitalCode": origin_hospital_code,
                "smrMark": decision,
                "smrMessage": reason,
                "ReportID": report_id,
            }
        ],
    }


def flat_mark_body(
    query: ExampleQuery, *, origin_hospital_code: str, item_code: str, decision: int = 1, reason: str = ""
) -> dict[str, object]:
    """A mark in the shape of 502."""
    return {
        "Code": "003",
        "hospitalCode": query.hospital_code,
        "originHospitalCode": origin_hospital_code,
        "studyTime": "2026-01-05",
        "smrCode": item_code,
        "smrMark": decision,
        "smrMessage": reason,
        "timeStamp": query.timestamp,
        "opUid": "D201",
        "opName": "示例医师丁",
    }
