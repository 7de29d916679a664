"""Of which hospital a request may speak."""

import pytest

from radbridge.runtime.problems import Problem
from radbridge.runtime.security.hospital import require_own
from radbridge.runtime.security.keyring import PLATFORM
from radbridge.runtime.security.principal import ADMIN, Principal

OWN = "0190f3a2-0000-7000-8000-000000000001"


@pytest.mark.parametrize("institution_id", ["0190f3a2-0000-7000-8000-000000000002", PLATFORM, ""])
def test_a_hospital_speaks_of_itself_only(institution_id: str) -> None:
    hospital = Principal(kind="hospital", subject="A", roles=frozenset({"hospital"}), institution_id=OWN)
    require_own(hospital, OWN)
    with pytest.raises(Problem) as refusal:
        require_own(hospital, institution_id)
    assert refusal.value.status == 403


def test_who_is_no_hospital_is_judged_by_role() -> None:
    require_own(ADMIN, OWN)
    require_own(Principal(kind="user", subject="u", roles=frozenset({"operator"})), OWN)
