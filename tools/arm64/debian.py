"""A small Debian for arm64 in a folder, with Python and git and no compiler of any kind."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from market.errors import MarketError
from tools.arm64 import FOLDER
from tools.arm64.command import output, remove

SUITES = ("bookworm", "trixie")
_PACKAGES = "python3,python3-venv,git"
_STAMP = "etc/made-for-market"
# A compiler's name may have its target in front and its version behind: aarch64-linux-gnu-gcc-12.
_COMPILER = re.compile(
    r"(.+-)?(gcc|g\+\+|cc|c\+\+|c89|c99|cpp|tcc|clang|clang\+\+|gfortran|as|ld|rustc|cargo|go|gccgo"
    r"|javac|solc|solcjs|vyper|node|nodejs|npm)(-?[0-9][0-9.]*)?"
)


def whole_root(suite: str) -> Path:
    """Return the folder of a Debian of this suite: an earlier run's, or a new one.

    One that was broken off is not taken for whole. MarketError if it cannot be made.
    """
    root, content = FOLDER / suite, f"{suite} {_PACKAGES}\n"
    stamp = root / _STAMP
    if stamp.exists() and stamp.read_text() == content:
        return root
    mirror = _mirror(suite)
    print(f"  making a Debian {suite} for arm64 in {root.name}/ (once, some minutes)", flush=True)
    remove(root)
    output(
        *("debootstrap", "--arch=arm64", "--variant=minbase", f"--include={_PACKAGES}"),
        *(suite, root, mirror),
    )
    stamp.write_text(content)
    return root


def require_no_compiler(folder: Path) -> None:
    """MarketError if there is a compiler, or Node.js, anywhere in a root or another folder."""
    found = [str(path) for path in _programs(folder) if _COMPILER.fullmatch(path.name)]
    if found:
        raise MarketError(f"There is a compiler on the device: {', '.join(sorted(found)[:5])}")


def _programs(top: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(top):
        if folder == str(top):
            folders[:] = [name for name in folders if name not in ("proc", "sys", "dev")]
        for path in (Path(folder, name) for name in names):
            if _is_program(path):
                yield path.relative_to(top)


def _is_program(path: Path) -> bool:
    # Where a link leads is another question inside than it is here.
    if path.is_symlink():
        return path.parent.name in ("bin", "sbin")
    return bool(path.stat().st_mode & 0o111)


def _mirror(suite: str) -> str:
    """Return where Debian is loaded from: DEBIAN_MIRROR, else what this machine's apt uses."""
    if mirror := os.environ.get("DEBIAN_MIRROR"):
        return mirror
    form = "$(ORIGIN) $(CODENAME) $(REPO_URI)"
    lines = output("apt-get", "indextargets", "--format", form, "Identifier: Packages")
    rows = [words for line in lines.splitlines() if len(words := line.split()) == 3]
    ours = [uri for origin, codename, uri in rows if (origin, codename) == ("Debian", suite)]
    others = [uri for origin, codename, uri in rows if origin == "Debian" and "-" not in codename]
    if not (found := ours or others):
        raise MarketError(
            "This machine's apt knows no mirror of Debian: set DEBIAN_MIRROR to the address of one"
        )
    return found[0]
