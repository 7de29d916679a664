"""The match rules, by themselves."""

from itertools import permutations

import pytest

from radbridge.mpi.domain.matching import Candidate, Decision, RecordTraits, Rule, decide, lock_names


def known(
    record: str, person: str, *, document: str | None = None, demographics: str | None = None, rule: Rule = Rule.NEW
) -> Candidate:
    return Candidate(record, person, document, demographics, rule)


def test_a_record_that_matches_nobody_starts_a_person() -> None:
    assert decide(RecordTraits("r1", "d1", "g1"), []) == Decision(None, Rule.NEW)


@pytest.mark.proves("NJ-018", "SZ-021")
def test_the_same_document_is_the_same_person() -> None:
    assert decide(RecordTraits("r2", "d1", None), [known("r1", "p1", document="d1")]) == Decision("p1", Rule.DOCUMENT)


def test_demographics_join_a_record_without_document() -> None:
    candidates = [known("r1", "p1", document="d1", demographics="g1")]
    assert decide(RecordTraits("r2", None, "g1"), candidates) == Decision("p1", Rule.DEMOGRAPHICS)


def test_different_documents_outweigh_equal_demographics() -> None:
    candidates = [known("r1", "p1", document="d1", demographics="g1")]
    assert decide(RecordTraits("r2", "d2", "g1"), candidates) == Decision(None, Rule.NEW)


def test_a_conflict_anywhere_in_the_person_outweighs_a_record_without_document() -> None:
    candidates = [
        known("r1", "p1", document="d1"),
        known("r3", "p1", demographics="g1", rule=Rule.DEMOGRAPHICS),
    ]
    assert decide(RecordTraits("r2", "d2", "g1"), candidates) == Decision(None, Rule.NEW)


def test_the_document_comes_before_demographics() -> None:
    candidates = [known("r1", "p1", demographics="g1"), known("r2", "p2", document="d1")]
    assert decide(RecordTraits("r3", "d1", "g1"), candidates) == Decision("p2", Rule.DOCUMENT)


def test_missing_values_match_nothing() -> None:
    assert decide(RecordTraits("r2", None, None), [known("r1", "p1")]) == Decision(None, Rule.NEW)


def test_a_repeat_keeps_its_person_and_rule() -> None:
    own = known("r1", "p1", document="d1", rule=Rule.NEW)
    assert decide(RecordTraits("r1", "d1", None), [own]) == Decision("p1", Rule.NEW)


def test_a_corrected_document_moves_the_record() -> None:
    candidates = [
        known("r1", "p1", document="d1", rule=Rule.DOCUMENT),
        known("r2", "p1", document="d1"),
        known("r3", "p3", document="d3"),
    ]
    assert decide(RecordTraits("r1", "d3", None), candidates) == Decision("p3", Rule.DOCUMENT)
    assert decide(RecordTraits("r1", "d9", None), candidates) == Decision(None, Rule.NEW)


def test_a_new_document_parts_a_record_from_a_person_with_another_one() -> None:
    first = [known("r1", "p1", document="d1"), known("r2", "p1", document="d1", rule=Rule.DOCUMENT)]
    assert decide(RecordTraits("r1", "d2", None), first) == Decision(None, Rule.NEW)
    joined = [known("r1", "p1", document="d1", demographics="g1"), known("r3", "p1", rule=Rule.DEMOGRAPHICS)]
    assert decide(RecordTraits("r3", "d2", "g1"), joined) == Decision(None, Rule.NEW)


def test_a_mistyped_document_is_corrected_where_no_other_record_has_it() -> None:
    candidates = [known("r1", "p1", document="d1"), known("r3", "p1", demographics="g1", rule=Rule.DEMOGRAPHICS)]
    assert decide(RecordTraits("r1", "d2", None), candidates) == Decision("p1", Rule.NEW)


@pytest.mark.parametrize("rule", [Rule.NEW, Rule.DOCUMENT, Rule.DEMOGRAPHICS])
def test_a_corrected_document_moves_the_record_though_its_demographics_are_as_they_were(rule: Rule) -> None:
    elsewhere = [known("r5", "p5", demographics="g1")]
    together = [
        known("r1", "p1", document="d1", demographics="g1", rule=rule),
        known("r2", "p1", document="d1", rule=Rule.DOCUMENT),
    ]
    assert decide(RecordTraits("r1", "d9", "g1"), together + elsewhere) == Decision("p5", Rule.DEMOGRAPHICS)
    assert decide(RecordTraits("r1", "d9", "g1"), together) == Decision(None, Rule.NEW)


def test_a_first_document_moves_a_record_only_where_its_person_has_another_one() -> None:
    apart = [
        known("r1", "p1", demographics="g1", rule=Rule.DEMOGRAPHICS),
        known("r5", "p5", demographics="g1", rule=Rule.MANUAL),
    ]
    assert decide(RecordTraits("r1", "d9", "g1"), apart) == Decision("p1", Rule.DEMOGRAPHICS)
    conflict = [*apart, known("r2", "p1", document="d1")]
    assert decide(RecordTraits("r1", "d9", "g1"), conflict) == Decision("p5", Rule.DEMOGRAPHICS)


def test_a_repeat_does_not_undo_a_merge() -> None:
    merged = [
        known("r1", "p1", document="d1", demographics="g1"),
        known("r2", "p1", document="d2", rule=Rule.MANUAL),
    ]
    assert decide(RecordTraits("r1", "d1", None), merged) == Decision("p1", Rule.NEW)
    alike = known("r5", "p5", demographics="g1")
    assert decide(RecordTraits("r1", "d1", "g1"), [*merged, alike]) == Decision("p1", Rule.NEW)


def test_a_repeat_does_not_undo_a_split() -> None:
    apart = [
        known("r1", "p1", document="d1", demographics="g1", rule=Rule.DOCUMENT),
        known("r2", "p2", document="d1", demographics="g1", rule=Rule.MANUAL),
    ]
    assert decide(RecordTraits("r1", "d1", "g1"), apart) == Decision("p1", Rule.DOCUMENT)
    assert decide(RecordTraits("r3", "d1", "g1"), apart) == Decision("p1", Rule.DOCUMENT)
    without = [
        known("r1", "p1", demographics="g1", rule=Rule.DEMOGRAPHICS),
        known("r2", "p2", demographics="g1", rule=Rule.MANUAL),
    ]
    assert decide(RecordTraits("r1", None, "g1"), without) == Decision("p1", Rule.DEMOGRAPHICS)


def test_a_record_that_brings_its_document_later_still_finds_its_person() -> None:
    candidates = [known("r1", "p2"), known("r2", "p1", document="d1")]
    assert decide(RecordTraits("r1", "d1", None), candidates) == Decision("p1", Rule.DOCUMENT)


def test_an_operators_decision_stands() -> None:
    candidates = [known("r1", "p1", document="d1", rule=Rule.MANUAL), known("r2", "p2", document="d1")]
    assert decide(RecordTraits("r1", "d1", None), candidates) == Decision("p1", Rule.MANUAL)


def test_the_answer_does_not_depend_on_the_order_of_candidates() -> None:
    candidates = [
        known("r1", "p3", document="d1"),
        known("r2", "p1", document="d1"),
        known("r3", "p2", demographics="g1"),
    ]
    answers = {decide(RecordTraits("r9", "d1", "g1"), order) for order in permutations(candidates)}
    assert answers == {Decision("p1", Rule.DOCUMENT)}


def test_two_pushes_of_one_person_share_a_lock() -> None:
    one = set(lock_names(RecordTraits("r1", "d1", "g1")))
    other = set(lock_names(RecordTraits("r2", "d1", None)))
    assert one & other == {"document:d1"}
