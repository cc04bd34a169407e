"""The page as a person starts it: a process of its own, with a folder and settings of its own."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import requests
from requests.exceptions import ConnectionError as NobodyThereError
from requests.exceptions import Timeout

from market.folder_lock import holder
from tests.scripts.chain import wait_until
from tests.scripts.ports import free_port
from tests.scripts.processes import ROOT, Finished, Script, environment

# What a very busy machine may take.
_START_S, _STOP_S = 180, 60


class PageServer:
    """A served page, and the consumer's folder that it works with."""

    def __init__(self, folder: Path, mark: str, **settings: object) -> None:
        self.folder = folder / "database"
        self.folder.mkdir()
        self.env_file = folder / ".env"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._outputs = folder
        self._settings = {
            "ENV_FILE": self.env_file,
            "DATABASE_FOLDER": self.folder,
            "PAGE_PORT": self.port,
            "POLL_SECONDS": "0.2",
            **settings,
        }
        self._environment = environment(folder, mark, **self._settings)
        self._script: Script | None = None

    @property
    def bids_file(self) -> Path:
        return self.folder / "bids.json"

    def start(self, *words: str) -> "PageServer":
        command = [sys.executable, "-m", "flaskapp", *words]
        self._script = Script(command, self._environment, self._outputs)
        self._script.wait_for("The consumer's page", timeout_s=_START_S)
        wait_until(self._answers, "the page answers", _START_S)
        return self

    def stop_page(self) -> None:
        """Stop the page alone; `start` has it come back at the same address."""
        self._script.stop()

    def interrupt(self) -> Finished:
        """Press Ctrl-C in the page's terminal, and return what the page left behind."""
        return self._script.press_ctrl_c().finish()

    def run(self, *words: str) -> Finished:
        """Return what `python -m market <words>` with the page's settings left behind."""
        done = subprocess.run(
            [sys.executable, "-m", "market", *words],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def start_command(self, *words: str) -> subprocess.Popen[str]:
        """Start `python -m market <words>` with the page's settings."""
        return subprocess.Popen(
            [sys.executable, "-m", "market", *words],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def agent(self) -> int | None:
        """Return the process of the folder's consumer."""
        return holder(self.folder)

    def kill_agent(self) -> None:
        """End the consumer without a chance to say anything."""
        self._signal_agent(signal.SIGKILL)

    def stop(self) -> None:
        """Stop the page, and then the consumer that it has left at work."""
        if self._script:
            self._script.stop()
        self._signal_agent(signal.SIGTERM)
        with suppress(AssertionError):
            wait_until(lambda: self.agent() is None, "the consumer ends", _STOP_S)
        self._signal_agent(signal.SIGKILL)

    def _signal_agent(self, number: signal.Signals) -> None:
        if process := self.agent():
            with suppress(psutil.NoSuchProcess):
                psutil.Process(process).send_signal(number)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/static/page.css", timeout=5).ok
        except (NobodyThereError, Timeout):
            return False
