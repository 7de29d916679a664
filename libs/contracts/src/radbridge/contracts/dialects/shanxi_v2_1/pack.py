"""The Shanxi V2.1 pack, read from its CSV files."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import cast

from radbridge.contracts.dialects.dictionaries import load_dictionaries
from radbridge.contracts.dialects.field_table import FieldTable, load_tables
from radbridge.contracts.dialects.pack import DialectPack, Message
from radbridge.contracts.dialects.record_rules import Record, validator_of
from radbridge.contracts.dialects.shanxi_v2_1 import rules
from radbridge.contracts.dialects.shanxi_v2_1.envelope import sign
from radbridge.contracts.dialects.shanxi_v2_1.exam_codec import ExamCodec
from radbridge.contracts.dialects.shanxi_v2_1.report_codec import decode_report, encode_report
from radbridge.contracts.model.exam import Exam
from radbridge.contracts.model.report import Report

_FOLDER = Path(__file__).parent
_TABLES = (
    *("set_info", "exam", "report", "exam_merge_report", "envelope_request", "envelope_response"),
    *("dsvs_pkcs1_verify_data_sign_request", "dsvs_pkcs1_verify_data_sign_response"),
    *("dsvs_pkcs7_verify_data_sign_request", "dsvs_pkcs7_verify_data_sign_response"),
    *("coss_public_request", "coss_public_response", "verify_ts_request", "verify_ts_response"),
    *("sef_verify_seal_request", "sef_verify_seal_response"),
)


@cache
def load_pack() -> DialectPack:
    """The pack; its files are read once a process."""
    dictionaries = load_dictionaries(_FOLDER / "dictionaries")
    tables = load_tables(_FOLDER / "fields", _TABLES, dictionaries)
    exam = _exam_message(tables, ExamCodec(dictionaries))
    report = _report_message(tables["report"])
    return DialectPack(
        name="shanxi",
        version="2.1",
        title="山西省医疗数字影像云平台前置机对接接口规范 V2.1",
        dictionaries=dictionaries,
        tables=tables,
        sign=sign,
        exam=exam,
        report=report,
        exam_with_report=_merged_message(tables["exam_merge_report"], exam, report),
    )


def _exam_message(tables: Mapping[str, FieldTable], codec: ExamCodec) -> Message[Exam]:
    return Message(
        name="exam",
        title="检查数据上传",
        path="/exam-sync",
        methods=("POST",),
        tables=(tables["exam"], tables["set_info"]),
        rules=rules.EXAM_RULES,
        condition_texts=rules.CONDITION_TEXTS,
        validate=validator_of(
            tables["exam"],
            rules=rules.EXAM_RULES,
            conditions=rules.exam_conditions,
            condition_texts=rules.CONDITION_TEXTS,
        ),
        decode=codec.decode,
        encode=codec.encode,
    )


def _report_message(table: FieldTable) -> Message[Report]:
    return Message(
        name="report",
        title="报告数据上传",
        path="/report/sync",
        methods=("POST",),
        tables=(table,),
        rules=rules.REPORT_RULES,
        condition_texts=rules.CONDITION_TEXTS,
        validate=validator_of(
            table,
            rules=rules.REPORT_RULES,
            conditions=rules.report_conditions,
            condition_texts=rules.CONDITION_TEXTS,
        ),
        decode=lambda record: decode_report(table.with_printed_names(record)),
        encode=encode_report,
    )


def _merged_message(table: FieldTable, exam: Message[Exam], report: Message[Report]) -> Message[tuple[Exam, Report]]:
    def decode(record: Record) -> tuple[Exam, Report]:
        return exam.decode(cast("Record", record["patient"])), report.decode(cast("Record", record["report"]))

    def encode(both: tuple[Exam, Report]) -> dict[str, object]:
        return {"patient": exam.encode(both[0]), "report": report.encode(both[1])}

    return Message(
        name="exam_with_report",
        title="检查报告合并上传",
        path="/examMergeReport-sync",
        methods=("POST",),
        tables=(table,),
        rules=rules.MERGED_RULES,
        condition_texts={},
        validate=rules.merged_validator(table, exam.validate, report.validate),
        decode=decode,
        encode=encode,
    )
