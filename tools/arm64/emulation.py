"""Has the kernel run arm64 programs, for as long as they are needed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from market.errors import MarketError
from tools.arm64.command import output

NAME = "energy-market-arm64"
_KERNEL = Path("/proc/sys/fs/binfmt_misc")
# The beginning of every arm64 program, and which bits of it count; as in QEMU's own packages.
_MAGIC = r"\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
# O, P: the program is handed over opened, and with its own name. F: QEMU is found in a chroot.
_FLAGS = "OPF"


@contextmanager
def emulation() -> Iterator[None]:
    """Have the kernel run arm64 programs by QEMU while in here, also in a chroot.

    What is registered already is used and left as it is.
    """
    with _told_to_kernel():
        _forget_leftover()
        if _is_registered():
            yield
            return
        (_KERNEL / "register").write_text(f":{NAME}:M::{_MAGIC}:{_MASK}:{_qemu()}:{_FLAGS}\n")
        try:
            yield
        finally:
            (_KERNEL / NAME).write_text("-1")


@contextmanager
def _told_to_kernel() -> Iterator[None]:
    """Have the kernel's list of interpreters mounted; it is unmounted if it was not there."""
    if (_KERNEL / "register").exists():
        yield
        return
    output("mount", "-t", "binfmt_misc", "binfmt_misc", _KERNEL)
    try:
        yield
    finally:
        output("umount", _KERNEL)


def _forget_leftover() -> None:
    """Unregister what a run that was killed has left."""
    if (_KERNEL / NAME).exists():
        (_KERNEL / NAME).write_text("-1")


def _is_registered() -> bool:
    magic = _MAGIC.replace(r"\x", "")
    for entry in _KERNEL.iterdir():
        lines = entry.read_text().splitlines() if entry.name != "register" else []
        flags = next((line for line in lines if line.startswith("flags:")), "")
        if "enabled" in lines and f"magic {magic}" in lines and "F" in flags.partition(":")[2]:
            return True
    return False


def _qemu() -> str:
    found = shutil.which("qemu-aarch64-static")
    if not found:
        raise MarketError("qemu-aarch64-static is not installed: install qemu-user-static")
    return found
