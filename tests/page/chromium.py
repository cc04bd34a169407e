"""A Chromium of the npm registry, for machines that have none: it needs nothing but the C library.

The package holds it compressed; it is unpacked once, beside the package.
"""

import fcntl
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.scripts.processes import ROOT

_PACKAGE = ROOT / "node_modules" / "@sparticuz" / "chromium"
_PARTS = ("chromium", "al2023.tar", "fonts.tar")
_UNPACK = """
const { brotliDecompressSync } = require("zlib"), fs = require("fs");
const [from, to] = process.argv.slice(1);
fs.writeFileSync(to, brotliDecompressSync(fs.readFileSync(from)));
"""
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{folder}/font-cache</cachedir>
</fontconfig>
"""


def packaged() -> Path | None:
    """Return the unpacked browser; None if the package is not installed."""
    if not (_PACKAGE / "bin").is_dir():
        return None
    version = json.loads((_PACKAGE / "package.json").read_text("utf-8"))["version"]
    folder = ROOT / "node_modules" / ".cache" / f"chromium-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _unpack(folder)
            (folder / "complete").touch()
    return folder / "chromium"


def environment(browser: Path) -> dict[str, str]:
    """Return the environment in which it finds its libraries and its fonts."""
    folder = browser.parent
    return {
        **os.environ,
        "LD_LIBRARY_PATH": str(folder / "lib"),
        "FONTCONFIG_PATH": str(folder),
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
    }


def _unpack(folder: Path) -> None:
    for part in _PARTS:
        packed = _PACKAGE / "bin" / f"{part}.br"
        node = Path(sys.prefix, "bin", "node")
        subprocess.run([node, "-e", _UNPACK, packed, folder / part], check=True)
        if part.endswith(".tar"):
            with tarfile.open(folder / part) as archive:
                archive.extractall(folder, filter="data")
    (folder / "chromium").chmod(0o755)
    (folder / "fonts.conf").write_text(_FONTS.format(folder=folder), "utf-8")
