"""Whether an exam is listed, or why not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from radbridge.recognition.domain.listing import ExamFacts, ItemInCatalogue, Reason, ReportState, Scope, judge

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SCOPE = Scope(window=timedelta(days=90))
LISTED = ExamFacts(
    institution_id="a",
    voided=False,
    moment=NOW - timedelta(days=1),
    items=(ItemInCatalogue("neijiang", "BW23ZYZZZ-00", "胸部平扫"),),
    reports=(ReportState.SIGNED,),
)


def test_a_signed_recent_exam_with_a_mapped_item_is_listed() -> None:
    assert judge(LISTED, SCOPE, NOW) is Reason.LISTED


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (replace(LISTED, voided=True), Reason.VOIDED),
        (replace(LISTED, reports=()), Reason.NO_REPORT),
        (replace(LISTED, reports=(ReportState.RECEIVED,)), Reason.VERDICT_PENDING),
        (replace(LISTED, reports=(ReportState.REJECTED,)), Reason.VERDICT_REJECTED),
        (replace(LISTED, reports=(ReportState.VOIDED,)), Reason.REPORT_VOIDED),
        (replace(LISTED, items=()), Reason.UNMAPPED_ITEM),
        (replace(LISTED, moment=NOW - timedelta(days=90, seconds=1)), Reason.OUTSIDE_WINDOW),
    ],
)
def test_what_is_missing_is_named(facts: ExamFacts, reason: Reason) -> None:
    assert judge(facts, SCOPE, NOW) is reason


def test_the_last_moment_of_the_window_counts() -> None:
    assert judge(replace(LISTED, moment=NOW - timedelta(days=90)), SCOPE, NOW) is Reason.LISTED


def test_one_signed_report_is_enough() -> None:
    facts = replace(LISTED, reports=(ReportState.REJECTED, ReportState.SIGNED))
    assert judge(facts, SCOPE, NOW) is Reason.LISTED


def test_scopes_narrow_only_where_they_are_set() -> None:
    assert judge(LISTED, replace(SCOPE, catalogues=frozenset({"shanxi"})), NOW) is Reason.OTHER_SCOPE
    assert judge(LISTED, replace(SCOPE, catalogues=frozenset({"neijiang"})), NOW) is Reason.LISTED
    assert judge(LISTED, replace(SCOPE, institutions=frozenset({"b"})), NOW) is Reason.OTHER_SCOPE
