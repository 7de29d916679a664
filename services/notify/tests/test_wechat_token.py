"""One access token per appid, whoever asks."""

import asyncio
from datetime import timedelta

from radbridge.notify.channels.wechat_token import StoredToken
from radbridge.notify.domain.outcomes import Retry, StopConfiguration


async def test_replicas_share_one_token(bench):
    one, two = bench.wechat_tokens(holder="one"), bench.wechat_tokens(holder="two")

    tokens = await asyncio.gather(one.current(), two.current(), one.current())

    assert len({token.value for token in tokens}) == 1
    assert bench.tokens.leases == {}


async def test_a_token_is_renewed_in_its_last_five_minutes_while_the_old_one_still_works(bench):
    tokens = bench.wechat_tokens()
    first = await tokens.current()
    bench.clock.forward(minutes=114)
    assert await tokens.current() == first

    bench.clock.forward(minutes=2)
    second = await tokens.current()

    assert second.value != first.value
    old = await bench.client.post(
        f"{bench.url}/wechat/cgi-bin/message/template/send", params={"access_token": first.value}, json={}
    )
    assert old.json()["errcode"] == 40003


async def test_a_refused_token_is_forced_once_and_not_again_within_30_seconds(bench):
    tokens = bench.wechat_tokens()
    first = await tokens.current()

    second = await tokens.replace(first.value)
    third = await tokens.replace(second.value)

    assert isinstance(second, StoredToken)
    assert second.value != first.value
    assert third == Retry(bench.clock() + timedelta(seconds=30), third.reason)
    assert bench.tokens.leases == {}


async def test_a_token_that_another_replica_replaced_is_taken_over(bench):
    one, two = bench.wechat_tokens(holder="one"), bench.wechat_tokens(holder="two")
    first = await one.current()
    second = await one.replace(first.value)

    assert await two.replace(first.value) == second


async def test_a_lease_held_elsewhere_postpones_and_an_ended_one_is_taken(bench):
    bench.tokens.leases["wxofficial"] = ("gone", bench.clock() + timedelta(seconds=20))

    assert isinstance(await bench.wechat_tokens().current(), Retry)
    bench.clock.forward(seconds=21)
    assert isinstance(await bench.wechat_tokens().current(), StoredToken)


async def test_a_lost_lease_keeps_the_winners_token(bench):
    bench.tokens.lost = True

    assert isinstance(await bench.wechat_tokens().current(), Retry)
    assert bench.tokens.tokens == {}


async def test_wrong_credentials_free_the_lease(bench):
    outcome = await bench.wechat_tokens(secret="WRONG").current()

    assert isinstance(outcome, StopConfiguration)
    assert bench.tokens.leases == {}


async def test_neither_token_nor_secret_shows_in_repr(bench):
    token = await bench.wechat_tokens().current()

    assert token.value not in repr(token)
