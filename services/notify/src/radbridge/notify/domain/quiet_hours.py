"""The hours in which only urgent messages go out."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from radbridge.notify.domain.local_time import SHANGHAI


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily window of local time, over midnight where ``start`` is later than ``end``; empty where they are equal."""

    start: time = time(22)
    end: time = time(8)
    zone: ZoneInfo = SHANGHAI

    def not_before(self, moment: datetime) -> datetime:
        """``moment`` itself outside the window, else the window's end; aware in, UTC out."""
        local = moment.astimezone(self.zone)
        if not self._covers(local.time()):
            return moment.astimezone(UTC)
        ends_tomorrow = local.time() >= self.end
        day = local.date() + timedelta(days=1 if ends_tomorrow else 0)
        return datetime.combine(day, self.end, self.zone).astimezone(UTC)

    def _covers(self, local: time) -> bool:
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end
