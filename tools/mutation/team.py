"""Several workshops at work, each with a mutant of its own."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from time import monotonic
from types import TracebackType

import psutil

from market.errors import MarketError
from tools.mutation.compiler import Compiler
from tools.mutation.mutants import Mutant
from tools.mutation.results import Results
from tools.mutation.trial import Fate, Notes, Trial
from tools.mutation.workshop import Workshop


class Team:
    """Tries mutants, as many at a time as there are workers, within a `with` block.

    MarketError at its beginning unless the contract itself passes the tests. `fates` are of mutants
    tried earlier.
    """

    def __init__(self, first: Workshop, workers: int, fates: Iterable[Fate]) -> None:
        self._first = first
        self._workers = workers
        self._notes = Notes({fate.code: fate for fate in fates if fate.code})
        self._free: SimpleQueue[Trial] = SimpleQueue()
        self._ends_s = float("inf")

    def __enter__(self) -> "Team":
        self._first.build()
        with ExitStack() as stack:
            trials = [self._trial(stack, number) for number in range(1, self._workers + 1)]
            trials[0].check()
            self._compilers = stack.pop_all()
        for trial in trials:
            self._free.put(trial)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._compilers.close()

    def try_all(self, mutants: list[Mutant], results: Results, ends_s: float) -> None:
        """Try the mutants, begin with none after `ends_s`, and write down each one's fate."""
        self._ends_s = ends_s
        with ThreadPoolExecutor(self._workers) as workers:
            try:
                self._collect(workers, mutants, results)
            except BaseException:
                # What was under way has no fate: its processes are ended, so that it ends too.
                workers.shutdown(wait=False, cancel_futures=True)
                _end_children()
                raise

    def _collect(
        self, workers: ThreadPoolExecutor, mutants: list[Mutant], results: Results
    ) -> None:
        begun = [workers.submit(self._tried, mutant) for mutant in mutants]
        for number, done in enumerate(as_completed(begun), 1):
            if (tried := done.result()) is None:
                continue
            results.add(*tried)
            mutant, fate, seconds = tried
            print(f"{number}/{len(begun)} {seconds:.1f} s {fate.fate}: {mutant}", flush=True)

    def _tried(self, mutant: Mutant) -> tuple[Mutant, Fate, float] | None:
        started_s = monotonic()
        if started_s > self._ends_s:
            return None
        trial = self._free.get()
        try:
            return mutant, trial.fate(mutant), monotonic() - started_s
        except MarketError as error:
            # A later run tries it again.
            print(f"No fate: {mutant}: {error}", flush=True)
            return None
        finally:
            self._free.put(trial)

    def _trial(self, stack: ExitStack, number: int) -> Trial:
        first = self._first
        folder = first.folder.with_name(str(number))
        workshop = first if number == 1 else Workshop.made(folder, first.folder)
        return Trial(workshop, stack.enter_context(Compiler(folder)), self._notes)


def _end_children() -> None:
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            child.terminate()
