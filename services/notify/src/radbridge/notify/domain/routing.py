"""Which channels a message takes, and where it goes when one of them fails.

Channels of one way (SMS, WeChat) are alternatives: two SMS vendors do not both send. Whether the ways themselves are
used side by side or one after the other is the installation's choice.
"""

from collections.abc import Collection
from enum import StrEnum

from radbridge.notify.domain.delivery import Failure
from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.domain.templates import SMS_CHANNELS

WAYS: tuple[tuple[ChannelName, ...], ...] = (
    (ChannelName.WECHAT_OFFICIAL, ChannelName.WECHAT_MINI),
    (ChannelName.ALIYUN_SMS, ChannelName.TENCENT_SMS),
)
"""WeChat comes first: it costs nothing, and what it takes for a bound person arrives."""

_FALLS_BACK = frozenset(
    {Failure.NEXT_CHANNEL, Failure.CONFIGURATION, Failure.EXHAUSTED, Failure.ADDRESS, Failure.UNDELIVERABLE}
)


class ChannelPolicy(StrEnum):
    """``every_way`` sends by SMS and by WeChat; ``first_way`` by the first that works."""

    EVERY_WAY = "every_way"
    FIRST_WAY = "first_way"


def routes(policy: ChannelPolicy, reachable: Collection[ChannelName]) -> tuple[tuple[ChannelName, ...], ...]:
    """One route per message to send: its first channel, then what to try when that fails."""
    ways = tuple(way for each in WAYS if (way := tuple(channel for channel in each if channel in reachable)))
    if policy is ChannelPolicy.EVERY_WAY or not ways:
        return ways
    return (tuple(channel for way in ways for channel in way),)


def next_channel(
    failed: ChannelName, failure: Failure | None, alternatives: tuple[ChannelName, ...]
) -> ChannelName | None:
    """The channel that takes over, or ``None``.

    What may have left (``UNRESOLVED``) is left alone: a second message would be worse than a doubtful one. A number
    that one SMS vendor calls wrong is wrong for the other too.
    """
    if failure not in _FALLS_BACK:
        return None
    for channel in alternatives:
        if failure is Failure.ADDRESS and {failed, channel} <= SMS_CHANNELS:
            continue
        return channel
    return None
