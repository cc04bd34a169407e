"""Everything that the page works with, which its views find with the application."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, current_app

from flaskapp.looking import Looker, Picture
from flaskapp.watcher import Watcher
from market.agent_control import AgentControl
from market.bids_file import BidsFile
from market.errors import MarketError
from market.settings import Settings
from market.store import BIDS_FILE

_NAME = "household"
MOST_STREAMS = 16
"""How many pages may watch at a time: each keeps a thread of the server busy."""


class LatestSettings:
    """The settings as they are now: .env may be mended while the page is being served."""

    def __init__(self, read: Callable[[], Settings]) -> None:
        """MarketError if they are wrong from the start."""
        self._read, self._good = read, read()
        self.problem = ""

    def __call__(self) -> Settings:
        """Return the settings; while they are wrong, the last good ones."""
        try:
            self._good = self._read()
        except MarketError as problem:
            self.problem = str(problem)
        else:
            self.problem = ""
        return self._good


@dataclass(frozen=True, slots=True)
class Household:
    """The consumer, its files, and the look at its market."""

    settings: LatestSettings
    agent: AgentControl
    bids_file: BidsFile
    watcher: Watcher[Picture]
    streams: threading.BoundedSemaphore
    # What a page waits for the first look; it is told of what comes later.
    first_look_s: float = 1.5

    def first_look(self) -> Picture | None:
        """Return the market as it is now; None if it takes long to find out."""
        return self.watcher.newest(timeout_s=self.first_look_s)[1]


def add_household(app: Flask, read_settings: Callable[[], Settings], *, remote: bool) -> Household:
    """Give the application its household."""
    settings = LatestSettings(read_settings)
    agent = AgentControl(remote)
    bids_file = BidsFile(settings().database_folder / BIDS_FILE)
    watcher = Watcher(Looker(settings, remote=remote))
    household = Household(
        settings, agent, bids_file, watcher, threading.BoundedSemaphore(MOST_STREAMS)
    )
    app.extensions[_NAME] = household
    return household


def the_app() -> Flask:
    """Return the application that answers at present, for use beyond its answer."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return app


def the_household() -> Household:
    """Return the household of the application that answers at present."""
    household: Household = current_app.extensions[_NAME]
    return household
