"""The figures of a run, and what they are held to."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What one case costs (gas), and the most that it may.

    `replaced` is what the same took in the contract that this one replaces, as published.
    """

    case: str
    gas: int
    limit: int | None = None
    replaced: str = ""

    @property
    def is_above_limit(self) -> bool:
        """Say whether the case costs more than it may."""
        return self.limit is not None and self.gas > self.limit


@dataclass(frozen=True, slots=True)
class Section:
    """Figures that belong together; `note` says what holds for all of them."""

    title: str
    note: str
    figures: tuple[Figure, ...]


def above_limit(sections: Iterable[Section]) -> list[Figure]:
    """Return the figures that are above their limit."""
    return [figure for section in sections for figure in section.figures if figure.is_above_limit]


def share(gas: int, count: int) -> int:
    """Return the gas of one of so many, rounded up."""
    return -(-gas // count)
