"""The consumer as a service: it works until it is stopped, and shows how it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from time import monotonic, sleep
from typing import TypeVar

from market.bidder import BidsUnreadableError
from market.consumer import ChainReplacedError, Consumer
from market.desk import Desk
from market.errors import MarketError
from market.folder_lock import hold_folder
from market.guardrails import Guardrails
from market.happenings import ConsumerReporter
from market.invocation import command
from market.journals import open_memory
from market.log import open_log
from market.node import NodeUnavailableError, chain_name
from market.patience import retried, sensibly
from market.progress import State
from market.provider import NodePool, WrongChainError
from market.session import Session
from market.settings import Settings
from market.status import HEARTBEAT_SECONDS, Phase, Status, StatusFile, status_path
from market.store import BIDS_FILE, RESULTS_FILE
from market.systemd import ServiceManager
from market.units import format_eth
from market.witnesses import Witnesses

_LEAST_REST = 0.25
# So that nobody takes it for silent, and a memory card has little to write.
_SHOW_PROGRESS_S = HEARTBEAT_SECONDS / 3

T = TypeVar("T")


def consume(session: Session) -> None:
    """Answer every request with the bids of bids.json, until stopped."""
    settings = session.settings
    settings.require_database_folder()
    secrets = settings.secrets()
    reporter = ConsumerReporter(
        open_log(session.out, settings.log_format, settings.log_file, secrets)
    )
    status = StatusFile(status_path(settings.database_folder), secrets, reporter.problem)
    agent = Agent(session, reporter, status, ServiceManager(secrets))
    with hold_folder(settings.database_folder, reporter.problem):
        _work(agent)


def _work(agent: "Agent") -> None:
    try:
        agent.work()
    except KeyboardInterrupt:
        agent.say_stopped("stopped")
        raise
    except MarketError as problem:
        agent.say_stopped(f"stopped: {problem}")
        raise


@dataclass(slots=True)
class Agent:
    """A consumer that is set up, stepped again and again, and told of."""

    session: Session
    reporter: ConsumerReporter
    status_file: StatusFile
    service: ServiceManager
    _status: Status = field(default_factory=Status)
    _away: bool = False
    _shown_s: float = field(default_factory=monotonic)

    def work(self) -> None:
        """Set the consumer up, and step for ever; a node that is away is waited for."""
        # Before the first look at the chain: to wait for a node is no failure to start.
        self.service.ready("starting")
        self._show(state="starting")
        set_up = partial(sensibly, self._set_up)
        consumer = self._patiently(set_up, refused=(WrongChainError,))
        self.reporter.note("Waiting for requests; stop with Ctrl-C")
        while True:
            began_s = monotonic()
            self._patiently(partial(self._step, consumer), refused=(ChainReplacedError,))
            self._sleep(consumer, began_s)

    def _sleep(self, consumer: Consumer, began_s: float) -> None:
        """Wait for the next look at the chain, and show meanwhile that all is well.

        It comes POLL_SECONDS after the last one began; a node that is slow still gets some rest.
        """
        poll_s = self.session.settings.poll_seconds
        wake_s = max(began_s + poll_s, monotonic() + poll_s * _LEAST_REST)
        while True:
            self._show_consumer(consumer)
            left_s = wake_s - monotonic()
            if left_s <= 0:
                return
            sleep(min(left_s, HEARTBEAT_SECONDS))

    def say_stopped(self, state: str) -> None:
        """Leave word that the end was meant, and why it came."""
        self.service.stopping()
        self._show(state, phase=Phase.STOPPED)

    def _set_up(self) -> Consumer:
        """Return the consumer; MarketError if it cannot bid as things are."""
        session, settings = self.session, self.session.settings
        if isinstance(session.web3.provider, NodePool):
            session.web3.provider.on_answer = self._answered
        market, sender = session.market(), session.consumer_sender()
        sender.on_replaced = self.reporter.transaction_replaced
        account = sender.signer.address
        memory = open_memory(session, sender, self.reporter.problem)
        folder = settings.database_folder
        consumer = Consumer(
            Desk(
                market,
                sender,
                memory,
                folder / RESULTS_FILE,
                self.reporter,
                chain_name(session.web3),
                settings.final_after(remote=session.remote),
                witnesses=Witnesses(session.nodes()),
            ),
            folder / BIDS_FILE,
            guardrails_of(settings),
            settings.low_balance_wei,
        )
        market.events.search.on_range = self._catching_up
        balance = format_eth(sender.balance_wei())
        for problem in [*_obstacles(consumer)]:
            if _is_new(consumer) and not isinstance(problem, BidsUnreadableError):
                raise problem
            self.reporter.problem(problem)
        self.reporter.note(f"Consumer {account} ({balance} ETH) at contract {market.address}")
        self._status = replace(
            self._status,
            network=(settings.remote_network or "live") if session.remote else "local",
            chain_id=market.chain_id,
            contract=market.address,
            account=account,
            balance_eth=balance,
        )
        return consumer

    def _catching_up(self, block: int, last: int) -> None:
        """Show that a long search in the chain's events goes on."""
        if monotonic() - self._shown_s >= _SHOW_PROGRESS_S:
            self._show(f"catching up: block {block} of {last}")

    def _answered(self) -> None:
        """Show that a step goes on, however slow the node is."""
        if monotonic() - self._shown_s >= HEARTBEAT_SECONDS:
            self._show(self._status.state, self._status.phase)

    def _step(self, consumer: Consumer) -> None:
        """Step; what concerns no single request is the node's doing, and waited for."""
        try:
            sensibly(consumer.step)
        except (NodeUnavailableError, ChainReplacedError):
            raise
        except MarketError as problem:
            raise NodeUnavailableError(str(problem)) from None

    def _patiently(self, act: Callable[[], T], refused: tuple[type[MarketError], ...]) -> T:
        """Return what `act` does, as soon as the node lets it; say once that it is away."""
        done = retried(
            act,
            refused=refused,
            poll_s=self.session.settings.poll_seconds,
            on_wait=self._node_away,
        )
        if self._away:
            self._away = False
            self.reporter.node_back()
        return done

    def _node_away(self, problem: MarketError) -> None:
        if not self._away:
            self.reporter.node_away(problem)
        self._away = True
        self._show(state=f"the node is away: {problem}", phase=Phase.NODE_AWAY)

    def _show_consumer(self, consumer: Consumer) -> None:
        head, balance_wei = consumer.head, consumer.balance.balance_wei
        self._status = replace(
            self._status,
            last_block=head.number if head else None,
            last_block_time=datetime.fromtimestamp(head.time_s, timezone.utc) if head else None,
            last_request_id=consumer.newest_request_id or None,
            balance_eth=None if balance_wei is None else format_eth(balance_wei),
            problem=consumer.problem,
        )
        self._show(state=_activity(consumer))

    def _show(self, state: str, phase: Phase = Phase.WORKING) -> None:
        self._shown_s = monotonic()
        self._status = replace(self._status, state=state, phase=phase)
        self.status_file.keep(self._status)
        if phase != Phase.STOPPED:
            self.service.alive(state)


def guardrails_of(settings: Settings) -> Guardrails:
    """Return what the settings let a consumer do on its own."""
    return Guardrails(
        settings.lowest_price_wei_per_wh,
        settings.maximum_requests_per_day,
        settings.quiet_hours,
    )


def _is_new(consumer: Consumer) -> bool:
    """Return whether the consumer has never worked here: it has nothing to report."""
    desk = consumer.desk
    return desk.memory.is_empty() and not desk.results_file.exists()


def _obstacles(consumer: Consumer) -> Iterator[MarketError]:
    """Yield what keeps a consumer from bidding; one that has bid before still has to report."""
    market, account = consumer.desk.market, consumer.desk.sender.signer.address
    try:
        consumer.bidder.refresh()
    except BidsUnreadableError as problem:
        # Whoever has just begun and has no file at all is better told so by an end.
        yield problem if consumer.bids_file.exists() else MarketError(str(problem))
    if not market.is_allowed(account):
        yield MarketError(
            f"{account} may not bid in this contract: "
            f"run `{command('register')}`, or ask the utility for approval"
        )


def _activity(consumer: Consumer) -> str:
    """Return in a line what a consumer does at present."""
    rounds = sorted(consumer.desk.rounds.values(), key=lambda known: known.request_id)
    words = {
        State.SENT: "bidding in request",
        State.PLACED: "waiting for the outcome of request",
        State.DECIDED: "waiting for the confirmations of request",
    }
    doing = [f"{words[r.state]} {r.request_id}" for r in rounds if r.state in words]
    return ", ".join(doing) or "waiting for requests"
