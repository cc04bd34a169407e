"""Where a test's scripts run: with settings, files and a home of their own."""

import json
import os
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from uuid import uuid4

import psutil
import yaml

from market.bids import Offer
from market.contract import DemandReduction
from market.store import Results, load_results, save_offers
from tests.scripts.chain import wait_until
from tests.scripts.ports import free_port
from tests.scripts.processes import (
    DEVICE,
    ROOT,
    SUPERVISED,
    Finished,
    Script,
    environment,
    survivors,
)

WAITING = "Waiting for requests"
_LONGEST_START_S = 240
NOTES = ("market.sqlite3", "status.json", "consumer.log", "consumer.lock", "utility.lock")


class Stage:
    """Starts scripts, and sees to it that nothing is left of them."""

    def __init__(self, folder: Path, home: Path, **settings: object) -> None:
        """`settings` are what every script here finds in its environment."""
        self.files = folder / "files"
        self.files.mkdir()
        self.env_file = self.files / ".env"
        self.mark = uuid4().hex
        self.home = home
        self._folder, self._numbers = folder, count(1)
        self._settings = {
            "ENV_FILE": self.env_file,
            "DATABASE_FOLDER": self.files,
            "POLL_SECONDS": "0.2",
            **settings,
        }
        self._scripts: list[Script] = []

    def use(self, market: DemandReduction) -> None:
        """Name a contract in the scripts' .env."""
        self.env_file.write_text(f"CONTRACT_ADDRESS={market.address}\n", "utf-8")

    def environment(self, **settings: object) -> dict[str, str]:
        return environment(self.home, self.mark, **{**self._settings, **settings})

    def output_folder(self) -> Path:
        folder = self._folder / f"script-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def start(
        self,
        script: str,
        *arguments: str,
        brownie: tuple[str, ...] = SUPERVISED,
        terminal: bool = False,
        **settings: object,
    ) -> Script:
        """Start `brownie run scripts/<script>.py`, on a pipe or on a terminal."""
        command = [*brownie, "run", f"scripts/{script}.py", *arguments]
        return self.start_command(command, terminal=terminal, **settings)

    def start_on_device(self, *words: str, terminal: bool = False, **settings: object) -> Script:
        """Start `python -m market <words>` where Brownie cannot be imported."""
        folder = self._folder / "no-brownie"
        folder.mkdir(exist_ok=True)
        (folder / "brownie.py").write_text(
            "raise ImportError('a device has no Brownie')\n", "utf-8"
        )
        path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
        return self.start_command([*DEVICE, *words], terminal=terminal, PYTHONPATH=path, **settings)

    def start_command(
        self,
        command: list[str],
        *,
        terminal: bool = False,
        home: Path | None = None,
        **settings: object,
    ) -> Script:
        environment = self.environment(**settings)
        if home:
            environment["HOME"] = str(home)
        script = Script(command, environment, self.output_folder(), terminal)
        self._scripts.append(script)
        return script

    def contents(self) -> dict[str, bytes]:
        """Return every file here with its content, but for what programs note for themselves."""
        return {
            str(path.relative_to(self.files)): path.read_bytes()
            for path in self.files.rglob("*")
            if path.is_file() and not path.name.startswith(NOTES)
        }

    def survivors(self) -> list[psutil.Process]:
        """Return what still runs of all that was started here."""
        return survivors(self.mark)

    def close(self) -> None:
        """End what runs; the test fails if a script has left another process behind."""
        for script in self._scripts:
            script.stop()
        survivors = self.survivors()
        for process in survivors:
            process.kill()
        assert not survivors


class Household:
    """A consumer with one of the node's accounts, or the one in .env, and a folder of its own."""

    def __init__(self, stage: Stage, account: int | None, *offers: Offer) -> None:
        self.account = account
        self.folder = stage.files / f"household-{account}"
        self.folder.mkdir(exist_ok=True)
        self._stage = stage
        self.offer(*offers)

    @property
    def results_file(self) -> Path:
        return self.folder / "results.json"

    def offer(self, *offers: Offer) -> None:
        save_offers(self.folder / "bids.json", offers)

    def write_bids(self, text: str) -> None:
        (self.folder / "bids.json").write_text(text, "utf-8")

    def start(self, *arguments: str, brownie: tuple[str, ...] = SUPERVISED) -> Script:
        return self._stage.start("consumer", *arguments, brownie=brownie, **self._settings())

    def start_on_device(self, *words: str) -> Script:
        return self._stage.start_on_device("consumer", *words, **self._settings())

    def results(self) -> Results:
        return load_results(self.results_file)

    def won(self) -> list[tuple[int, int, int]]:
        """Return energy (Wh), price (wei per Wh) and payment (wei) of each bid in the results."""
        return [
            (result.energy_wh, result.price_wei_per_wh, result.payment_wei)
            for result in self.results().results
        ]

    def wait_for_results(self, request_id: int) -> "Household":
        """Return once the results are those of this request."""
        wait_until(lambda: self._has_results(request_id), f"results of request {request_id}")
        return self

    def _settings(self) -> dict[str, object]:
        account = {} if self.account is None else {"CONSUMER_ACCOUNT": self.account}
        return {"DATABASE_FOLDER": self.folder, **account}

    def _has_results(self, request_id: int) -> bool:
        return self.results_file.exists() and self.results().request_id == request_id


class Stem:
    """Runs scripts in copies of one Brownie process, which spares them its start."""

    def __init__(self, stage: Stage) -> None:
        script = str(ROOT / "tests" / "scripts" / "stem.py")
        brownie = stage.start_command([*SUPERVISED, "run", script])
        # The first start compiles the contracts, which takes a busy machine minutes.
        self._script = brownie.wait_for("Ready", timeout_s=_LONGEST_START_S)
        self._runs = 0

    def run(
        self,
        stage: Stage,
        script: str,
        *arguments: str,
        function: str = "main",
        typed: str = "",
        **settings: object,
    ) -> Finished:
        """Return what `brownie run scripts/<script>.py <function> ...` left behind."""
        folder = stage.output_folder()
        streams = {name: str(folder / name) for name in ("stdin", "stdout", "stderr")}
        Path(streams["stdin"]).write_text(typed, "utf-8")
        job = {"script": script, "function": function, "arguments": arguments, **streams}
        self._script.type(json.dumps({**job, "environment": stage.environment(**settings)}))
        self._runs += 1
        self._script.wait_for("Status ", times=self._runs)
        status = int(self._script.out.rsplit("Status ", 1)[1].split()[0])
        return Finished(
            status, *(Path(streams[name]).read_text("utf-8") for name in ("stdout", "stderr"))
        )


def new_home(folder: Path) -> Path:
    """Return a home with a Brownie whose own chain has a port that nobody uses."""
    data = folder / ".brownie"
    (data / "accounts").mkdir(parents=True)
    (data / "packages").mkdir()
    shipped = Path(find_spec("brownie").origin).parent / "data"
    networks = yaml.safe_load((shipped / "network-config.yaml").read_text("utf-8"))
    for network in networks["development"]:
        network["cmd_settings"]["port"] = free_port()
    (data / "network-config.yaml").write_text(yaml.safe_dump(networks), "utf-8")
    (data / "providers-config.yaml").write_bytes((shipped / "providers-config.yaml").read_bytes())
    return folder


def save_key(home: Path, name: str, encrypted: object) -> None:
    """Put an account into the keystore of a home."""
    folder = home / ".brownie" / "accounts"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(encrypted if isinstance(encrypted, str) else json.dumps(encrypted), "utf-8")


def brownies_port(home: Path) -> int:
    """Return the port of the chain that Brownie starts where none is running."""
    networks = yaml.safe_load((home / ".brownie" / "network-config.yaml").read_text("utf-8"))
    (own,) = [network for network in networks["development"] if network["id"] == "development"]
    return own["cmd_settings"]["port"]
