"""What must hold however a round went: bids once, Ether conserved, results right."""

from collections import Counter
from collections.abc import Iterable

from market.bids import bids_for_request
from market.clearing import Clearing, clear
from market.contract import DemandReduction
from market.model import Request, Status
from market.store import Outcome
from tests.faults.people import Household
from tests.faults.world import World

_START_WEI = 10_000 * 10**18


def check(
    world: World,
    *,
    absent: Iterable[tuple[Household, int]] = (),
    withdrawn_wei: int = 0,
    last: int | None = None,
) -> None:
    """Fail unless every household has bid once in each request, and everything is accounted for.

    `absent` are the households that could not bid in a request, and `withdrawn_wei` is what was
    deferred and has been withdrawn since; `last` is the request that ended last, if it is not the
    newest.
    """
    away = {(household.name, request_id) for household, request_id in absent}
    newest, waiting_wei = world.market.request_count(), -withdrawn_wei
    for request_id in range(1, newest + 1):
        request = world.market.request(request_id)
        assert request.status in (Status.SETTLED, Status.CANCELLED), request
        for household in world.households:
            wanted = (household.name, request_id) not in away
            check_bids(world.market, request, household, wanted=wanted)
        check_escrow(request)
        waiting_wei += request.deferred_wei
    check_ether(world, waiting_wei)
    for household in world.households:
        check_results(world.market, world.market.request(last or newest), household)


def check_bids(
    market: DemandReduction, request: Request, household: Household, *, wanted: bool
) -> None:
    """Fail unless each of a household's bids that fits is on chain once, or none at all."""
    fitting, _ = bids_for_request(
        household.offers,
        reduction_wh=request.reduction_wh,
        price_step_wei=request.price_step_wei,
        minimum_bid_wh=request.minimum_bid_wh,
    )
    expected = Counter((bid.energy_wh, bid.price_level) for bid in fitting if wanted)
    found = Counter(
        (bid.energy_wh, bid.price_level)
        for bid in market.bids(request.request_id)
        if bid.consumer == household.address
    )
    who = f"{household.name} in request {request.request_id}"
    assert found == expected, f"{who}: {found} instead of {expected}\n{household.told[-3000:]}"


def check_escrow(request: Request) -> None:
    """Fail unless every wei of a request's escrow is paid, deferred or refunded."""
    spent = request.paid_wei + request.deferred_wei + request.refunded_wei
    assert spent == request.escrow_wei, request


def check_ether(world: World, waiting_wei: int = 0) -> None:
    """Fail unless the contract holds what waits in it, and nothing was made or lost."""
    chain, market = world.chain, world.market
    with chain.still():
        held = chain.balance_wei(market.address)
        assert held == waiting_wei, f"the contract holds {held} wei, {waiting_wei} wei wait in it"
        holders = [*chain.accounts, market.address, *world.former_markets, chain.miner()]
        everything = sum(chain.balance_wei(holder) for holder in holders) + chain.burnt_wei()
    missing = _START_WEI * len(chain.accounts) - everything
    assert not missing, f"{missing} wei are missing"


def check_results(market: DemandReduction, request: Request, household: Household) -> None:
    """Fail unless a household's results are those of the rule for the bids on chain."""
    results = household.results()
    assert results.request_id == request.request_id, household.told
    found = [(r.energy_wh, r.price_wei_per_wh, r.payment_wei) for r in results.results]
    due = _due(market, request, household)
    assert found == due, household.told
    assert results.status == _outcome(market, request, household, due), household.told


def _outcome(
    market: DemandReduction, request: Request, household: Household, due: list[tuple[int, int, int]]
) -> Outcome:
    if request.status == Status.CANCELLED:
        return Outcome.CANCELLED
    if due:
        return Outcome.WON
    bids = market.bids(request.request_id)
    took_part = any(bid.consumer == household.address for bid in bids)
    return Outcome.LOST if took_part else Outcome.NO_BIDS


def _due(
    market: DemandReduction, request: Request, household: Household
) -> list[tuple[int, int, int]]:
    if request.status == Status.CANCELLED:
        return []
    step = request.price_step_wei
    return [
        (award.accepted_wh, award.price_level * step, award.payment_wei)
        for award in _cleared(market, request).awards
        if award.consumer == household.address
    ]


def _cleared(market: DemandReduction, request: Request) -> Clearing:
    bids = market.bids(request.request_id)
    return clear(bids, request.reduction_wh, request.price_step_wei, request.pricing)
