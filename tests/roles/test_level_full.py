"""A price level that somebody has filled keeps none of a household's bids out."""

import pytest

from market.bids import Offer
from market.model import Terms
from market.signer import KeySigner
from market.transactions import Sender
from market.units import PRICE_LEVELS
from tests.roles.conftest import BIDDING_S, BOB, GWEI

STEP_WEI = 4 * GWEI
MAX_LEVEL_WH = 2**31 - 1


def offers(*levels):
    return tuple(Offer(3000, level * STEP_WEI, f"at {level}") for level in levels)


def consumer_with(town, *levels):
    sender = Sender(town.web3, KeySigner(town.wallet(10**19)))
    return town.consumer("full", sender, offers=offers(*levels))


def large_request(town):
    """Open a request in which a level can be filled: it is as large as a level."""
    town.rpc("anvil_setBalance", town.utility.sender.signer.address, hex(10**24))
    request_id = town.utility.request(Terms(MAX_LEVEL_WH, STEP_WEI, BIDDING_S)).request_id
    town.utility.seen_through(request_id)
    return request_id


def fill(town, request_id, *levels):
    bids = [(MAX_LEVEL_WH, level) for level in levels]
    town.market.submit_bids(town.sender(BOB), request_id, bids)


def fill_first(town, request_id, level):
    """Fill a level in the next block, before whatever else is waiting for it."""
    fees = {"gas": 300_000, "maxFeePerGas": 10**12, "maxPriorityFeePerGas": 10**11}
    call = town.call("submit_bids", request_id, [(MAX_LEVEL_WH, level)])
    call.transact({"from": town.web3.eth.accounts[BOB], **fees})
    town.mine()


def own_levels(town, request_id):
    filled = town.web3.eth.accounts[BOB]
    return [bid.price_level for bid in town.market.bids(request_id) if bid.consumer != filled]


@pytest.mark.parametrize(
    ("filled", "offered", "bid"),
    [
        ([500], [500, 700], [501, 700]),
        ([500, 501, 502], [500, 501], [503, 503]),
        ([PRICE_LEVELS], [PRICE_LEVELS, 700], [700]),
    ],
)
def test_consumer__level_full__bids_at_the_next_one_that_takes_them(town, filled, offered, bid):
    consumer, request_id = consumer_with(town, *offered), large_request(town)
    fill(town, request_id, *filled)
    for _ in range(2):
        consumer.step()
    assert own_levels(town, request_id) == bid
    assert consumer.desk.report.problems() == []
    refused = [told for told in consumer.desk.report.told if told[0] == "offer_refused"]
    assert len(refused) == len(offered) - len(bid)


def test_consumer__refused_in_a_block__does_not_bid_again(town):
    """A reorganisation may let the refused bids in after all, beside what was sent since."""
    consumer, request_id = consumer_with(town, 500), large_request(town)
    for _ in range(2):
        town.mine()
    with town.still():
        consumer.step()
        fill_first(town, request_id, 500)
        filled, refused = town.newest_raws()
        for _ in range(3):
            consumer.step()
            town.mine()
        assert own_levels(town, request_id) == []
        town.reorganise(4, refused, filled)
        town.mine()
        for _ in range(3):
            consumer.step()
            town.mine()
    assert own_levels(town, request_id) == [500]
    assert town.web3.eth.get_transaction_count(consumer.desk.sender.signer.address) == 1


def test_consumer__level_filled_while_bids_wait__their_fee_is_not_raised(town):
    consumer, request_id = consumer_with(town, PRICE_LEVELS), large_request(town)
    consumer.desk.sender._replace_s = 0
    with town.still():
        consumer.step()
        sent_wei = consumer.desk.flight(request_id).fees.maximum_wei
        town.rpc("anvil_dropAllTransactions")
        fill_first(town, request_id, PRICE_LEVELS)
        for _ in range(2):
            consumer.step()
        assert consumer.desk.flight(request_id).fees.maximum_wei == sent_wei
    assert consumer.desk.report.problems() == []
