"""What to change in inline assembly, which Slither's mutators leave as it is."""

import re
from collections.abc import Iterator
from types import MappingProxyType

# Each function of Yul that the contract uses, and what it might have been mistaken for.
_INSTEAD = MappingProxyType(
    {
        "add": ("sub",),
        "and": ("or",),
        "eq": ("lt", "gt"),
        "gt": ("lt", "eq"),
        "iszero": ("not",),
        "lt": ("gt", "eq"),
        "mod": ("div",),
        "mul": ("add",),
        "or": ("and",),
        "shl": ("shr",),
        "shr": ("shl",),
        "sub": ("add",),
        "xor": ("or",),
    }
)
_BLOCK = re.compile(r"\bassembly\b[^{]*\{")
_FUNCTION = re.compile(rf"\b({'|'.join(_INSTEAD)})(?=\()")
_NUMBER = re.compile(r"\b(?:0x[0-9a-fA-F]+|[0-9]+)\b")
_COMMENT = re.compile(r"//.*")


def changes(source: str) -> Iterator[tuple[int, int, str]]:
    """Yield begin, end and replacement of what may be changed, counted in characters.

    Every function becomes another one, and every number one more.
    """
    for begin, end in _blocks(source):
        for match in _FUNCTION.finditer(source, begin, end):
            for other in _INSTEAD[match[1]]:
                yield match.start(), match.end(), other
        for match in _NUMBER.finditer(source, begin, end):
            yield match.start(), match.end(), hex(int(match[0], 0) + 1)


def _blocks(source: str) -> Iterator[tuple[int, int]]:
    """Yield where the code in blocks of assembly begins and ends, comments left out."""
    for block in _BLOCK.finditer(source):
        begin, end = block.end(), source.index("\n", _closing(source, block.end()))
        for comment in _COMMENT.finditer(source, begin, end):
            yield begin, comment.start()
            begin = comment.end()
        yield begin, end


def _closing(source: str, begin: int) -> int:
    """Return where the brace is closed whose content begins here."""
    depth = 1
    for brace in re.finditer(r"[{}]", source[begin:]):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return begin + brace.start()
    raise ValueError("a block of assembly has no end")
