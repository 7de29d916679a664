"""Whatever JSON holds, validation answers, and what it accepts can be decoded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radbridge.contracts.dialects.neijiang_v0_94 import pack as neijiang
from radbridge.contracts.dialects.pack import Message
from radbridge.contracts.dialects.record_rules import Context
from radbridge.contracts.dialects.shanxi_v2_1 import pack as shanxi

MESSAGES = [*shanxi.load_pack().messages, *neijiang.load_pack().messages]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.builds(pow, st.just(10), st.sampled_from([400, 5000]))
    | st.floats()
    | st.text(alphabet=st.characters())
    | st.text(alphabet="0123456789-: /,，|Xx", max_size=24)
    | st.just("\ud800")
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


each_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)


@each_message
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_value_in_any_field(message: Message[object], data: st.DataObject) -> None:
    names = [rule.param for table in message.tables for rule in table.rules]
    names += [alias for table in message.tables for alias in table.aliases]
    values = JSON | st.lists(st.dictionaries(st.sampled_from(names), JSON, max_size=4), max_size=2)
    record = data.draw(st.dictionaries(st.sampled_from(names), values, max_size=12))
    code = data.draw(st.none() | st.text(max_size=3))
    outcome = message.validate(record, Context(hospital_code=code))
    for fault in (*outcome.faults, *outcome.findings):
        assert len(fault.message) < 500
        (fault.message + fault.value + fault.field).encode()


@each_message
@settings(max_examples=150, deadline=None)
@given(record=JSON)
def test_any_json_at_all(message: Message[object], record: object) -> None:
    assert message.validate(record, Context()).faults
