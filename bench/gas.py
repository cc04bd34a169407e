"""All gas figures, measured afresh."""

from bench import bidding, paying, selecting, upkeep
from bench.artifact import Artifact
from bench.chain import local_chain
from bench.figures import Section
from bench.workbench import Workbench


def measure(artifact: Artifact) -> list[Section]:
    """Return every figure; WrongOutcome when the contract does not do what it should."""
    with local_chain() as chain:
        bench = Workbench(chain, artifact)
        return [part.section(bench) for part in (bidding, selecting, paying, upkeep)]
