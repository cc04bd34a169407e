"""Runs Foundry's forge in this repository and says what came of it."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attack.tally import Tally
from market.errors import MarketError

ROOT = Path(__file__).resolve().parent.parent
FORGE = Path(sys.prefix, "bin", "forge")
FOLDER = ROOT / ".forge"


@dataclass(frozen=True, slots=True)
class Campaign:
    """One run of the fuzzer; `failure` is what it found, "" if nothing."""

    seed: int
    calls: int
    failure: str


def fuzz(
    profile: str, seed: int, tally: Tally, root: Path = ROOT, timeout_s: float | None = None
) -> Campaign:
    """Fuzz with a profile of foundry.toml, and add the calls made to the tally.

    A failure leaves the tally without the sequence that failed. MarketError when forge cannot run,
    subprocess.TimeoutExpired when it takes too long. `root` is the project, or a copy of it.
    """
    own = root / FOLDER.name
    own.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=own, prefix="fuzz-") as folder:
        calls = Path(folder, "calls.txt")
        calls.touch()
        settings = {"FOUNDRY_PROFILE": profile, "FUZZ_TALLY": str(calls.relative_to(root))}
        # Otherwise forge would begin with whatever failed last, which may be another contract's.
        settings["FOUNDRY_INVARIANT_FAILURE_PERSIST_DIR"] = str(Path(folder, "failures"))
        words = ("test", "--json", "--fuzz-seed", str(seed))
        answer = _forge(root, settings, *words, timeout_s=timeout_s)
        tally.read(calls)
    return _campaign(seed, answer)


def _forge(root: Path, settings: dict[str, str], *arguments: str, timeout_s: float | None) -> str:
    result = subprocess.run(
        [FORGE, *arguments],
        cwd=root,
        env=os.environ | settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    # It exits with 1 for a failed test too, and then says so in its JSON.
    if not result.stdout.lstrip().startswith("{"):
        said = (result.stdout + result.stderr).strip()
        raise MarketError(f"forge could not run the tests: {said[-2000:]}")
    return result.stdout


def _campaign(seed: int, answer: str) -> Campaign:
    tests = [
        (name, test)
        for suite in _suites(answer).values()
        for name, test in suite["test_results"].items()
    ]
    if not tests:
        raise MarketError("forge found no tests: look at foundry/fuzz")
    failures = [f"{name}: {test['reason']}" for name, test in tests if test["status"] != "Success"]
    kinds = [test["kind"].get("Invariant", {}) for _, test in tests]
    return Campaign(
        seed=seed,
        calls=sum(kind.get("calls", 0) for kind in kinds),
        failure="; ".join(failures),
    )


def _suites(answer: str) -> dict[str, Any]:
    """Return the last JSON object: before it forge may have written an event for a failure."""
    suites: dict[str, Any] = json.loads(answer.strip().splitlines()[-1])
    return suites
