"""The utility in a process of its own, as an operator starts it, and how long each phase takes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from bench.chain import WrongOutcome
from bench.device_consumer import Household, started

OPEN, CLOSED, SELECTED, PAID = "is open", "Gate closed", "Winners selected", "All winners are paid"
"""How the lines read that begin or end a phase."""
_END = "its end"
_START_S, _END_S = 180, 900


@dataclass(frozen=True, slots=True)
class Phases:
    """When the phases after gate closure began, by the machine's clock, and the most memory."""

    closed_s: float
    selected_s: float
    paid_s: float
    end_s: float
    peak_mb: float


@dataclass(slots=True)
class Operator:
    """The running script: what it has said, and when each phase began, by the machine's clock."""

    process: subprocess.Popen[str]
    peak_file: Path
    said: list[str] = field(default_factory=list)
    times_s: dict[str, float] = field(default_factory=dict)
    opened: Event = field(default_factory=Event)
    ended: Event = field(default_factory=Event)

    def listen(self) -> None:
        """Take in what it says until its end."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            for phase in (OPEN, CLOSED, SELECTED, PAID):
                if phase in line:
                    self.times_s.setdefault(phase, monotonic())
            if OPEN in line:
                self.opened.set()
        self.times_s[_END] = monotonic()
        self.opened.set()
        self.ended.set()

    def wait_until_open(self) -> None:
        """Return when the request takes bids; WrongOutcome if it never does."""
        self.opened.wait(_START_S)
        if OPEN not in self.times_s:
            raise WrongOutcome(f"the utility made no request: {self._last_words()}")

    def wait_until_done(self) -> Phases:
        """Return how it went, once the last line of the report is out.

        WrongOutcome if it did not come to that.
        """
        ended = self.ended.wait(_END_S)
        if not ended or self.process.wait(_END_S) or PAID not in self.times_s:
            raise WrongOutcome(f"the utility did not finish: {self._last_words()}")
        return Phases(
            closed_s=self.times_s[CLOSED],
            selected_s=self.times_s[SELECTED],
            paid_s=self.times_s[PAID],
            end_s=self.times_s[_END],
            peak_mb=int(self.peak_file.read_text("ascii")) * 1024 / 1e6,
        )

    def _last_words(self) -> str:
        return "".join(self.said)[-500:]


@contextmanager
def operator(household: Household, words: list[str]) -> Iterator[Operator]:
    """Run the utility's script with these words while the block lasts."""
    peak_file = household.folder / "peak"
    command = [sys.executable, "-m", "bench.scale_operator", str(peak_file), *words]
    with started(command, household) as process:
        running = Operator(process, peak_file)
        listener = Thread(target=running.listen)
        listener.start()
        try:
            yield running
        finally:
            process.terminate()
            listener.join()
