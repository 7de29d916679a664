"""Settings of ``notify``. Environment: ``RADBRIDGE_NOTIFY_…``."""

import re
from datetime import time, timedelta

from pydantic import field_validator
from pydantic_settings import SettingsConfigDict

from radbridge.notify.domain.occasions import OccasionRules
from radbridge.notify.domain.quiet_hours import QuietHours
from radbridge.notify.domain.routing import ChannelPolicy
from radbridge.runtime.settings import EnvironmentSettings

_QUIET_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class NotifySettings(EnvironmentSettings):
    """When and how patients are told."""

    model_config = SettingsConfigDict(env_prefix="RADBRIDGE_NOTIFY_")

    max_age: timedelta = timedelta(days=3)
    """Older reports never cause a message: what a rebuild or a long outage brings is history."""
    repeat_after: timedelta = timedelta(hours=24)
    """A changed report signed again is told anew when the last message is at least so much older."""
    link_valid: timedelta = timedelta(days=7)
    """How long a patient's link opens."""
    channels: ChannelPolicy = ChannelPolicy.EVERY_WAY
    """``every_way``: SMS and WeChat; ``first_way``: the first of them that works."""
    quiet_hours: str = ""
    """Local hours (Asia/Shanghai) in which nothing is sent, for example ``22:00-08:00``; empty: none."""
    vendor_timeout: timedelta = timedelta(seconds=5)
    """For one request to a vendor."""

    @field_validator("quiet_hours")
    @classmethod
    def _is_a_span(cls, text: str) -> str:
        if text and _QUIET_HOURS.fullmatch(text) is None:
            raise ValueError("not of the form 22:00-08:00")
        return text

    @property
    def quiet(self) -> QuietHours | None:
        """The quiet hours, if there are any."""
        found = _QUIET_HOURS.fullmatch(self.quiet_hours)
        if found is None:
            return None
        from_hour, from_minute, to_hour, to_minute = map(int, found.groups())
        return QuietHours(time(from_hour, from_minute), time(to_hour, to_minute))

    @property
    def occasions(self) -> OccasionRules:
        """When a signed report is told."""
        return OccasionRules(self.max_age, self.repeat_after)
