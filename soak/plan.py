"""What goes wrong in a round: drawn from a seed, and so the same whenever it is drawn."""

from dataclasses import dataclass
from enum import Enum
from random import Random

from tests.faults.live_chain import Fate
from tests.faults.outages import OUTAGES


class Moment(Enum):
    """When a fault begins."""

    WAITING = "before the request"
    BIDDING = "while the gate is open"
    SETTLING = "when the gate closes"


class Kind(Enum):
    """What goes wrong."""

    KILL = "killed"
    OUTAGE = "node away"
    LAG = "node behind"
    SWALLOW = "transaction lost"
    REORGANISATION = "blocks replaced"
    FEE = "gas dearer"


UTILITY = "utility"
_MOST = 4
_WEIGHTS = {
    Kind.KILL: 6,
    Kind.OUTAGE: 5,
    Kind.LAG: 2,
    Kind.SWALLOW: 2,
    Kind.REORGANISATION: 3,
    Kind.FEE: 1,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong; each kind uses what it needs of the rest."""

    kind: Kind
    moment: Moment
    whom: str
    at_call: int
    after: bool
    forgets: bool
    seconds: float
    outage: str
    blocks: int
    fate: Fate

    def __str__(self) -> str:
        how = {
            Kind.KILL: f"{self.whom}, at call {self.at_call}, "
            + ("carried out" if self.after else "not carried out")
            + (", memory deleted" if self.forgets else ""),
            Kind.OUTAGE: f"{self.whom}, {self.outage}, {self.seconds} s",
            Kind.LAG: f"{self.whom}, {self.blocks} blocks, {self.seconds} s",
            Kind.SWALLOW: self.whom,
            Kind.REORGANISATION: f"{self.blocks} blocks, transactions {self.fate.value}",
            Kind.FEE: "",
        }[self.kind]
        return f"{self.kind.value} {self.moment.value} ({how})" if how else self.kind.value


def faults_of(seed: int, number: int, people: list[str]) -> list[Fault]:
    """Return what goes wrong in the round of that number, among these people."""
    random = Random(f"{seed}/{number}")
    kinds = random.choices([*_WEIGHTS], [*_WEIGHTS.values()], k=random.randint(0, _MOST))
    return [_drawn(random, kind, people) for kind in kinds]


def _drawn(random: Random, kind: Kind, people: list[str]) -> Fault:
    return Fault(
        kind=kind,
        moment=random.choice([*Moment]),
        whom=random.choice(people),
        at_call=random.randint(1, 30),
        after=random.random() < 0.5,
        forgets=random.random() < 0.2,
        seconds=round(random.uniform(0.2, 1.5), 1),
        outage=random.choice(OUTAGES),
        blocks=random.randint(1, 8),
        fate=random.choice([*Fate]),
    )
