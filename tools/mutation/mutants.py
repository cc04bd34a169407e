"""What to change in the contract and its libraries, as Slither's mutators say."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slither import Slither
from slither.core.cfg.node import Node
from slither.slithir.operations import Binary
from slither.tools.mutator.mutators import all_mutators
from slither.tools.mutator.mutators.abstract_mutator import AbstractMutator

from tools.analyse import slither_of
from tools.export_contract import ROOT, SOURCE
from tools.mutation import assembly

# Reverting instead of a statement, taking it out, or changing what it reckons with.
_MUTATORS = ("AOR", "ASOR", "BOR", "CR", "LIR", "LOR", "MIA", "MVIE", "MVIV", "ROR", "RR", "UOR")


@dataclass(frozen=True)
class Mutant:
    """A change of one place in a source file; `start` and `end` count bytes."""

    file: str
    start: int
    end: int
    line: int
    mutator: str
    old: str
    new: str

    def source(self, root: Path) -> str:
        """Return the file's content with the change."""
        content = (root / self.file).read_bytes()
        return (content[: self.start] + self.new.encode() + content[self.end :]).decode()

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {_short(self.old)} -> {_short(self.new)}"


def mutants(root: Path = ROOT) -> list[Mutant]:
    """Return every mutant of the contract and its own libraries, in an order that stays."""
    # The compiler's own warnings are about OpenZeppelin's files.
    logging.getLogger("CryticCompile").setLevel(logging.ERROR)
    slither = slither_of(root / SOURCE)
    found = {mutant for name in _MUTATORS for mutant in _mutants_by(slither, name, root)}
    for file in (root / SOURCE, *(root / "contracts/libraries").glob("*.sol")):
        found.update(_mutants_of_assembly(file, root))
    return sorted(found, key=lambda mutant: (mutant.file, mutant.start, mutant.mutator, mutant.new))


def _mutants_by(slither: Slither, name: str, root: Path) -> Iterator[Mutant]:
    mutator: type[AbstractMutator] = getattr(all_mutators, name)
    (unit,) = slither.compilation_units
    for contract in unit.contracts:
        file = Path(contract.source_mapping.filename.absolute)
        if not file.is_relative_to(root / "contracts") or contract.is_interface:
            continue
        made = _written_out(mutator)(unit, 0, "", "", contract, None, False, Path(), [])._mutate()
        for patch in made.get("patches", {}).get(str(file), []):
            old, new = patch["old_string"], patch["new_string"]
            place = _place(file.read_bytes(), patch["start"], patch["end"], old.encode())
            yield Mutant(str(file.relative_to(root)), *place, patch["line_number"], name, old, new)


def _written_out(mutator: type[AbstractMutator]) -> type[AbstractMutator]:
    """Keep a mutator from code without the signs that it looks for: `lt(a, b)` for `a < b`."""

    class WrittenOut(mutator):  # type: ignore[misc]
        def should_mutate_node(self, node: Node) -> bool:
            text = node.source_mapping.content
            signs = (ir.type.value for ir in node.irs if isinstance(ir, Binary))
            return super().should_mutate_node(node) and all(sign in text for sign in signs)

    return WrittenOut


def _mutants_of_assembly(file: Path, root: Path) -> Iterator[Mutant]:
    source = file.read_text("utf-8")
    for begin, end, new in assembly.changes(source):
        start = len(source[:begin].encode())
        old, line = source[begin:end], source.count("\n", 0, begin) + 1
        yield Mutant(
            str(file.relative_to(root)), start, start + len(old.encode()), line, "ASM", old, new
        )


def _place(content: bytes, start: int, end: int, old: bytes) -> tuple[int, int]:
    """Return where `old` is.

    Where Slither changes the whole of `a == 0 || b` it names a part, and would leave the rest.
    """
    begin = content.rfind(old, max(0, end - len(old)), start + len(old))
    return (start, end) if begin < 0 else (begin, begin + len(old))


def _short(code: str) -> str:
    words = " ".join(code.split())
    return repr(words if len(words) <= 100 else f"{words[:97]}...")
