"""Complete, valid exam and report records for demonstrations, tests and the reference page.

The people are invented: their ID numbers are computed from a date of birth and the division code of the province
itself, under which no person is registered.
"""

import base64
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from radbridge.contracts.dialects.codec import CHINA_STANDARD_TIME, format_datetime
from radbridge.contracts.identifiers import resident_id_check_character

HOSPITAL_CODE = "12140000MB1X000107"
HOSPITAL_NAME = "影桥示例医院"

_NOT_INSURED_SETTLEMENT = "0" * 20
_NOT_INSURED_FEE_DETAIL = "0" * 18
_BODY_CODE = "BW23ZYZZZ"
_PDF = b"%PDF-1.7\n%%EOF\n"


def invented_resident_id(birth_date: date, sequence: int) -> str:
    """A resident ID number that passes GB 11643 and belongs to nobody. ``sequence`` (0 to 999) is odd for men."""
    first_17 = f"140000{birth_date:%Y%m%d}{sequence:03d}"
    return first_17 + resident_id_check_character(first_17)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamplePatient:
    """An invented patient."""

    name: str = "测试甲"
    birth_date: date = date(1980, 2, 29)
    sequence: int = 1
    phone: str = "19900000001"
    patient_number: str = "P0000001"

    @property
    def resident_id(self) -> str:
        """His or her resident ID number."""
        return invented_resident_id(self.birth_date, self.sequence)

    @property
    def sex(self) -> str:
        """Code of the sex that the ID number tells."""
        return "1" if self.sequence % 2 else "2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleExam:
    """What the caller may choose about an exam and its report. ``examined_at`` is timezone-aware."""

    examined_at: datetime
    patient: ExamplePatient = ExamplePatient()
    number: str = "E0000001"
    study_instance_uid: str = "2.25.329800735698586629295641978511506172918"
    accession_number: str = "A0000001"
    item_code: str = "HOSP-CT-001"
    item_name: str = "胸部CT平扫"
    catalogue_code: str = "CT020072506"
    catalogue_name: str = "胸部CT平扫"
    hospital_code: str = HOSPITAL_CODE
    hospital_name: str = HOSPITAL_NAME

    def wire_time(self, minutes: float = 0) -> str:
        """Wire time so many minutes after the exam."""
        return format_datetime(self.examined_at + timedelta(minutes=minutes))


def exam_record(exam: ExampleExam) -> dict[str, object]:
    """A finished CT exam with every field that the standard requires, and some that it does not."""
    patient = exam.patient
    exam_day, born = exam.examined_at.astimezone(CHINA_STANDARD_TIME).date(), patient.birth_date
    age = exam_day.year - born.year - ((exam_day.month, exam_day.day) < (born.month, born.day))
    return {
        "patName": patient.name,
        "cardType": "01",
        "idCard": patient.resident_id,
        "sex": patient.sex,
        "patBirthday": patient.birth_date.isoformat(),
        "patAge": str(age),
        "ageUnit": "Y",
        "patTelephone": patient.phone,
        "currentDivisionCode": "140105",
        "currentDetailAddr": "示例路1号",
        "maritalStatus": "20",
        "ethnic": "01",
        "occupationCode": "90",
        "fixmedinsCode": "H14010000001",
        "fixmedinsName": exam.hospital_name,
        "examAdmndvs": "140100",
        "hosplv": "02",
        "hospitalName": exam.hospital_name,
        "hospitalCode": exam.hospital_code,
        "applyNo": f"O-{exam.number}",
        "labNum": f"L-{exam.number}",
        "studyUid": exam.study_instance_uid,
        "risStudyId": exam.number,
        "isEmergency": 0,
        "deptName": "呼吸内科",
        "deptNum": "A03.01",
        "applyDoctorCode": "D001",
        "applyDoctorName": "示例医师甲",
        "applyTime": exam.wire_time(-60),
        "inhospExamItemCode": exam.item_code,
        "inhospExamItemName": exam.item_name,
        "examItemName": exam.catalogue_name,
        "examItemCode": exam.catalogue_code,
        "examWay": "1",
        "imgExamType": "2",
        "modality": "CT",
        "bodyCode": _BODY_CODE,
        "bodyPart": "胸部",
        "medicalRecordNumber": f"V-{exam.number}",
        "patientFrom": 1,
        "hisPatientId": patient.patient_number,
        "patientId": patient.patient_number,
        "outPatientId": f"OP-{patient.patient_number}",
        "clinicalDiagnosis": "咳嗽待查",
        "diagnosisTime": exam.wire_time(-65),
        "diagnosisCategoryCode": "R05",
        "diagnosisCategoryName": "咳嗽",
        "diagnosisCode": "R05.x00",
        "diagnosisName": "咳嗽",
        "registerTime": exam.wire_time(-30),
        "reserveTime": f"{exam.wire_time(-15)} / {exam.wire_time(15)}",
        "arrivalTime": exam.wire_time(-20),
        "checkFinishTime": exam.wire_time(),
        "examDeptCode": "A32.02",
        "examDeptName": "CT诊断科",
        "examDoctorCode": "T001",
        "examDoctorIndustryCode": "D140100000001",
        "examDoctorName": "示例技师甲",
        "deviceCode": "CT-1",
        "deviceRoom": "CT一室",
        "device": "示例CT",
        "deviceType": "CT",
        "examStatus": 4,
        "accessionNumber": exam.accession_number,
        "lastChangeTime": exam.wire_time(1),
        "disableFlag": 0,
        "billgDrCode": "D001",
        "billgDrName": "示例医师甲",
        "setInfoList": [
            {
                "setId": _NOT_INSURED_SETTLEMENT,
                "medListCode": "002104000010000",
                "feeDetailSn": _NOT_INSURED_FEE_DETAIL,
                "examPart": _BODY_CODE,
            }
        ],
        "orderName": f"O-{exam.number}",
        "mtuRecMark": "全国HR",
    }


def registered_exam_record(exam: ExampleExam) -> dict[str, object]:
    """The same exam as it is pushed at registration, without what does not exist yet."""
    later = {
        "studyUid",
        "accessionNumber",
        "checkFinishTime",
        "arrivalTime",
        "examDeptName",
        "examDoctorIndustryCode",
        "setInfoList",
    }
    record = {name: value for name, value in exam_record(exam).items() if name not in later}
    return record | {"examStatus": 1, "lastChangeTime": exam.wire_time(-30)}


def report_record(
    exam: ExampleExam,
    *,
    number: str = "R0000001",
    findings: str = "双肺纹理清晰，未见实质性病变。",
    impression: str = "胸部CT平扫未见异常。",
    pdf: bytes = _PDF,
    signature: dict[str, object] | None = None,
) -> dict[str, object]:
    """An audited report on the exam. ``signature`` holds the fields CAData, ClientCert, SignType, SignValue and
    Timestampvalue; without it they hold base64 that verifies nothing."""
    placeholder = base64.b64encode(b"not a signature").decode()
    unsigned: dict[str, object] = {
        "CAData": f"{number}|{findings}|{impression}",
        "ClientCert": placeholder,
        "SignType": 1,
        "SignValue": placeholder,
        "Timestampvalue": placeholder,
    }
    return {
        "hospitalName": exam.hospital_name,
        "hospitalCode": exam.hospital_code,
        "patId": exam.patient.patient_number,
        "patType": 1,
        "xno": exam.patient.patient_number,
        "labNum": f"L-{exam.number}",
        "risStudyId": exam.number,
        "categoryName": "胸部",
        "itemName": exam.item_name,
        "itemNum": exam.item_code,
        "itemNumSbh": "Z" * 15,
        "checkType": "1",
        "dep": 2,
        "instra": "CT",
        "registerDate": exam.wire_time(-30),
        "appointDate": exam.wire_time(-15),
        "checkDate": exam.wire_time(),
        "radioDepCode": "A32.02",
        "radioDepName": "CT诊断科",
        "radioDoctorCode": "T001",
        "radioDoctorName": "示例技师甲",
        "recordNum": number,
        "ACCESS_NO": number,
        "reportStatus": 3,
        "modality": "CT",
        "reportMedinsCode": exam.hospital_code,
        "reportDoctorCode": "D101",
        "reportDoctorName": "示例医师乙",
        "reportDate": exam.wire_time(20),
        "auditMedinsCode": exam.hospital_code,
        "confirmDoctorCode": "D102",
        "confirmDoctorName": "示例医师丙",
        "confirmDate": exam.wire_time(30),
        "findings": findings,
        "inspectExamResult": impression,
        "isLastAudit": 0,
        "reportPdfBase64": base64.b64encode(pdf).decode(),
        "checkPositiveMark": 2,
        "checkStatus": 4,
        "lastChangeTime": exam.wire_time(31),
        "disableFlag": 0,
        **(signature or unsigned),
    }
