"""Which push wins, as it is told afterwards."""

import pytest

from radbridge.ingest_api.domain.arbitration import Outcome, outcome_of_refusal, outcome_of_stored


@pytest.mark.parametrize(("version", "outcome"), [(1, Outcome.CREATED), (2, Outcome.REPLACED), (9, Outcome.REPLACED)])
def test_a_stored_push_created_or_replaced(version: int, outcome: Outcome) -> None:
    assert outcome_of_stored(version) is outcome
    assert outcome.changed


@pytest.mark.parametrize(("pushed", "outcome"), [("same", Outcome.REPEATED), ("other", Outcome.OUTDATED)])
def test_a_push_that_was_not_stored_was_a_repeat_or_outdated(pushed: str, outcome: Outcome) -> None:
    assert outcome_of_refusal("same", pushed) is outcome
    assert not outcome.changed
