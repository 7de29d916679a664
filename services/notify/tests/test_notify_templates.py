"""Messages say nothing medical, name nobody in full, and fit every vendor's fields."""

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from radbridge.notify.domain.field_rules import FIELD_RULES, FieldKind, fits, length, on_one_line, shorten, wechat_kind
from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.domain.templates import (
    REPORT_READY,
    REPORT_READY_FIELDS,
    SMS_CHANNELS,
    FieldMapping,
    TemplateCatalogue,
    TemplateError,
    VendorTemplate,
    mask_name,
)

VALUES = {
    "patient_name": "张三丰",
    "hospital_name": "内江市第一人民医院",
    "reported_at": datetime(2026, 3, 2, 2, 30, tzinfo=UTC),
    "link_code": "k7Qm2xWp",
}
CATALOGUE = TemplateCatalogue(
    tuple(
        VendorTemplate(REPORT_READY.key, channel, f"ID-{channel}", fields)
        for channel, fields in REPORT_READY_FIELDS.items()
    )
)


def rendered(channel: ChannelName, **changes: str) -> dict[str, str]:
    return dict(CATALOGUE.render("report_ready", channel, {**VALUES, **changes}).fields)


def test_report_ready_on_each_channel():
    assert CATALOGUE.channels("report_ready") == set(ChannelName)
    assert rendered(ChannelName.ALIYUN_SMS) == {"name": "张*", "hospital": "内江市第一人民医院", "code": "k7Qm2xWp"}
    assert rendered(ChannelName.TENCENT_SMS) == {"1": "张*", "2": "k7Qm2xWp"}
    assert rendered(ChannelName.WECHAT_OFFICIAL) == {
        "thing1": "张*",
        "thing2": "内江市第一人民医院",
        "time3": "2026年03月02日 10:30",
        "thing4": "点击查看报告与影像",
    }
    assert rendered(ChannelName.WECHAT_MINI)["phrase4"] == "已出报告"


@pytest.mark.parametrize(
    ("name", "masked"), [("张三丰", "张*"), ("欧阳娜娜", "欧*"), ("John Smith", "J*"), ("", "*"), (" \n李\t四 ", "李*")]
)
def test_names_are_masked(name, masked):
    assert mask_name(name) == masked


def test_a_long_hospital_name_is_shortened_and_a_long_code_is_not():
    long_name = "四川省内江市东兴区某某街道社区卫生服务中心第二门诊部"

    assert rendered(ChannelName.WECHAT_MINI, hospital_name=long_name)["thing2"] == long_name[:19] + "…"
    with pytest.raises(TemplateError, match="2"):
        rendered(ChannelName.TENCENT_SMS, link_code="x" * 13)


def test_a_url_never_becomes_an_sms_variable():
    with pytest.raises(TemplateError):
        rendered(ChannelName.ALIYUN_SMS, link_code="https://r.example.cn/p/1")


def test_errors_name_template_and_field_but_not_the_value():
    with pytest.raises(TemplateError) as caught:
        rendered(ChannelName.ALIYUN_SMS, link_code="SECRET" * 10)

    assert "report_ready" in str(caught.value)
    assert "code" in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_a_missing_value_and_an_unregistered_channel_are_errors():
    with pytest.raises(TemplateError, match="hospital_name is missing"):
        CATALOGUE.render("report_ready", ChannelName.ALIYUN_SMS, {"patient_name": "张三"})
    with pytest.raises(TemplateError, match="not registered"):
        TemplateCatalogue(()).render("report_ready", ChannelName.ALIYUN_SMS, VALUES)


@pytest.mark.parametrize(
    ("template", "mapping"),
    [
        ("unheard_of", FieldMapping("thing1", "patient_name")),
        ("report_ready", FieldMapping("thing1", "finding")),
        ("report_ready", FieldMapping("thing", "patient_name")),
        ("report_ready", FieldMapping("story1", "patient_name")),
        ("report_ready", FieldMapping("sms_variable1", "patient_name")),
        ("report_ready", FieldMapping("thing1")),
        ("report_ready", FieldMapping("thing1", "patient_name", "constant")),
        ("report_ready", FieldMapping("phrase1", constant="六个汉字太长")),
    ],
)
def test_a_wrong_mapping_stops_the_start(template, mapping):
    with pytest.raises(TemplateError):
        TemplateCatalogue((VendorTemplate(template, ChannelName.WECHAT_MINI, "ID", (mapping,)),))


def test_values_stay_out_of_repr():
    assert "张" not in repr(CATALOGUE.render("report_ready", ChannelName.ALIYUN_SMS, VALUES))


@given(name=st.text(), hospital=st.text(min_size=1), channel=st.sampled_from(ChannelName))
def test_whatever_name_and_hospital_the_fields_fit_or_the_template_refuses(name, hospital, channel):
    vendor = {mapping.field: mapping for mapping in REPORT_READY_FIELDS[channel]}
    try:
        fields = rendered(channel, patient_name=name, hospital_name=hospital)
    except TemplateError:
        assert not on_one_line(hospital) or channel in SMS_CHANNELS
        return

    for field, value in fields.items():
        kind = FieldKind.SMS_VARIABLE if channel in SMS_CHANNELS else wechat_kind(field)
        assert fits(kind, value, vendor[field].limit)
        if vendor[field].variable == "patient_name":
            assert value.endswith("*")
            assert len(value) <= 2


@example(text="ab\u0301\u0323cdef", limit=4)
@given(text=st.text(), limit=st.integers(min_value=1, max_value=40))
def test_shortening_keeps_the_limit_the_beginning_and_whole_characters(text, limit):
    short = shorten(text, limit)

    assert length(short) <= limit
    if length(text) <= limit:
        assert short == text
    else:
        kept = short.removesuffix("…")
        assert short != kept
        assert text.startswith(kept)
        assert not unicodedata.combining(text[len(kept)])


@given(st.text())
def test_lines_hold_no_control_characters_and_are_stable(text):
    line = on_one_line(text)

    assert on_one_line(line) == line
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in line)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (FieldKind.THING, "长" * 20, "长" * 21),
        (FieldKind.THING, "𠮷" * 10, "𠮷" * 11),
        (FieldKind.NUMBER, "1" * 32, "1" * 33),
        (FieldKind.NUMBER, "-3.5", "三"),
        (FieldKind.LETTER, "a" * 32, "a1"),
        (FieldKind.SYMBOL, "%&!?#", "%&!?#*"),
        (FieldKind.CHARACTER_STRING, "AB-12", "AB 12"),
        (FieldKind.TIME, "2026年3月2日 10:30", "今天"),
        (FieldKind.TIME, "15:01", "25:01"),
        (FieldKind.DATE, "2026-03-02", "02.03.2026"),
        (FieldKind.AMOUNT, "¥12345.60", "一元"),
        (FieldKind.PHONE_NUMBER, "+86-0832-2345678", "+86-0832-2345678901"),
        (FieldKind.CAR_NUMBER, "川K12345", "川K1234567"),
        (FieldKind.NAME, "十个汉字的名字正好十", "十一个汉字的名字太长了"),
        (FieldKind.NAME, "Exactly twenty chars", "Twenty-one characters"),
        (FieldKind.PHRASE, "五个汉字好", "六个汉字太长"),
        (FieldKind.SMS_VARIABLE, "长" * 35, "长" * 36),
        (FieldKind.SMS_VARIABLE, "k7Qm2xWp", "r.example.cn/p"),
    ],
)
def test_kinds(kind, good, bad):
    assert fits(kind, good)
    assert not fits(kind, bad)


def test_every_kind_has_a_rule():
    assert FIELD_RULES.keys() == set(FieldKind)
