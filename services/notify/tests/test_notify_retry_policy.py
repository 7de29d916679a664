"""Each vendor code leads to the action that the vendor's documentation asks for, over the wire."""

from datetime import UTC, datetime, timedelta

import pytest

from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.domain.outcomes import (
    Accepted,
    NextChannel,
    Reason,
    Retry,
    StopAddress,
    StopConfiguration,
    Unknown,
)
from radbridge.notify.domain.retry_policy import TABLES, outcome_of

NOW = datetime(2026, 3, 2, 2, 0, 5, tzinfo=UTC)

ALIYUN = {
    Retry: ["Throttling.User", "isp.SYSTEM_ERROR"],
    NextChannel: ["isv.BUSINESS_LIMIT_CONTROL", "isv.BLACK_KEY_CONTROL_LIMIT", "isv.DENY_IP_RANGE"],
    StopAddress: ["isv.MOBILE_NUMBER_ILLEGAL"],
    StopConfiguration: [
        "isv.OUT_OF_SERVICE",
        "isv.AMOUNT_NOT_ENOUGH",
        "isv.PRODUCT_UN_SUBSCRIPT",
        "isv.SMS_TEMPLATE_ILLEGAL",
        "isv.SMS_SIGNATURE_ILLEGAL",
        "isv.TEMPLATE_MISSING_PARAMETERS",
        "isv.INVALID_JSON_PARAM",
        "isv.PARAM_LENGTH_LIMIT",
        "isv.PARAM_NOT_SUPPORT_URL",
        "isp.RAM_PERMISSION_DENY",
        "isv.NEVER_HEARD_OF",
    ],
    Unknown: ["InternalError"],
    Accepted: ["SignatureNonceUsed", "InvalidTimeStamp.Expired"],
}
TENCENT = {
    Retry: [
        "InternalError.SendAndRecvFail",
        "InternalError.RequestTimeException",
        "RequestLimitExceeded",
        "LimitExceeded.PhoneNumberThirtySecondLimit",
        "LimitExceeded.PhoneNumberOneHourLimit",
        "LimitExceeded.DeliveryFrequencyLimit",
    ],
    NextChannel: [
        "LimitExceeded.PhoneNumberDailyLimit",
        "LimitExceeded.PhoneNumberSameContentDailyLimit",
        "FailedOperation.PhoneNumberInBlacklist",
    ],
    StopAddress: ["InvalidParameterValue.IncorrectPhoneNumber", "FailedOperation.PhoneNumberParseFail"],
    StopConfiguration: [
        "FailedOperation.InsufficientBalanceInSmsPackage",
        "UnauthorizedOperation.RequestIpNotInWhitelist",
        "AuthFailure.SignatureFailure",
        "FailedOperation.SignatureIncorrectOrUnapproved",
        "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
        "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
        "NeverHeardOf",
    ],
    Unknown: ["InternalError.Timeout", "InternalError.OtherError"],
    Accepted: ["AuthFailure.SignatureExpire"],
}
WECHAT = {
    Retry: ["-1", "45011", "45047"],
    NextChannel: ["45009", "43101", "43004", "43019"],
    StopAddress: ["40003"],
    StopConfiguration: [
        *("40013", "40125", "40164", "61004", "40037", "41030", "47003", "48001", "48004", "99999"),
    ],
    Accepted: ["40001", "40014", "42001"],
}


async def outcomes_of(bench, gateway, expected, send):
    """What each code, refused once, leads to; codes under Accepted are remedied by the channel itself."""
    met = {}
    for code in [code for codes in expected.values() for code in codes]:
        await bench.order(gateway, "refuse", code)
        met[code] = type(await send())
        bench.clock.forward(days=1)
    return met


@pytest.mark.proves("SZ-303")
async def test_aliyun_codes(bench, sms):
    channel = bench.aliyun()

    met = await outcomes_of(bench, "aliyun", ALIYUN, lambda: channel.send(sms()))

    assert met == {code: kind for kind, codes in ALIYUN.items() for code in codes}


@pytest.mark.proves("SZ-303")
async def test_tencent_codes(bench, tencent_sms):
    channel = bench.tencent()

    met = await outcomes_of(bench, "tencent", TENCENT, lambda: channel.send(tencent_sms()))

    assert met == {code: kind for kind, codes in TENCENT.items() for code in codes}


@pytest.mark.proves("SZ-298")
async def test_wechat_codes(bench, official_message):
    channel = bench.official()

    met = await outcomes_of(bench, "wechat_official", WECHAT, lambda: channel.send(official_message()))

    assert met == {code: kind for kind, codes in WECHAT.items() for code in codes}


def test_both_wechat_channels_follow_one_table():
    assert TABLES[ChannelName.WECHAT_MINI] is TABLES[ChannelName.WECHAT_OFFICIAL]


def test_every_channel_has_a_table():
    assert TABLES.keys() == set(ChannelName)


@pytest.mark.parametrize(
    ("channel", "code", "attempt", "after"),
    [
        (ChannelName.WECHAT_MINI, "-1", 1, timedelta(seconds=2)),
        (ChannelName.WECHAT_MINI, "-1", 4, timedelta(seconds=16)),
        (ChannelName.WECHAT_MINI, "-1", 30, timedelta(hours=1)),
        (ChannelName.WECHAT_MINI, "45011", 1, timedelta(seconds=55)),
        (ChannelName.TENCENT_SMS, "LimitExceeded.PhoneNumberThirtySecondLimit", 5, timedelta(seconds=30)),
        (ChannelName.TENCENT_SMS, "LimitExceeded.PhoneNumberOneHourLimit", 2, timedelta(hours=1)),
    ],
)
def test_delays_grow_to_a_limit_unless_the_vendor_names_one(channel, code, attempt, after):
    outcome = outcome_of(channel, Reason(code), attempt, NOW)

    assert outcome == Retry(NOW + after, Reason(code))


def test_vendors_words_are_kept_without_phone_and_document_numbers():
    reason = Reason.from_vendor("isv.X", "13800000000 invalid, 11010519491231002X too")

    assert reason.text == "*** invalid, *** too"
