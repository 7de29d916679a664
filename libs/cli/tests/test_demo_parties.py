"""The demonstration's parties where the platform is slow to answer."""

import httpx
import pytest

from radbridge.cli.demo import parties
from radbridge.cli.demo.parties import Credentials, His, StepFailedError
from radbridge.contracts.dialects.neijiang_v0_94 import answers
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExampleExam
from radbridge.runtime.clock import utc_now

LATER = answers.failure("平台暂不可用，请稍后重试")
WRONG = answers.failure("接口地址或请求方式不正确，请核对")
NOTHING_LISTED = {"code": answers.SUCCESS, "result": {"study": []}}


@pytest.fixture
def his(monkeypatch: pytest.MonkeyPatch) -> tuple[His, list[object]]:
    """A HIS, and the answers that it will be given, first to last."""
    given: list[object] = []
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=given.pop(0)))
    keys = Credentials("B", "乙医院", "B", "RADBRIDGE", bytes(16), "key", "secret")
    monkeypatch.setattr(parties.time, "sleep", lambda _: None)
    return His(httpx.Client(transport=transport, base_url="http://platform"), keys), given


def test_a_his_asks_again_while_it_is_told_to_try_later(his: tuple[His, list[object]]) -> None:
    asking, given = his
    given += [LATER, LATER, NOTHING_LISTED]
    assert asking.studies(ExampleExam(examined_at=utc_now())) == []
    assert given == []


def test_a_his_does_not_repeat_what_was_wrong(his: tuple[His, list[object]]) -> None:
    asking, given = his
    given += [WRONG, NOTHING_LISTED]
    with pytest.raises(StepFailedError, match="请核对"):
        asking.studies(ExampleExam(examined_at=utc_now()))
    assert given == [NOTHING_LISTED]
