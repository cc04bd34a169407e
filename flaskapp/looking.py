"""What the page shows of the market, put together at each look; who looks may have to wait."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from market.account_address import consumer_address
from market.errors import MarketError
from market.live import LiveMarket, View
from market.masking import Mask
from market.memory import MEMORY_FILE, Memory
from market.node import NodeUnavailableError
from market.past_requests import PAST_FILE
from market.progress import Round
from market.session import Session
from market.settings import Settings


@dataclass(frozen=True, slots=True)
class Picture:
    """The market at a moment; without a view, `problem` says why."""

    view: View | None = None
    known: Mapping[int, Round] = field(default_factory=dict)
    problem: str = ""
    node_is_away: bool = False


class Looker:
    """Looks, and keeps the connection to the node from one look to the next."""

    def __init__(self, read_settings: Callable[[], Settings], *, remote: bool) -> None:
        self._read_settings, self._remote = read_settings, remote
        self._settings: Settings | None = None
        self._live: LiveMarket | None = None

    def __call__(self) -> Picture:
        """Return what there is to be seen; a problem is part of the picture."""
        settings = self._read_settings()
        view, problem = self._view(settings)
        mask = Mask(settings.secrets())
        return Picture(
            view=view,
            known=_remembered(settings.database_folder / MEMORY_FILE, view) if view else {},
            problem=mask(str(problem)) if problem else "",
            node_is_away=isinstance(problem, NodeUnavailableError),
        )

    def _view(self, settings: Settings) -> tuple[View | None, MarketError | None]:
        try:
            return self._live_market(settings).look(), None
        except MarketError as problem:
            if not isinstance(problem, NodeUnavailableError):
                self._let_go()
            return None, problem
        # A broken node's answer must not end the thread that everybody's page waits for.
        except Exception as problem:
            self._let_go()
            return None, NodeUnavailableError(
                f"The node's answer made no sense ({type(problem).__name__})"
            )

    def _live_market(self, settings: Settings) -> LiveMarket:
        if self._live is None or settings != self._settings:
            self._let_go()
            session = Session(settings, self._remote, Console(quiet=True))
            market = session.market()
            account = consumer_address(settings, session.web3, remote=self._remote)
            past_file = settings.database_folder / PAST_FILE
            self._live, self._settings = LiveMarket(market, account, past_file), settings
        return self._live

    def _let_go(self) -> None:
        if self._live:
            self._live.close()
            self._live = None


def _remembered(memory_file: Path, view: View) -> dict[int, Round]:
    """Return what the consumer remembers of what is in view; nothing if it cannot be read."""
    try:
        return _known(memory_file, view)
    # The history says what is wrong with the file.
    except (sqlite3.Error, OSError, MarketError):
        return {}


def _known(memory_file: Path, view: View) -> dict[int, Round]:
    """Return what the consumer remembers of the requests that are in view."""
    shown = {known.request.request_id for known in (*view.rounds, view.last) if known}
    if not (shown and view.account and memory_file.exists()):
        return {}
    memory = Memory.to_read(memory_file, view.chain, view.contract, view.account)
    try:
        return {known.request_id: known for known in memory.rounds() if known.request_id in shown}
    finally:
        memory.close()
