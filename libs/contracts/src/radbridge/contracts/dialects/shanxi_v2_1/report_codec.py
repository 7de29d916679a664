"""Shanxi's report record to and from the canonical report."""

from radbridge.contracts.dialects.codec import DATETIME, FLAG, TEXT, VERBATIM_TEXT, Field, Section
from radbridge.contracts.dialects.record_rules import Record
from radbridge.contracts.dialects.shanxi_v2_1.codes import (
    CHECK_STATUS,
    POSITIVITY,
    PRINT_STATUS,
    REPORT_IMAGING_TYPE,
    SIGN_TYPE,
    VISIT_KIND,
    WRITING_STATUS,
)
from radbridge.contracts.dialects.shanxi_v2_1.parts import TEXTS, department, practitioner
from radbridge.contracts.model.people import Institution
from radbridge.contracts.model.report import Report, ReportFile, ReportStep, SignaturePackage
from radbridge.contracts.model.value import changed

NO_INSURANCE_ITEM_CODE = "Z" * 15
"""What itemNumSbh holds when an item has no insurance code; the model has an empty text then."""
NO_DEVICE = "OT"


def decode_report(wire: Record) -> Report:
    """The report of an accepted record. An empty device is ``OT``, a missing appointment is the registration, and items
    without insurance code have none."""
    report = _REPORT.decode(wire)
    codes = report.insurance_item_codes
    return changed(
        report,
        device=report.device or NO_DEVICE,
        appointed_at=report.appointed_at or report.registered_at,
        insurance_item_codes=tuple("" if code == NO_INSURANCE_ITEM_CODE else code for code in codes),
    )


def encode_report(report: Report) -> dict[str, object]:
    """The record of a report."""
    codes = tuple(code or NO_INSURANCE_ITEM_CODE for code in report.insurance_item_codes)
    return _REPORT.encode(changed(report, insurance_item_codes=codes))


def _step(institution: str, department_fields: tuple[str, str], at: str, **doctor: str) -> Section[object]:
    return Section(
        ReportStep,
        (Field("institution_code", institution, TEXT), Field("at", at, DATETIME)),
        {"doctor": practitioner(**doctor), "department": department(*department_fields)},
    )


_REPORT: Section[Report] = Section(
    Report,
    (
        Field("number", "recordNum", TEXT, is_required=True),
        Field("exam_numbers", "risStudyId", TEXTS, is_required=True),
        Field("changed_at", "lastChangeTime", DATETIME, is_required=True),
        Field("status", "checkStatus", CHECK_STATUS, is_required=True),
        Field("writing_status", "reportStatus", WRITING_STATUS),
        Field("is_deleted", "disableFlag", FLAG),
        Field("hospital_patient_id", "patId", TEXT),
        Field("imaging_number", "xno", TEXT),
        Field("request_number", "labNum", TEXT),
        Field("access_number", "ACCESS_NO", TEXT),
        Field("visit_kind", "patType", VISIT_KIND),
        Field("body_part_code", "checkPositionCode", TEXT),
        Field("body_parts", "categoryName", TEXTS),
        Field("item_names", "itemName", TEXTS),
        Field("item_codes", "itemNum", TEXTS),
        Field("insurance_item_codes", "itemNumSbh", TEXTS),
        Field("ways", "checkType", TEXTS),
        Field("modality", "modality", TEXT),
        Field("modality_group", "dep", REPORT_IMAGING_TYPE),
        Field("device", "instra", TEXT),
        Field("registered_at", "registerDate", DATETIME),
        Field("appointed_at", "appointDate", DATETIME),
        Field("examined_at", "checkDate", DATETIME),
        Field("has_final_audit", "isLastAudit", FLAG),
        Field("findings", "findings", TEXT),
        Field("impression", "inspectExamResult", TEXT),
        Field("advice", "reportAdv", TEXT),
        Field("positivity", "checkPositiveMark", POSITIVITY),
        Field("critical_value", "criticalValues", TEXT),
        Field("published_on", "reportPubDate", TEXT),
        Field("remark", "remark", TEXT),
        Field("print_status", "printStatus", PRINT_STATUS),
        Field("is_film_paid", "digfilmPayStatus", FLAG),
    ),
    {
        "hospital": Section(
            Institution, (Field("code", "hospitalCode", TEXT), Field("name", "hospitalName", TEXT)), is_always=True
        ),
        "exam_department": department("radioDepCode", "radioDepName"),
        "exam_doctor": practitioner(code="radioDoctorCode", name="radioDoctorName"),
        "written": _step(
            "reportMedinsCode",
            ("reportDeptCode", "reportDeptName"),
            "reportDate",
            code="reportDoctorCode",
            document_type="reportDoctorIdType",
            document_number="reportDoctorIdNo",
            name="reportDoctorName",
        ),
        "audited": _step(
            "auditMedinsCode",
            ("auditDeptCode", "auditDeptName"),
            "confirmDate",
            code="confirmDoctorCode",
            document_type="auditDoctorIdType",
            document_number="auditDoctorIdNo",
            name="confirmDoctorName",
        ),
        "finally_audited": _step(
            "lastAuditMedinsCode",
            ("lastAuditDeptCode", "lastAuditDeptName"),
            "lastAuditTime",
            code="lastAuditDoctorCode",
            document_type="lastAuditDoctorIdType",
            document_number="lastAuditDoctorNo",
            name="lastAuditDoctor",
        ),
        "file": Section(ReportFile, (Field("url", "pdf_path", TEXT), Field("base64", "reportPdfBase64", TEXT))),
        "signature": Section(
            SignaturePackage,
            (
                Field("signed_text", "CAData", VERBATIM_TEXT),
                Field("certificate", "ClientCert", TEXT),
                Field("format", "SignType", SIGN_TYPE),
                Field("value", "SignValue", TEXT),
                Field("timestamp_token", "Timestampvalue", TEXT),
            ),
        ),
    },
)
