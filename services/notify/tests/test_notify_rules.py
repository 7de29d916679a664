"""When a report is told, by which route, with what code."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from radbridge.notify.domain.delivery import Failure
from radbridge.notify.domain.field_rules import FieldKind, fits
from radbridge.notify.domain.links import new_code, patient_link
from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.domain.occasions import Addressee, OccasionRules, SignedReport, Told, notification_id
from radbridge.notify.domain.routing import ChannelPolicy, next_channel, routes
from radbridge.notify.settings import NotifySettings
from radbridge.runtime.settings import SettingsError, load_settings

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
RULES = OccasionRules(max_age=timedelta(days=3), repeat_after=timedelta(hours=24))
ALIYUN, TENCENT = ChannelName.ALIYUN_SMS, ChannelName.TENCENT_SMS
OFFICIAL, MINI = ChannelName.WECHAT_OFFICIAL, ChannelName.WECHAT_MINI


@pytest.mark.parametrize(
    ("content", "hours_after", "is_news"),
    [("B", 24, True), ("B", 23.9, False), ("A", 48, False), ("B", -1, False)],
)
def test_a_told_report_is_news_when_changed_and_long_after(content: str, hours_after: float, is_news: bool) -> None:
    report = SignedReport(NOW + timedelta(hours=hours_after), content)
    assert RULES.is_news(report, Told(NOW, "A", Addressee("record"))) is is_news
    assert RULES.is_news(report, None)


@pytest.mark.parametrize(
    ("patient", "is_corrected"),
    [
        (Addressee("record", "D1", "1"), False),
        (Addressee("other", "D1", "1"), False),
        (Addressee("record", "D1", None), False),
        (Addressee("record", None, "1"), False),
        (Addressee("other", None, "1"), True),
        (Addressee("record", "D2", "1"), True),
        (Addressee("record", "D1", "2"), True),
    ],
)
def test_another_record_document_or_phone_is_a_correction(patient: Addressee, is_corrected: bool) -> None:
    told = Told(NOW, "A", Addressee("record", "D1", "1"))
    assert RULES.is_corrected([patient], told, NOW) is is_corrected
    assert not RULES.is_corrected([patient, told.addressee], told, NOW)
    assert not RULES.is_corrected([patient], None, NOW)
    restored = Told(NOW, "A", told.addressee, is_restored=True)
    assert not RULES.is_corrected([patient], restored, NOW)
    assert RULES.is_corrected([patient], restored, NOW + timedelta(seconds=1)) is is_corrected


def test_age_is_counted_to_the_moment() -> None:
    assert RULES.is_fresh(NOW - timedelta(days=3), NOW)
    assert not RULES.is_fresh(NOW - timedelta(days=3, microseconds=1), NOW)


def test_notification_ids_are_derived() -> None:
    report = UUID("8f3d5a52-6a0e-5c55-9d0b-0f6f1c9e7a11")
    ids = [notification_id(report, earlier) for earlier in range(3)]
    assert len(set(ids)) == 3
    assert ids == [notification_id(report, earlier) for earlier in range(3)]


@pytest.mark.parametrize(
    ("reachable", "every_way", "first_way"),
    [
        ((), (), ()),
        ((ALIYUN,), ((ALIYUN,),), ((ALIYUN,),)),
        ((TENCENT, ALIYUN), ((ALIYUN, TENCENT),), ((ALIYUN, TENCENT),)),
        ((ALIYUN, MINI, OFFICIAL), ((OFFICIAL, MINI), (ALIYUN,)), ((OFFICIAL, MINI, ALIYUN),)),
    ],
)
def test_routes(reachable: tuple[ChannelName, ...], every_way: object, first_way: object) -> None:
    assert routes(ChannelPolicy.EVERY_WAY, reachable) == every_way
    assert routes(ChannelPolicy.FIRST_WAY, reachable) == first_way


@pytest.mark.parametrize(
    ("failed", "failure", "alternatives", "expected"),
    [
        (ALIYUN, Failure.NEXT_CHANNEL, (TENCENT,), TENCENT),
        (ALIYUN, Failure.CONFIGURATION, (TENCENT,), TENCENT),
        (ALIYUN, Failure.UNRESOLVED, (TENCENT,), None),
        (ALIYUN, Failure.NEXT_CHANNEL, (), None),
        (ALIYUN, Failure.ADDRESS, (TENCENT,), None),
        (OFFICIAL, Failure.ADDRESS, (MINI, ALIYUN), MINI),
        (ALIYUN, None, (TENCENT,), None),
    ],
)
def test_what_takes_over(
    failed: ChannelName, failure: Failure | None, alternatives: tuple[ChannelName, ...], expected: ChannelName | None
) -> None:
    assert next_channel(failed, failure, alternatives) is expected


def test_codes_fit_the_tightest_variable_and_do_not_repeat() -> None:
    codes = {new_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert all(fits(FieldKind.SMS_VARIABLE, code, 12) and code.isalnum() and code.isascii() for code in codes)
    code = codes.pop()
    assert patient_link("https://r.example.cn", code) == f"https://r.example.cn/p/{code}"


def test_quiet_hours_are_off_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(NotifySettings).quiet is None
    monkeypatch.setenv("RADBRIDGE_NOTIFY_QUIET_HOURS", "22:00-08:00")
    quiet = load_settings(NotifySettings).quiet
    assert quiet is not None
    assert quiet.not_before(datetime(2026, 3, 2, 15, 0, tzinfo=UTC)) == datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
    for wrong in ("22-08", "25:00-08:00", "22:00-08:60", "always"):
        monkeypatch.setenv("RADBRIDGE_NOTIFY_QUIET_HOURS", wrong)
        with pytest.raises(SettingsError, match="RADBRIDGE_NOTIFY_QUIET_HOURS"):
            load_settings(NotifySettings)
