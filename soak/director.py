"""Plays a round: has its faults happen, and sees to it that whoever was killed starts again."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep

from market.errors import MarketError
from market.model import Status
from soak.plan import UTILITY, Fault, Kind, Moment
from tests.faults import rules
from tests.faults.check import check_bids, check_escrow, check_ether, check_results
from tests.faults.lagging import Lagging
from tests.faults.live_chain import Fate
from tests.faults.outages import PORT_CLOSED, outage_rule
from tests.faults.people import Household, Person
from tests.faults.proxy import Proxy
from tests.faults.world import World

REDUCTION_KWH, PRICE_ETH_PER_KWH, BIDDING_S = "5", "0.004", "3000"
_PATIENCE_S = 60
_GWEI = 10**9


class Director:
    """Plays rounds in a world with a utility, whose consumers run all the time."""

    def __init__(self, world: World, utility: Person) -> None:
        self.world, self.utility = world, utility
        self.kills = self.restarts = 0
        self._waiting_wei = 0
        self._killings: list[tuple[rules.Killing, Fault]] = []

    @property
    def people(self) -> list[str]:
        """Return the names of all who take part."""
        return [person.name for person in self.world.people]

    def play(self, faults: list[Fault]) -> None:
        """Play a round to its end; AssertionError if anything is not as it must be."""
        with ExitStack() as stack:
            self._begin(stack, faults, Moment.WAITING)
            request_id = self._request()
            self._begin(stack, faults, Moment.BIDDING)
            self._until(lambda: self._all_have_bid(request_id), "everybody's bids")
            self._begin(stack, faults, Moment.SETTLING)
            # Bids may have gone with a block once more: the gate must not close on that.
            self._until(lambda: self._all_have_bid(request_id), "everybody's bids")
            self._settle(request_id)
            self._until(lambda: self._all_know(request_id), "everybody's results")
        self._check(request_id)

    def _begin(self, stack: ExitStack, faults: list[Fault], moment: Moment) -> None:
        for fault in faults:
            if fault.moment == moment:
                stack.enter_context(self._happening(fault))

    @contextmanager
    def _happening(self, fault: Fault) -> Iterator[None]:
        """Have a fault happen; what it needs is taken away at the end of the round."""
        chain = self.world.chain
        (person,) = [person for person in self.world.people if person.name == fault.whom]
        match fault.kind:
            case Kind.REORGANISATION:
                self._reorganise(fault)
                yield
            case Kind.FEE:
                chain.set_base_fee(50 * _GWEI)
                yield
            case Kind.KILL:
                with self._killing(person, fault):
                    yield
            case Kind.SWALLOW:
                with person.proxy.following(rules.first(1, rules.swallow, rules.SEND)):
                    yield
            case Kind.LAG:
                with for_a_while(person.proxy, Lagging(chain.head, fault.blocks), fault):
                    yield
            case Kind.OUTAGE:
                with away_for_a_while(person.proxy, fault):
                    yield

    @contextmanager
    def _killing(self, person: Person, fault: Fault) -> Iterator[None]:
        killing = rules.Killing(person.process_id, fault.at_call, after=fault.after)
        self._killings.append((killing, fault))
        with person.proxy.following(killing):
            yield
        self.kills += bool(killing.victim)
        self._killings.remove((killing, fault))

    def _reorganise(self, fault: Fault) -> None:
        """Replace blocks; transactions are lost with them only where they can be sent again."""
        chain, market = self.world.chain, self.world.market
        with chain.still():
            newest = market.request(market.request_count())
            now_s = int(chain.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
            open_now = newest.status == Status.BIDDING and now_s < newest.gate_closure
            keep = fault.moment == Moment.WAITING or not open_now
            fate = Fate.POOL if keep and fault.fate == Fate.GONE else fault.fate
            chain.reorganise(fault.blocks, fate)
            if open_now and market.request_count() < newest.request_id:
                raise AssertionError("the request itself was lost")

    # The round

    def _request(self) -> int:
        """Have the utility open a request, also if it is killed meanwhile, and return its id."""
        request_id = self.world.market.request_count() + 1
        self._ask()
        self._until(
            lambda: self.world.market.request_count() >= request_id, "the request", self._ask
        )
        # Deeper than a reorganisation reaches: without the request there is no round.
        self.world.chain.mine(10)
        return request_id

    def _ask(self) -> None:
        self.utility.run("utility", "request", REDUCTION_KWH, PRICE_ETH_PER_KWH, BIDDING_S)

    def _settle(self, request_id: int) -> None:
        """Close the gate until the winners are paid, whatever a reorganisation undoes."""

        def settled() -> bool:
            request = self.world.market.request(request_id)
            if request.status == Status.BIDDING and self.world.chain.is_pool_empty():
                self.world.chain.close_gate(self.world.market, request_id)
            return request.status == Status.SETTLED

        self._until(settled, "the end of the round", self._finish)

    def _finish(self) -> None:
        self.utility.run("utility", "finish")

    def _until(
        self, done: Callable[[], bool], what: str, utilitys_part: Callable[[], None] | None = None
    ) -> None:
        """Return once it is done, starting again whoever has died meanwhile."""
        deadline = monotonic() + _PATIENCE_S
        while not done():
            assert monotonic() < deadline, f"waited in vain for {what}\n{self._told()}"
            self._revive(utilitys_part)
            sleep(0.05)

    def _revive(self, utilitys_part: Callable[[], None] | None) -> None:
        for person in self.world.people:
            if person.lives():
                continue
            if person.name != UTILITY:
                self._restart(person)
                assert isinstance(person, Household)
                person.start()
            elif utilitys_part:
                self._restart(person)
                utilitys_part()

    def _restart(self, person: Person) -> None:
        self.restarts += 1
        if any(f.forgets and k.victim and f.whom == person.name for k, f in self._killings):
            person.forget()

    # What must hold

    def _all_have_bid(self, request_id: int) -> bool:
        return self.world.chain.is_pool_empty() and all(
            household.has_bid(request_id) for household in self.world.households
        )

    def _all_know(self, request_id: int) -> bool:
        request = self.world.market.request(request_id)
        if request.status != Status.SETTLED:
            self._settle(request_id)
            return False
        return all(self._knows(household, request_id) for household in self.world.households)

    def _knows(self, household: Household, request_id: int) -> bool:
        if not household.has_results(request_id):
            return False
        try:
            check_results(self.world.market, self.world.market.request(request_id), household)
        except (AssertionError, MarketError):
            return False
        return True

    def _check(self, request_id: int) -> None:
        request = self.world.market.request(request_id)
        for household in self.world.households:
            check_bids(self.world.market, request, household, wanted=True)
            check_results(self.world.market, request, household)
        check_escrow(request)
        self._waiting_wei += request.deferred_wei
        check_ether(self.world, self._waiting_wei)

    def _told(self) -> str:
        newest = [f"{p.name}:\n{p.process.out[-2000:]}" for p in self.world.people if p.runs]
        return "\n".join(newest)


@contextmanager
def for_a_while(proxy: Proxy, rule: rules.Rule, fault: Fault) -> Iterator[None]:
    """Have a proxy follow a rule for the fault's seconds, or until the end of the round."""
    proxy.add(rule)
    timer = threading.Timer(fault.seconds, proxy.remove, [rule])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        proxy.remove(rule)


@contextmanager
def away_for_a_while(proxy: Proxy, fault: Fault) -> Iterator[None]:
    """Have a node fail for the fault's seconds."""
    if fault.outage == PORT_CLOSED:
        with proxy.refusing():
            sleep(fault.seconds)
        yield
        return
    ended = threading.Event()
    timer = threading.Timer(fault.seconds, ended.set)
    timer.start()
    with for_a_while(proxy, outage_rule(fault.outage, ended), fault):
        try:
            yield
        finally:
            timer.cancel()
            ended.set()
