"""The Aliyun channel against its stand-in."""

from datetime import timedelta

import pytest

from radbridge.notify.domain.outcomes import (
    Accepted,
    Confirmed,
    NextChannel,
    Reason,
    Refused,
    Retry,
    SafeToRepeat,
    StopAddress,
    StopConfiguration,
    Unknown,
)

PHONE = "13800000000"


@pytest.mark.proves("SZ-303")
async def test_a_good_message_reaches_number_and_text(bench, sms):
    message = sms()

    outcome = await bench.aliyun().send(message)

    (kept,) = await bench.accepted("aliyun")
    assert outcome == Accepted(kept["provider_id"])
    assert kept["recipient"] == PHONE
    assert kept["text"] == "【影桥】张*您好，您的报告已出：https://r.example.cn/p/4370"
    assert kept["correlation_id"] == str(message.delivery_id)


async def test_wrong_secret_stops_the_channel_without_a_message(bench, sms):
    outcome = await bench.aliyun(access_key_secret="WRONG").send(sms())

    assert isinstance(outcome, StopConfiguration)
    assert outcome.reason.code == "SignatureDoesNotMatch"
    assert await bench.accepted("aliyun") == []


async def test_unknown_key_stops_the_channel(bench, sms):
    outcome = await bench.aliyun(access_key_id="NOBODY").send(sms())

    assert isinstance(outcome, StopConfiguration)
    assert outcome.reason.code == "InvalidAccessKeyId.NotFound"


async def test_a_used_nonce_is_refused_and_signed_again_with_a_new_one(bench, sms):
    bench.nonces = ["n-1", "n-1", "n-2"]
    channel = bench.aliyun()

    assert isinstance(await channel.send(sms()), Accepted)
    assert isinstance(await channel.send(sms()), Accepted)

    assert bench.nonces == []
    assert len(await bench.accepted("aliyun")) == 2


async def test_a_nonce_that_stays_used_goes_to_the_operator(bench, sms):
    bench.nonces = ["n-1", "n-1", "n-1"]
    channel = bench.aliyun()
    await channel.send(sms())

    outcome = await channel.send(sms())

    assert isinstance(outcome, StopConfiguration)
    assert outcome.reason.code == "SignatureNonceUsed"


@pytest.mark.parametrize("minutes", [-16, 16])
async def test_a_skewed_clock_goes_to_the_operator(bench, sms, minutes):
    skewed = type(bench.clock)(bench.clock.now + timedelta(minutes=minutes))

    outcome = await bench.aliyun(clock=skewed).send(sms())

    assert isinstance(outcome, StopConfiguration)
    assert outcome.reason.code == "InvalidTimeStamp.Expired"
    assert await bench.accepted("aliyun") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"template": "SMS_1"}, "isv.SMS_TEMPLATE_ILLEGAL"),
        ({"fields": (("name", "张*"),)}, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ({"fields": (("name", "长" * 36), ("code", "4370"))}, "isv.PARAM_LENGTH_LIMIT"),
        ({"fields": (("name", "张*"), ("code", "https://r.example.cn"))}, "isv.PARAM_NOT_SUPPORT_URL"),
        ({"fields": (("name", "张*"), ("code", ""))}, "isv.INVALID_JSON_PARAM"),
    ],
)
async def test_messages_that_break_the_template_stop_the_channel(bench, sms, changes, code):
    outcome = await bench.aliyun().send(sms(**changes))

    assert isinstance(outcome, StopConfiguration)
    assert outcome.reason.code == code
    assert await bench.accepted("aliyun") == []


async def test_an_unapproved_signature_stops_the_channel(bench, sms):
    outcome = await bench.aliyun(sign_name="别家").send(sms())

    assert isinstance(outcome, StopConfiguration)
    assert outcome.reason.code == "isv.SMS_SIGNATURE_ILLEGAL"


async def test_a_landline_is_never_sent(bench, sms):
    outcome = await bench.aliyun().send(sms(recipient="010-65551234"))

    assert isinstance(outcome, StopAddress)
    assert "65551234" not in repr(outcome)


async def test_more_than_a_number_may_get_in_a_day_goes_to_the_next_channel(bench, sms):
    channel = bench.aliyun()
    for _ in range(5):
        assert isinstance(await channel.send(sms()), Accepted)

    outcome = await channel.send(sms())

    assert isinstance(outcome, NextChannel)
    assert outcome.reason.code == "isv.BUSINESS_LIMIT_CONTROL"


async def test_a_timeout_after_acceptance_is_unknown_and_asking_finds_the_message(bench, sms):
    await bench.order("aliyun", "hold_after_accepting")
    message, channel = sms(), bench.aliyun()
    sent_at = bench.clock()

    outcome = await bench.aliyun(timeout=1).send(message)
    await bench.reported("aliyun")

    assert isinstance(outcome, Unknown)
    assert await channel.ask(message, sent_at) == Confirmed("DELIVERED")
    assert len(await bench.accepted("aliyun")) == 1


async def test_asking_tells_a_failed_delivery(bench, sms):
    message, channel = sms(recipient="13900000009"), bench.aliyun()
    await channel.send(message)
    await bench.reported("aliyun")

    assert await channel.ask(message, bench.clock()) == Refused(Reason("MOBILE_NOT_ON_SERVICE"))


async def test_a_message_that_never_arrived_may_be_repeated_only_after_the_settling_time(bench, sms):
    await bench.order("aliyun", "hold_before_accepting")
    message, channel = sms(), bench.aliyun()
    sent_at = bench.clock()
    assert isinstance(await bench.aliyun(timeout=1).send(message), Unknown)

    assert isinstance(await channel.ask(message, sent_at), Unknown)
    bench.clock.forward(minutes=6)
    assert await channel.ask(message, sent_at) == SafeToRepeat()


async def test_asking_looks_past_other_messages_to_the_number_and_past_midnight(bench, sms):
    bench.clock.now = bench.clock.now.replace(hour=15, minute=59, second=59)
    message, channel = sms(), bench.aliyun()
    sent_at = bench.clock()
    bench.clock.forward(seconds=2)
    await channel.send(sms())
    await channel.send(message)
    await bench.reported("aliyun", times=2)

    assert await channel.ask(message, sent_at) == Confirmed("DELIVERED")


async def test_asking_in_vain_stays_unknown(bench, sms):
    outcome = await bench.aliyun(access_key_secret="WRONG").ask(sms(), bench.clock() - timedelta(hours=1))

    assert isinstance(outcome, Unknown)


@pytest.mark.proves("SZ-303")
async def test_throttling_is_retried_later_and_then_accepted(bench, sms):
    await bench.order("aliyun", "refuse", "Throttling.User")
    message, channel = sms(), bench.aliyun()

    outcome = await channel.send(message)

    assert isinstance(outcome, Retry)
    assert outcome.after == bench.clock() + timedelta(seconds=2)
    assert outcome.reason.code == "Throttling.User"
    assert isinstance(await channel.send(message), Accepted)
