import pytest

from tests.contract.helpers import BOOKS, reverts


@pytest.fixture
def five_bids(open_request, bid, alice, bob):
    open_request()
    bid(alice, (10, 5), (20, 4), (30, 3))
    bid(bob, (40, 2), (50, 1))


def ids(bids):
    return [entry["bid_id"] for entry in bids]


@pytest.mark.parametrize(
    ("offset", "limit", "expected"),
    [
        (0, 5, [1, 2, 3, 4, 5]),
        (0, 2, [1, 2]),
        (2, 2, [3, 4]),
        (4, 2, [5]),
        (5, 2, []),
        (2**256 - 1, 2, []),
        (0, 0, []),
        (3, 2**256 - 1, [4, 5]),
    ],
)
def test_get_bids__offset_and_limit__give_that_part(market, five_bids, offset, limit, expected):
    assert ids(market.get_bids(1, offset, limit)) == expected


def test_get_bids__each__has_its_consumer_energy_and_level(market, five_bids, alice, bob):
    assert market.get_bids(1, 2, 2) == [(3, alice, 30, 3), (4, bob, 40, 2)]


def test_get_bids__no_bids__is_empty(market, open_request):
    open_request()
    assert market.get_bids(1, 0, 9) == []


@pytest.mark.parametrize("request_id", [0, 2, BOOKS + 1, 10**30, 2**256 - 1])
def test_get_bids__unknown_request__is_empty(market, five_bids, request_id):
    assert market.get_bids(request_id, 0, 9) == []


def test_get_bids__settled__are_still_there(market, five_bids, settle, alice):
    settle()
    assert ids(market.get_bids(1, 0, 9)) == [1, 2, 3, 4, 5]


def test_get_bids__book_taken_over__reverts(market, five_bids, settle, open_request):
    settle()
    for _ in range(BOOKS - 1):
        open_request()
    assert len(market.get_bids(1, 0, 9)) == 5
    open_request()
    with reverts("BookReused", 1):
        market.get_bids(1, 0, 9)
    assert market.get_bids(BOOKS + 1, 0, 9) == []
