"""The WeChat channels against their stand-in."""

import pytest

from radbridge.notify.domain.outcomes import (
    Accepted,
    NextChannel,
    Retry,
    SafeToRepeat,
    StopAddress,
    StopConfiguration,
    Unknown,
)


@pytest.mark.proves("SZ-298")
async def test_a_template_message_with_the_link_reaches_the_user(bench, official_message):
    message = official_message()

    outcome = await bench.official().send(message)

    (kept,) = await bench.accepted("wechat_official")
    assert outcome == Accepted(kept["provider_id"])
    assert kept["link"] == "https://r.example.cn/p/4370"
    assert kept["fields"] == {"thing1": "张*", "time2": "2026年03月02日 10:00"}
    assert kept["correlation_id"] == message.delivery_id.hex


@pytest.mark.proves("SZ-299")
async def test_a_subscription_message_opens_the_report_page(bench, mini_message):
    outcome = await bench.mini().send(mini_message())

    (kept,) = await bench.accepted("wechat_mini")
    assert outcome == Accepted(kept["provider_id"])
    assert kept["link"] == "pages/report?t=4370"


async def test_a_wrong_secret_stops_the_channel(bench, official_message):
    outcome = await bench.official(secret="WRONG").send(official_message())

    assert isinstance(outcome, StopConfiguration)
    assert outcome.reason.code == "40125"


@pytest.mark.parametrize(
    ("changes", "kind", "code", "named"),
    [
        ({"template": "TPL-NONE"}, StopConfiguration, "40037", "template_id"),
        ({"recipient": "oNOBODY"}, StopAddress, "40003", "openid"),
        ({"recipient": "oREFUSING"}, NextChannel, "43004", "subscribe"),
        ({"fields": (("thing1", "长" * 21), ("time2", "10:00"))}, StopConfiguration, "47003", "thing1"),
        ({"fields": (("thing1", "张*"), ("time2", "明天上午"))}, StopConfiguration, "47003", "time2"),
        ({"fields": (("thing1", "张*"),)}, StopConfiguration, "47003", "time2"),
    ],
)
async def test_template_messages_that_are_refused(bench, official_message, changes, kind, code, named):
    outcome = await bench.official().send(official_message(**changes))

    assert isinstance(outcome, kind)
    assert outcome.reason.code == code
    assert named in outcome.reason.text
    assert await bench.accepted("wechat_official") == []


@pytest.mark.parametrize(
    ("changes", "kind", "code"),
    [
        ({"page": "pages/other"}, StopConfiguration, "41030"),
        ({"recipient": "oREFUSING"}, NextChannel, "43101"),
        ({"fields": (("thing1", "张*"), ("phrase2", "六个汉字太长"))}, StopConfiguration, "47003"),
    ],
)
async def test_subscription_messages_that_are_refused(bench, mini_message, changes, kind, code):
    outcome = await bench.mini().send(mini_message(**changes))

    assert isinstance(outcome, kind)
    assert outcome.reason.code == code


async def test_a_spent_subscription_goes_to_the_next_channel(bench, mini_message):
    channel = bench.mini()
    for _ in range(2):
        assert isinstance(await channel.send(mini_message()), Accepted)

    outcome = await channel.send(mini_message())

    assert isinstance(outcome, NextChannel)
    assert outcome.reason.code == "43101"


async def test_a_timed_out_template_message_is_repeated_without_a_second_message(bench, official_message):
    await bench.official().send(official_message())
    await bench.order("wechat_official", "hold_after_accepting")
    message, sent_at = official_message(), bench.clock()

    assert isinstance(await bench.official(timeout=1).send(message), Unknown)
    assert await bench.official().ask(message, sent_at) == SafeToRepeat()
    repeated = await bench.official().send(message)

    first, second = await bench.accepted("wechat_official")
    assert first["correlation_id"] != second["correlation_id"]
    assert repeated == Accepted(second["provider_id"])


async def test_after_wechat_forgets_the_id_a_repeat_is_not_safe(bench, official_message):
    sent_at = bench.clock()
    bench.clock.forward(minutes=8)

    assert isinstance(await bench.official().ask(official_message(), sent_at), Unknown)


async def test_a_timed_out_subscription_message_cannot_be_cleared_by_asking(bench, mini_message):
    await bench.mini().send(mini_message())
    await bench.order("wechat_mini", "hold_after_accepting")
    message = mini_message()

    assert isinstance(await bench.mini(timeout=1).send(message), Unknown)
    assert isinstance(await bench.mini().ask(message, bench.clock()), Unknown)


async def test_a_busy_system_is_retried(bench, official_message):
    await bench.order("wechat_official", "refuse", "-1")

    assert isinstance(await bench.official().send(official_message()), Retry)


async def test_a_token_that_wechat_forgot_is_replaced_and_the_message_sent(bench, official_message):
    channel = bench.official()
    await channel.send(official_message())
    await bench.client.post(
        f"{bench.url}/wechat/cgi-bin/stable_token",
        json={
            "grant_type": "client_credential",
            "appid": "wxofficial",
            "secret": "OFFICIAL",
            "force_refresh": True,
        },
    )

    outcome = await channel.send(official_message())

    assert isinstance(outcome, Accepted)
    assert len(await bench.accepted("wechat_official")) == 2


async def test_a_token_refused_twice_goes_to_the_operator(bench, official_message):
    await bench.order("wechat_official", "refuse", "40001", times=2)

    outcome = await bench.official().send(official_message())

    assert isinstance(outcome, StopConfiguration)
    assert outcome.reason.code == "40001"
