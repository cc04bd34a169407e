"""What systemd is told by the service it has started, in its sd_notify protocol."""

import os
import socket
from collections.abc import Iterable
from contextlib import suppress

from market.masking import Mask


class ServiceManager:
    """Tells systemd how the service is, on one line and with the secrets masked.

    Where systemd has not started this process, and where it does not listen, nothing happens.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._mask = Mask(secrets)
        # No setting: systemd sets it, in the environment of a service of Type=notify.
        self._address = os.environ.get("NOTIFY_SOCKET", "")

    def ready(self, state: str) -> None:
        """The start is over; `state` is what `systemctl status` shows."""
        self._notify("READY=1", self._status(state))

    def alive(self, state: str) -> None:
        """The service works. To be told more often than WatchdogSec, or systemd restarts it."""
        self._notify("WATCHDOG=1", self._status(state))

    def stopping(self) -> None:
        """The service ends, and wants to."""
        self._notify("STOPPING=1", self._status("stopping"))

    def _status(self, state: str) -> str:
        return f"STATUS={self._mask(state)}"

    def _notify(self, *assignments: str) -> None:
        if not self._address:
            return
        # The name of an abstract socket begins with a zero, which no variable can hold.
        name = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
            # A system that is too busy to listen must not hold a bid up.
            notifier.setblocking(False)
            notifier.sendto("\n".join(assignments).encode(errors="replace"), name)
