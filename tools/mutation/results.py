"""What became of every mutant, one line of JSON each, and what that comes to."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from tools.export_contract import ROOT
from tools.mutation.mutants import Mutant
from tools.mutation.trial import ENDLESS, FUZZED, SURVIVED, TESTED, Fate

FOLDER = ROOT / "mutants"
_KILLED = (FUZZED, TESTED, ENDLESS)


class Results:
    """The fates of the mutants of one state of the contract, in a file of that state."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def of_contract(cls, root: Path) -> "Results":
        """Return those of the contract as it is in `root`."""
        state = hashlib.sha256()
        for source in sorted((root / "contracts").rglob("*.sol")):
            if source.parent.name != "test":
                state.update(source.read_bytes())
        return cls(FOLDER / f"contract-{state.hexdigest()[:8]}.jsonl")

    def read(self) -> dict[Mutant, Fate]:
        """Return what is known. Of several fates of a mutant the last counts."""
        lines = self._file.read_text("utf-8").splitlines() if self._file.exists() else []
        rows = map(json.loads, lines)
        return {Mutant(**row["mutant"]): Fate(**row["fate"]) for row in rows}

    def add(self, mutant: Mutant, fate: Fate, seconds: float) -> None:
        """Write down what became of a mutant, and in how long."""
        row = {"fate": asdict(fate), "seconds": round(seconds, 1), "mutant": asdict(mutant)}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def summary(mutants: Iterable[Mutant], fates: Mapping[Mutant, Fate]) -> str:
    """Return how many mutants had which fate, the share of those killed, and who survived."""
    tried = [mutant for mutant in mutants if mutant in fates]
    counts = Counter(fates[mutant].fate for mutant in tried)
    killed = sum(counts[fate] for fate in _KILLED)
    judged = killed + counts[SURVIVED]
    share = f"{killed} of {judged} killed ({killed / judged:.1%})" if judged else "none to kill"
    survivors = [f"  {mutant}" for mutant in tried if fates[mutant].fate == SURVIVED]
    lines = [f"{count:6} {fate}" for fate, count in counts.most_common()]
    return "\n".join(["Survived:", *survivors, f"{len(tried)} mutants:", *lines, share])
