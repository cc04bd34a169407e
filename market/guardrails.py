"""What a household lets its consumer do on its own."""

from dataclasses import dataclass
from datetime import datetime

from market.model import Request
from market.quiet_hours import QuietHours
from market.units import format_eth_per_kwh


@dataclass(frozen=True, slots=True)
class Guardrails:
    """Limits of a household; without any, every request is answered."""

    lowest_price_wei_per_wh: int = 0
    maximum_requests_per_day: int | None = None
    quiet_hours: QuietHours | None = None

    def objection(self, request: Request, now_s: int, answered_today: int) -> str:
        """Return why a request is to be left alone at this chain time, nothing if it is not."""
        highest = request.maximum_price_wei_per_wh
        if highest < self.lowest_price_wei_per_wh:
            return (
                f"it pays at most {format_eth_per_kwh(highest)} ETH/kWh, and "
                f"LOWEST_PRICE_ETH_PER_KWH is {format_eth_per_kwh(self.lowest_price_wei_per_wh)}"
            )
        if self.quiet_hours and self.quiet_hours.cover(now_s):
            return f"it is within QUIET_HOURS, {self.quiet_hours}"
        most = self.maximum_requests_per_day
        if most is not None and answered_today >= most:
            return (
                f"{answered_today} requests were answered today, and MAX_REQUESTS_PER_DAY is {most}"
            )
        return ""


def midnight_s(now_s: int) -> int:
    """Return when the day of a Unix time began, by the clocks where this device is."""
    now = datetime.fromtimestamp(now_s)
    return int(now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
