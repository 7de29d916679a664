"""The Tencent Cloud channel against its stand-in."""

from datetime import timedelta

import pytest

from radbridge.notify.domain.outcomes import (
    Accepted,
    Confirmed,
    Reason,
    Refused,
    Retry,
    StopAddress,
    StopConfiguration,
    Unknown,
)


@pytest.mark.proves("SZ-303")
async def test_a_good_message_reaches_number_and_text(bench, tencent_sms):
    message = tencent_sms()

    outcome = await bench.tencent().send(message)

    (kept,) = await bench.accepted("tencent")
    assert outcome == Accepted(kept["provider_id"])
    assert kept["recipient"] == "+8613800000000"
    assert kept["text"] == "【影桥】张*您好，您的报告已出：https://r.example.cn/p/4370"
    assert kept["correlation_id"] == str(message.delivery_id)


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ({"secret_key": "WRONG"}, "AuthFailure.SignatureFailure"),
        ({"secret_id": "NOBODY"}, "AuthFailure.SecretIdNotFound"),
        ({"sdk_app_id": "1"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
        ({"sign_name": "别家"}, "FailedOperation.SignatureIncorrectOrUnapproved"),
        ({"region": ""}, "MissingParameter"),
    ],
)
async def test_a_wrong_account_stops_the_channel_without_a_message(bench, tencent_sms, account, code):
    outcome = await bench.tencent(**account).send(tencent_sms())

    assert isinstance(outcome, StopConfiguration)
    assert outcome.reason.code == code
    assert await bench.accepted("tencent") == []


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_skewed_clock_goes_to_the_operator(bench, tencent_sms, minutes):
    skewed = type(bench.clock)(bench.clock.now + timedelta(minutes=minutes))

    outcome = await bench.tencent(clock=skewed).send(tencent_sms())

    assert isinstance(outcome, StopConfiguration)
    assert outcome.reason.code == "AuthFailure.SignatureExpire"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"template": "9999"}, "FailedOperation.TemplateIncorrectOrUnapproved"),
        ({"fields": (("1", "张*"),)}, "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"),
        ({"fields": (("1", "长" * 13), ("2", "4370"))}, "InvalidParameterValue.TemplateParameterLengthLimit"),
        ({"fields": (("1", "张*"), ("2", "a.cn"))}, "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"),
    ],
)
async def test_messages_that_break_the_template_stop_the_channel(bench, tencent_sms, changes, code):
    outcome = await bench.tencent().send(tencent_sms(**changes))

    assert isinstance(outcome, StopConfiguration)
    assert outcome.reason.code == code


async def test_a_landline_is_never_sent(bench, tencent_sms):
    assert isinstance(await bench.tencent().send(tencent_sms(recipient="02865551234")), StopAddress)


async def test_too_many_to_a_number_in_30_seconds_wait_for_30(bench, tencent_sms):
    channel = bench.tencent()
    for _ in range(3):
        assert isinstance(await channel.send(tencent_sms()), Accepted)

    outcome = await channel.send(tencent_sms())

    assert isinstance(outcome, Retry)
    assert outcome.after == bench.clock() + timedelta(seconds=30)
    bench.clock.forward(seconds=31)
    assert isinstance(await channel.send(tencent_sms()), Accepted)


async def test_a_timeout_is_unknown_and_asking_finds_the_message(bench, tencent_sms):
    await bench.order("tencent", "hold_after_accepting")
    message, channel = tencent_sms(), bench.tencent()
    sent_at = bench.clock()

    assert isinstance(await bench.tencent(timeout=1).send(message), Unknown)
    await bench.reported("tencent")

    assert await channel.ask(message, sent_at) == Confirmed("DELIVRD")


async def test_asking_tells_a_failed_delivery(bench, tencent_sms):
    message, channel = tencent_sms(recipient="13900000009"), bench.tencent()
    await channel.send(message)
    await bench.reported("tencent")

    assert await channel.ask(message, bench.clock()) == Refused(Reason("UNDELIV"))


async def test_absence_proves_nothing_because_only_reported_messages_are_listed(bench, tencent_sms):
    sent_at = bench.clock()
    bench.clock.forward(hours=2)

    assert isinstance(await bench.tencent().ask(tencent_sms(), sent_at), Unknown)


async def test_the_vendors_own_timeout_is_asked_about_not_retried(bench, tencent_sms):
    await bench.order("tencent", "refuse", "InternalError.Timeout")

    assert isinstance(await bench.tencent().send(tencent_sms()), Unknown)
