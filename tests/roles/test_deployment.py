"""Deploying: one contract, however often a run is broken off; and another one after it."""

import pytest

from market.clearing import Access
from market.contract import DemandReduction
from market.deployment import PURPOSE, deploy, seen_through
from market.memory import Memory
from market.node import chain_name
from market.signer import KeySigner, UnlockedSigner
from market.transactions import Sender
from tests.roles.conftest import Killed
from tests.scripts.chain import UTILITY


class Site:
    """Somebody who deploys, and whose program may be broken off at any time."""

    def __init__(self, town, signer):
        self.town, self.signer = town, signer

    def start(self):
        """Return the sender of a program that has just been started."""
        web3 = self.town.web3
        file = self.town.folder / f"{self.signer.address}.sqlite3"
        memory = Memory(file, chain_name(web3), "", self.signer.address)
        return Sender(web3, self.signer, memory)

    def sent(self):
        return self.town.web3.eth.get_transaction_count(self.signer.address)


@pytest.fixture(params=["key", "kept by the node"])
def site(town, request):
    if request.param == "key":
        return Site(town, KeySigner(town.wallet()))
    return Site(town, UnlockedSigner(town.web3.eth.accounts[UTILITY]))


def test_deploy__broken_off_before_it_was_seen_through__is_the_same_contract(site):
    before = site.sent()
    first, second = (deploy(site.start(), Access.OPEN) for _ in range(2))
    assert (second.address, second.sent.hash) == (first.address, first.sent.hash)
    assert (first.is_of_earlier_run, second.is_of_earlier_run) == (False, True)
    assert site.sent() == before + 1


def test_deploy__the_first_is_seen_through__is_another_contract(site):
    first = deploy(site.start(), Access.OPEN)
    seen_through(site.start())
    second = deploy(site.start(), Access.OPEN)
    assert second.address != first.address
    assert not second.is_of_earlier_run


def test_deploy__broken_off_and_other_access_wanted__is_another_contract(site, town):
    first = deploy(site.start(), Access.OPEN)
    second = deploy(site.start(), Access.APPROVED)
    assert second.address != first.address
    assert DemandReduction(town.web3, second.address).access() == Access.APPROVED
    assert deploy(site.start(), Access.APPROVED).address == second.address


def test_deploy__broken_off_before_a_block_and_other_access_wanted__waits_for_the_first(town):
    site = Site(town, KeySigner(town.wallet()))
    first = site.start()

    def kill(_flight):
        raise Killed

    first.wait = kill
    with town.still():
        with pytest.raises(Killed):
            deploy(first, Access.OPEN)
        town.rpc("anvil_dropAllTransactions")
    second = deploy(site.start(), Access.APPROVED)
    assert not second.is_of_earlier_run
    assert DemandReduction(town.web3, second.address).access() == Access.APPROVED
    assert site.sent() == 2
    seen_through(site.start())
    assert site.start().journal.flights(site.signer.address) == []


def test_deploy__the_earlier_one_never_happened__deploys_anew(town):
    site = Site(town, KeySigner(town.wallet()))
    sender = site.start()
    deploy(sender, Access.OPEN)
    (flight,) = sender.journal.flights(site.signer.address)
    assert flight.purpose == PURPOSE
    town.reorganise(1)
    Sender(town.web3, site.signer).send(town.call("register"), "something else")
    anew = deploy(site.start(), Access.OPEN)
    assert not anew.is_of_earlier_run
    assert site.sent() == 2
