"""The Neijiang V0.94 pack, read from its CSV files."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from radbridge.contracts.dialects.dictionaries import load_dictionaries
from radbridge.contracts.dialects.field_table import FieldTable, load_tables
from radbridge.contracts.dialects.neijiang_v0_94 import rules
from radbridge.contracts.dialects.neijiang_v0_94.codec import MarkCodec, decode_query, encode_query
from radbridge.contracts.dialects.neijiang_v0_94.signature import sign
from radbridge.contracts.dialects.pack import DialectPack, Message
from radbridge.contracts.dialects.record_rules import validator_of
from radbridge.contracts.model.recognition import Mark, StudiesQuery

_FOLDER = Path(__file__).parent
_TABLES = (
    "501_headers",
    "501_studies_request",
    "501_studies_response",
    "501_smrMark_smrInfo",
    "501_smrMark_request",
    "502_smrMark_request",
    "501_smrMark_response",
)


@cache
def load_pack() -> DialectPack:
    """The pack; its files are read once a process."""
    dictionaries = load_dictionaries(_FOLDER / "dictionaries")
    tables = load_tables(_FOLDER / "fields", _TABLES, dictionaries)
    return DialectPack(
        name="neijiang",
        version="0.94",
        title="内江市医学影像数据交互标准（试行版）V0.94",
        dictionaries=dictionaries,
        tables=tables,
        sign=sign,
        studies_query=_query_message(tables["501_studies_request"]),
        mark=_mark_message(tables),
    )


def _query_message(table: FieldTable) -> Message[StudiesQuery]:
    return Message(
        name="studies_query",
        title="检查互认—检查列表",
        path="/open/smr/studies",
        methods=("GET",),
        tables=(table,),
        rules=rules.QUERY_RULES,
        condition_texts={},
        validate=validator_of(table, rules=rules.QUERY_RULES, conditions=rules.no_conditions, condition_texts={}),
        decode=lambda record: decode_query(table.with_printed_names(record)),
        encode=encode_query,
    )


def _mark_message(tables: Mapping[str, FieldTable]) -> Message[tuple[Mark, ...]]:
    listed, item, flat = (
        tables[name] for name in ("501_smrMark_request", "501_smrMark_smrInfo", "502_smrMark_request")
    )
    codec = MarkCodec(listed, item, flat)
    return Message(
        name="mark",
        title="检查互认—标记互认/不互认",
        path="/open/smr/study/{studyUuid}/smrMark",
        methods=("GET", "POST"),
        tables=(listed, item, flat),
        rules=(*rules.LISTED_MARK_RULES, *rules.FLAT_MARK_RULES),
        condition_texts=rules.CONDITION_TEXTS,
        validate=rules.mark_validator(
            listed=validator_of(
                listed,
                rules=rules.LISTED_MARK_RULES,
                conditions=rules.no_conditions,
                condition_texts=rules.CONDITION_TEXTS,
            ),
            flat=validator_of(
                flat,
                rules=rules.FLAT_MARK_RULES,
                conditions=rules.flat_mark_conditions,
                condition_texts=rules.CONDITION_TEXTS,
            ),
        ),
        decode=codec.decode,
        encode=codec.encode,
    )
