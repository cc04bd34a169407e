"""A chain, a contract on it, and the people who work with it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from eth_typing import ChecksumAddress

from market.bids import Offer
from market.contract import DemandReduction
from tests.faults.anvil_chain import anvil
from tests.faults.live_chain import LiveChain
from tests.faults.nursery import Nursery
from tests.faults.people import Household, Person
from tests.faults.proxy import Proxy
from tests.scripts.chain import UTILITY

CHAIN_ID = 7357
Node = Callable[[int], AbstractContextManager[LiveChain]]
"""Runs a live network that has this chain id."""


class World:
    """A chain with a contract, the utility, and households; each behind a proxy of its own."""

    def __init__(self, folder: Path, nursery: Nursery, node: Node) -> None:
        self.folder, self.nursery = folder, nursery
        self._stack = ExitStack()
        self.chain = self._stack.enter_context(node(CHAIN_ID))
        self._stack.callback(self.chain.stop)
        self.market = self._old_market()
        self.people: list[Person] = []
        self.former_markets: list[ChecksumAddress] = []

    def proxy(self) -> Proxy:
        return Proxy(self.chain.url)

    def household(self, name: str, number: int, *offers: Offer) -> Household:
        household = Household(self, name, number, *offers)
        self.people.append(household)
        return household

    def play_round(self, home: Household) -> None:
        """Have a consumer that waits bid in a request, and be told what it brought."""
        request_id = self.chain.request(self.market)
        home.wait_for_bid(request_id)
        self.chain.settle(self.market, request_id)
        home.wait_for_results(request_id)

    def utility(self) -> Person:
        utility = Person(self, "utility", UTILITY, "UTILITY")
        self.people.append(utility)
        return utility

    @property
    def households(self) -> list[Household]:
        return [person for person in self.people if isinstance(person, Household)]

    def begin(self, folder: Path) -> "World":
        """Start anew on the same chain: nobody is there, and the contract is another."""
        self.end()
        self.people, self.folder = [], folder
        self.former_markets.append(self.market.address)
        self.market = self._old_market()
        return self

    def _old_market(self) -> DemandReduction:
        """Return a new contract that a node knows also if it is some blocks behind."""
        market = self.chain.new_market()
        self.chain.mine(10)
        return market

    def end(self) -> None:
        """End everybody's processes."""
        for person in self.people:
            for run in person.runs:
                run.kill()
            person.proxy.close()

    def close(self) -> None:
        self.end()
        self._stack.close()


@contextmanager
def new_world(folder: Path, nursery: Nursery, node: Node = anvil) -> Iterator[World]:
    world = World(folder, nursery, node)
    try:
        yield world
    finally:
        world.close()
