"""Whether every package of a device comes ready-made for arm64, and how large they are."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from market.errors import MarketError
from tools.arm64 import ROOT
from tools.arm64.command import output

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
LISTED, PINNED = "requirements-device.txt", "constraints.txt"
# What a system with glibc 2.28 takes: wheels for it, and for every older glibc of arm64.
_PLATFORMS = (*(f"manylinux_2_{n}_aarch64" for n in range(28, 16, -1)), "manylinux2014_aarch64")


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """The wheels that one version of Python takes, all of them."""

    python: str
    wheels: tuple[Path, ...]

    @property
    def size_mb(self) -> float:
        """What there is to load (MB)."""
        return sum(wheel.stat().st_size for wheel in self.wheels) / 1e6

    @property
    def native(self) -> int:
        """How many are made for arm64 alone; the others run anywhere."""
        return sum("aarch64" in wheel.name for wheel in self.wheels)


def platforms() -> str:
    """Return the platforms that are asked for, for people."""
    return ", ".join(_PLATFORMS)


def ready_made(python: str, folder: Path, source: Path = ROOT) -> ReadyMade:
    """Load what `source` lists for a version of Python into the folder, unless it is there.

    MarketError if anything that is listed, or brought along by what is, is not published
    ready-made in the version that is pinned.
    """
    listed, pinned = _read(source / LISTED), _read(source / PINNED)
    folder.mkdir(parents=True, exist_ok=True)
    if listed.keys() - _found(folder, pinned).keys():
        _load(python, folder, "--requirement", str(source / LISTED))
    wheels, missing = _found(folder, pinned), [""]
    while missing:
        needed = _needed(listed.values(), wheels, _environment(python))
        if unpinned := needed - pinned.keys():
            raise MarketError(f"{', '.join(sorted(unpinned))} is not in {PINNED}")
        # pip judges by the Python that it runs on what only another version brings along.
        missing = sorted(needed - wheels.keys())
        if missing:
            _load(python, folder, "--no-deps", *(_pin(pinned[name]) for name in missing))
            wheels = _found(folder, pinned)
    return ReadyMade(python, tuple(wheels[name] for name in sorted(needed)))


def _load(python: str, folder: Path, *what: str) -> None:
    output(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input"),
        *("--disable-pip-version-check", "--only-binary=:all:"),
        *("--implementation", "cp", "--python-version", python),
        *(word for platform in _PLATFORMS for word in ("--platform", platform)),
        *("--dest", folder),
        *what,
    )


def _read(file: Path) -> dict[str, Requirement]:
    lines = file.read_text("utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    return {canonicalize_name(one.name): one for one in found}


def _pin(requirement: Requirement) -> str:
    return f"{requirement.name}{requirement.specifier}"


def _found(folder: Path, pinned: Mapping[str, Requirement]) -> dict[str, Path]:
    """Return the wheels in the folder that are of the pinned versions, by their packages."""
    found = {}
    for wheel in folder.glob("*.whl"):
        name, version, *_ = parse_wheel_filename(wheel.name)
        if name in pinned and version in pinned[name].specifier:
            found[str(name)] = wheel
    return found


def _environment(python: str) -> dict[str, str]:
    """Return what markers such as `python_version < "3.11"` are about on a device."""
    here = {name: str(value) for name, value in default_environment().items()}
    version = f"{python}.0"
    return {
        **here,
        "python_version": python,
        "python_full_version": version,
        "implementation_version": version,
        "platform_machine": "aarch64",
    }


def _needed(
    listed: Iterable[Requirement], wheels: Mapping[str, Path], environment: Mapping[str, str]
) -> set[str]:
    """Return the names of these packages and of all that the wheels among them bring along."""
    found: set[tuple[str, ...]] = set()
    left = [*listed]
    while left:
        one = left.pop()
        name = canonicalize_name(one.name)
        wish = (name, *sorted(one.extras))
        if wish not in found and name in wheels:
            left += _brought_along(wheels[name], one.extras, environment)
        found.add(wish)
    return {name for name, *_ in found}


def _brought_along(
    wheel: Path, extras: Iterable[str], environment: Mapping[str, str]
) -> Iterator[Requirement]:
    (content,) = distributions(path=[str(wheel)])
    for line in content.requires or ():
        brought = Requirement(line)
        wishes = [{**environment, "extra": extra} for extra in ("", *extras)]
        if not brought.marker or any(map(brought.marker.evaluate, wishes)):
            yield brought
