"""Which stored studies are an exam's."""

from radbridge.contracts.model.study import StudyIndex

A, B = "institution-a", "institution-b"


def index(*studies: tuple[str, str, str]) -> StudyIndex:
    found = StudyIndex()
    for study in studies:
        found.add(*study)
    return found


def test_a_study_uid_counts_before_any_accession_number() -> None:
    studies = index((A, "1.2.3", ""), (A, "1.2.4", "A1"))
    assert studies.of_exam(A, ["1.2.3"], ["A1"]) == ["1.2.3"]
    assert studies.of_exam(A, ["1.2.9"], ["A1"]) == ["1.2.4"]


def test_neither_is_known_outside_of_its_institution() -> None:
    studies = index((A, "1.2.3", "A1"))
    assert studies.of_exam(B, ["1.2.3"], ["A1"]) == []


def test_an_empty_accession_number_links_nothing() -> None:
    assert index((A, "1.2.3", "")).of_exam(A, [], [""]) == []


def test_studies_come_once_and_in_the_order_of_the_exam() -> None:
    studies = index((A, "1.2.3", "A1"), (A, "1.2.3", "A1"), (A, "1.2.4", "A2"), (A, "1.2.5", "A1"))
    assert studies.of_exam(A, ["1.2.4", "1.2.3"], []) == ["1.2.4", "1.2.3"]
    assert studies.of_exam(A, [], ["A2", "A1", "A1"]) == ["1.2.4", "1.2.3", "1.2.5"]
