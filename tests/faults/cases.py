"""Many cases of one test, several at a time: most of what they do is wait."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from tempfile import mkdtemp
from typing import TypeVar

import pytest

from tests.faults.world import World

Case = TypeVar("Case")
Played = TypeVar("Played")


def play_all(
    worlds: Sequence[World],
    folder: Path,
    cases: Iterable[Case],
    play: Callable[[World, Case], Played],
) -> list[Played]:
    """Return what each case gives when played in a world that starts anew.

    The test fails with what every case that failed has to say.
    """
    free: Queue[World] = Queue()
    for world in worlds:
        free.put(world)
    failures: list[str] = []

    def played(case: Case) -> Played | None:
        world = free.get()
        own = Path(mkdtemp(dir=folder))
        try:
            return play(world.begin(own), case)
        # A failure of a test's own is no Exception.
        except BaseException as problem:
            failures.append(f"--- {case}: {type(problem).__name__}: {problem}")
            return None
        finally:
            world.end()
            free.put(world)

    with ThreadPoolExecutor(len(worlds)) as pool:
        outcomes = [*pool.map(played, cases)]
    if failures:
        pytest.fail(f"{len(failures)} failed:\n" + "\n".join(failures), pytrace=False)
    return outcomes
