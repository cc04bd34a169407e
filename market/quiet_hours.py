"""Hours of the day in which a household wants to be left alone."""

import re
from dataclasses import dataclass
from datetime import datetime, time

from market.errors import MarketError

_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})", re.ASCII)
_FORM = "write two times such as 22:00-07:00"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of day to another, which may be of the next day; the end is not part of it."""

    start: time
    end: time

    def cover(self, time_s: int) -> bool:
        """Return whether they cover this Unix time, by the clocks where this device is."""
        now = datetime.fromtimestamp(time_s).time()
        if self.start < self.end:
            return self.start <= now < self.end
        return now >= self.start or now < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


def parse_quiet_hours(text: str) -> QuietHours:
    """Return hours written as 22:00-07:00; MarketError if they are not, or if they never begin."""
    written = _HOURS.fullmatch(text)
    if not written:
        raise MarketError(_FORM)
    hours = QuietHours(_time(written[1], written[2]), _time(written[3], written[4]))
    if hours.start == hours.end:
        raise MarketError(f"they begin and end at {hours.start:%H:%M}: {_FORM}")
    return hours


def _time(hour: str, minute: str) -> time:
    midnight = (hour, minute) == ("24", "00")
    try:
        return time(0 if midnight else int(hour), int(minute))
    except ValueError:
        raise MarketError(_FORM) from None
