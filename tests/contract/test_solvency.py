"""Whatever people do, in whatever order, the market owes exactly what it holds.

Everything that happens on the chain is written into a second set of books as well, and after
every step the two are compared.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from market.clearing import Pricing
from market.units import escrow_wei
from tests.contract.driver import Driver, balances_wei, send, transaction
from tests.contract.helpers import (
    BOOKS,
    Access,
    Standing,
    Status,
    calldata,
    rpc,
    selector,
    set_next_time,
)
from tests.contract.ledger import Ledger, Request

MOVES = {
    (Status.BIDDING, Status.CLEARED),
    (Status.BIDDING, Status.SETTLED),
    (Status.BIDDING, Status.CANCELLED),
    (Status.CLEARED, Status.SETTLED),
}

# Few values, so that ties, exact fits and empty books come up often.
people = st.sampled_from(["alice", "bob", "refusing", "burning", "reentrant"])
picks = st.integers(0, 99)
good_bid = st.tuples(st.integers(4, 12), st.sampled_from([1, 2, 4, 5, 5, 33, 1000]))
any_bid = st.tuples(st.integers(0, 5), st.sampled_from([0, 1, 5, 1000, 1001]))
tenders = st.lists(st.tuples(people, st.lists(good_bid, min_size=1, max_size=4)), min_size=1)
terms = {
    "reduction_wh": st.integers(4, 60),
    "price_step_wei": st.sampled_from([1, 10**9]),
    "pricing": st.sampled_from(Pricing),
    "minimum_bid_wh": st.sampled_from([0, 0, 4]),
    "bidding_s": st.sampled_from([20, 60]),
}


class World:
    """The market and the people around it, and a snapshot to start every run from."""

    def __init__(self, market, cast, forcer):
        self.market = market
        self.driver = Driver(market)
        self.cast = cast
        self.forcer = forcer
        self._wear_out_the_books()
        self.snapshot = rpc("evm_snapshot")

    def restart(self):
        rpc("evm_revert", self.snapshot)
        self.snapshot = rpc("evm_snapshot")

    def _wear_out_the_books(self):
        """Leave bids in every book, at the levels that the runs use."""
        bids = [(5, 1), (5, 2), (5, 4), (5, 5), (5, 33), (5, 1000), (5, 1)]
        for request_id in range(1, 2 * BOOKS + 1):
            value_wei = escrow_wei(60, 1)
            terms = (60, 1, 10, 0, 0, 0, Pricing.UNIFORM)
            self.send("utility", "request_reduction", *terms, value_wei=value_wei)
            self.send("alice", "submit_bids", request_id, bids)
            set_next_time(self.market.get_request(request_id)["gate_closure"])
            self.send("bob", "select_winners", request_id)
            self.send("bob", "pay_winners", request_id, 99)

    def send(self, who, name, *arguments, value_wei=0):
        return self.driver.transact(self.cast[who], name, *arguments, value_wei=value_wei)

    def balances_wei(self):
        return dict(zip(self.cast, balances_wei(self.cast.values()), strict=True))

    def now(self):
        return int(rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


class Market(RuleBasedStateMachine):
    """What people may do to a market, each step checked against the ledger."""

    world = None

    def __init__(self):
        super().__init__()
        self.world.restart()
        self.ledger = Ledger("utility", 2 * BOOKS + 1)
        self.ledger.refusing = {"refusing", "burning"}
        self.before_wei = self.world.balances_wei()
        self.time = self.world.now()
        self.seen = {}

    # the calls

    @property
    def next_time(self):
        """When the next block is: a second after the last, so that a run can be repeated."""
        return self.time + 1

    def attempt(self, why_not, who, name, *arguments, value_wei=0):
        """Make a call; return its events, or None where it had to revert and did."""
        if why_not is None:
            return self.send(who, name, *arguments, value_wei=value_wei)
        got = self.world.driver.error_of(
            self.world.cast[who], name, *arguments, timestamp=self.next_time, value_wei=value_wei
        )
        assert got is not None, f"{name} did not revert with {why_not}"
        assert got[:10] == self.selector(why_not), name
        return None

    def send(self, who, name, *arguments, value_wei=0):
        self.tick()
        return self.world.send(who, name, *arguments, value_wei=value_wei)

    def tick(self):
        self.time += 1
        set_next_time(self.time)

    def selector(self, error):
        # The one error that comes from a library's assembly and is in no ABI of ours.
        return "0xb12d13eb" if error == "ETHTransferFailed" else selector(self.world.market, error)

    def those(self, *phases):
        """Return the ids of the requests in one of these phases."""
        requests = self.ledger.requests
        return [request_id for request_id in requests if requests[request_id].status in phases]

    def wait_until(self, timestamp):
        if timestamp > self.time:
            self.time = timestamp
            set_next_time(timestamp)
            rpc("evm_mine")

    # one round after the other

    @initialize(**terms)
    def first_request(self, **terms):
        self.request_reduction("owner", **terms)

    @precondition(lambda self: len(self.ledger.unfinished()) < 5)
    @rule(who=st.sampled_from(["owner"] * 5 + ["refusing", "bob"]), **terms)
    def request_reduction(
        self, who, reduction_wh, price_step_wei, pricing, minimum_bid_wh, bidding_s
    ):
        who = self.ledger.owner if who == "owner" else who
        arguments = (reduction_wh, price_step_wei, bidding_s, 0, 0, minimum_bid_wh, pricing)
        value_wei = escrow_wei(reduction_wh, price_step_wei)
        why_not = self.ledger.why_not_request(who)
        events = self.attempt(why_not, who, "request_reduction", *arguments, value_wei=value_wei)
        if events:
            gate_closure = self.time + bidding_s
            conditions = (reduction_wh, price_step_wei, pricing, minimum_bid_wh, gate_closure)
            request_id = self.ledger.request(Request(who, *conditions))
            assert (events[0][1]["request_id"], events[0][1]["gate_closure"]) == (
                request_id,
                gate_closure,
            )
            if who == "refusing":
                self.before_wei[who] += value_wei  # sent along with the call, by its operator

    @precondition(lambda self: self.those(Status.BIDDING))
    @rule(number=picks, tenders=tenders)
    def submit_bids(self, number, tenders):
        biddable = self.those(Status.BIDDING)
        for who, bids in tenders:
            self.submit(who, biddable[number % len(biddable)], bids)

    def submit(self, who, request_id, bids):
        why_not = self.ledger.why_not_bid(who, request_id, bids, self.next_time)
        events = self.attempt(why_not, who, "submit_bids", request_id, bids)
        if events:
            assert events[0][1]["first_bid_id"] == self.ledger.bid(who, request_id, bids)

    @precondition(
        lambda self: any(self.ledger.requests[n].bids for n in self.those(Status.BIDDING))
    )
    @rule(number=picks, places=st.lists(picks, max_size=3), of_others=st.sampled_from([0, 0, 0, 1]))
    def withdraw_bids(self, number, places, of_others):
        biddable = [n for n in self.those(Status.BIDDING) if self.ledger.requests[n].bids]
        request_id = biddable[number % len(biddable)]
        request = self.ledger.requests[request_id]
        who = request.bids[number % len(request.bids)].consumer
        choice = [bid.bid_id for bid in request.bids if of_others or bid.consumer == who]
        bid_ids = [choice[place % len(choice)] for place in places]
        why_not = self.ledger.why_not_withdraw_bids(who, request_id, bid_ids, self.next_time)
        if self.attempt(why_not, who, "withdraw_bids", request_id, bid_ids):
            request.withdrawn.update(bid_ids)

    @precondition(lambda self: self.those(Status.BIDDING))
    @rule(who=people, number=picks)
    def select_winners(self, who, number):
        biddable = self.those(Status.BIDDING)
        request_id = biddable[number % len(biddable)]
        self.wait_until(self.ledger.requests[request_id].gate_closure)
        ((_, fields), *_) = self.send(who, "select_winners", request_id)
        outcome = self.ledger.select(request_id)
        summary = (outcome.clearing_level, outcome.energy_wh, outcome.cost_wei)
        assert tuple(fields.values())[:4] == (request_id, *summary)

    @precondition(lambda self: self.those(Status.CLEARED))
    @rule(who=people, number=picks, max_winners=st.sampled_from([0, 1, 1, 2, 3, 99]))
    def pay_winners(self, who, number, max_winners):
        payable = self.those(Status.CLEARED)
        request_id = payable[number % len(payable)]
        events = self.send(who, "pay_winners", request_id, max_winners)
        expected = [
            (name, won.bid_id, won.accepted_wh, won.payment_wei)
            for name, won in self.ledger.pay(request_id, max_winners)
        ]
        assert [
            (name, fields["bid_id"], fields["energy_wh"], fields["amount_wei"])
            for name, fields in events
            if name != "RequestSettled"
        ] == expected

    @precondition(lambda self: any(self.ledger.credits_wei.values()))
    @rule(
        who=st.sampled_from(["refusing", "refusing", "refusing", "burning", "alice"]),
        willing=st.sampled_from([True, True, False]),
    )
    def withdraw(self, who, willing):
        if willing and "refusing" in self.ledger.refusing:
            self.change_the_mind_of_the_refusing()
        events = self.attempt(self.ledger.why_not_withdraw(who), who, "withdraw")
        if events:
            assert events[0][1]["amount_wei"] == self.ledger.withdraw(who)

    # what comes between

    @rule(number=picks, by_owner=st.sampled_from([True, False]))
    def cancel_request(self, number, by_owner):
        request_id = [*self.ledger.requests][number % len(self.ledger.requests)]
        who = self.ledger.owner if by_owner else "bob"
        why_not = self.ledger.why_not_cancel(who, request_id, self.next_time)
        if self.attempt(why_not, who, "cancel_request", request_id):
            self.ledger.cancel(request_id)

    @rule(who=people, number=picks, bids=st.lists(any_bid, max_size=3))
    def call_out_of_turn(self, who, number, bids):
        request_id = [*self.ledger.requests][number % len(self.ledger.requests)]
        self.submit(who, request_id, bids)
        early = self.ledger.why_not_select(request_id, self.next_time)
        if early:
            self.attempt(early, who, "select_winners", request_id)
        if self.ledger.requests[request_id].status != Status.CLEARED:
            self.attempt("WrongStatus", who, "pay_winners", request_id, 99)

    @rule(event=st.sampled_from(["a while", "other mind", "other owner", "forced Ether"]))
    def meanwhile(self, event):
        if event == "a while":
            self.wait_until(self.time + 15)
        elif event == "other mind":
            self.change_the_mind_of_the_refusing()
        elif event == "other owner":
            self.pass_ownership_on()
        else:
            self.force_ether_in(7)

    def change_the_mind_of_the_refusing(self):
        refusing = self.world.cast["refusing"]
        willing = "refusing" in self.ledger.refusing
        self.tick()
        send(transaction(refusing.tx.sender, refusing.set_willing.encode_input(willing), refusing))
        self.ledger.refusing ^= {"refusing"}

    def pass_ownership_on(self):
        successor = "refusing" if self.ledger.owner == "utility" else "utility"
        self.send(self.ledger.owner, "transferOwnership", self.world.cast[successor])
        self.send(successor, "acceptOwnership")
        self.ledger.owner = successor

    def force_ether_in(self, amount_wei):
        code = self.world.forcer.deploy.encode_input(self.world.market)
        self.tick()
        send(transaction(self.world.cast["bob"], code, value_wei=amount_wei))
        self.before_wei["bob"] -= amount_wei
        self.ledger.forced_wei += amount_wei

    @rule(
        action=st.sampled_from(["register", "approve", "revoke", "set_access"]),
        who=people,
        access=st.sampled_from([*Access, Access.OPEN, Access.OPEN]),
    )
    def change_who_may_bid(self, action, who, access):
        standing = self.ledger.standings[who]
        if action == "set_access":
            self.send(self.ledger.owner, "set_access", access)
            self.ledger.access = access
        elif action == "register":
            errors = {Standing.UNKNOWN: None, Standing.REVOKED: "Revoked"}
            if self.attempt(errors.get(standing, "AlreadyRegistered"), who, "register"):
                self.ledger.standings[who] = Standing.REGISTERED
        else:
            self.send(self.ledger.owner, action, [self.world.cast[who]])
            became = Standing.APPROVED if action == "approve" else Standing.REVOKED
            self.ledger.standings[who] = became

    # what must always hold

    @invariant()
    def market_owes_what_it_holds(self):
        holding = balances_wei([self.world.market])
        assert holding == [self.ledger.balance_wei()]

    @invariant()
    def nobody_has_a_wei_too_many(self):
        for name, now_wei in self.world.balances_wei().items():
            assert now_wei - self.before_wei[name] == self.ledger.received_wei[name], name
        calls = [("get_deferred", person) for person in self.world.cast.values()]
        for name, deferred_wei in zip(self.world.cast, self.world.driver.views(calls), strict=True):
            assert deferred_wei == self.ledger.credits_wei[name], name

    @invariant()
    def escrow_is_all_accounted_for(self):
        requests = self.unfinished_at_last_look()
        calls = [("get_request", request_id) for request_id in requests]
        for request_id, told in zip(requests, self.world.driver.views(calls), strict=True):
            request = requests[request_id]
            self.check_phase(request_id, told["status"])
            assert told["status"] == request.status
            assert told["bid_count"] == len(request.bids)
            for name in ("escrow_wei", "cost_wei", "paid_wei", "deferred_wei", "refunded_wei"):
                assert told[name] == getattr(request, name), name
            gone_wei = told["paid_wei"] + told["deferred_wei"] + told["refunded_wei"]
            assert told["escrow_wei"] == gone_wei + request.outstanding_wei

    def unfinished_at_last_look(self):
        finished = (Status.SETTLED, Status.CANCELLED)
        return {
            request_id: request
            for request_id, request in self.ledger.requests.items()
            if self.seen.get(request_id) not in finished
        }

    def check_phase(self, request_id, status):
        before = self.seen.get(request_id, Status.BIDDING)
        assert before == status or (before, status) in MOVES
        self.seen[request_id] = status

    @invariant()
    def quote_is_the_rule(self):
        requests = self.ledger.unfinished()
        calls = [("get_quote", request_id) for request_id in requests]
        for request, quote in zip(requests.values(), self.world.driver.views(calls), strict=True):
            rule_ = request.clearing()
            bidding = request.status == Status.BIDDING
            offered_wh = rule_.offered_wh if bidding else rule_.energy_wh
            assert quote == (rule_.clearing_level, rule_.energy_wh, rule_.cost_wei, offered_wh)

    def teardown(self):
        self.seen = {}  # for a last look at the finished ones too
        self.escrow_is_all_accounted_for()


@pytest.fixture
def world(Demand_Reduction, RefusingPayee, BurningPayee, ReentrantPayee, EtherForcer, accounts):
    utility, alice, bob, stranger = accounts[:4]
    market = Demand_Reduction.deploy(Access.OPEN, {"from": utility})
    reentrant = ReentrantPayee.deploy({"from": stranger})
    reentrant.aim(market, calldata(market.withdraw), {"from": stranger})
    cast = {
        "utility": utility,
        "alice": alice,
        "bob": bob,
        "refusing": RefusingPayee.deploy({"from": stranger}),
        "burning": BurningPayee.deploy({"from": stranger}),
        "reentrant": reentrant,
    }
    return World(market, cast, EtherForcer)


def test_market__anything_anybody_does__keeps_the_books_balanced(world):
    machine = type("AnyMarket", (Market,), {"world": world})
    # Foundry plays many more rounds by its own rules; this one holds Python's ledger to them.
    run_state_machine_as_test(machine, settings=settings(max_examples=20, stateful_step_count=40))
