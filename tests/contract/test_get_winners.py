import pytest

from tests.contract.helpers import BOOKS, STEP_WEI, reverts


@pytest.fixture
def four_winners(open_request, bid, select_winners, alice, bob, carol):
    """Request 1, cleared, with losers and a withdrawn bid between the winners."""
    open_request()
    bid(alice, (300, 10), (250, 20), (150, 10))
    bid(bob, (250, 20), (250, 20))
    bid(carol, (250, 20), (250, 30))
    select_winners()


def test_get_winners__all__are_in_the_order_of_payment(market, four_winners, alice, bob):
    assert market.get_winners(1, 0, 99) == [
        (3, alice, 150, 3_000 * STEP_WEI),
        (1, alice, 300, 6_000 * STEP_WEI),
        (5, bob, 50, 1_000 * STEP_WEI),
        (4, bob, 250, 5_000 * STEP_WEI),
        (2, alice, 250, 5_000 * STEP_WEI),
    ]


@pytest.mark.parametrize(
    ("offset", "limit", "expected"),
    [
        (0, 5, [3, 1, 5, 4, 2]),
        (0, 1, [3]),
        (1, 3, [1, 5, 4]),
        (4, 9, [2]),
        (5, 9, []),
        (2**256 - 1, 9, []),
        (0, 0, []),
        (2, 2**256 - 1, [5, 4, 2]),
    ],
)
def test_get_winners__offset_and_limit__give_that_part(
    market, four_winners, offset, limit, expected
):
    winners = market.get_winners(1, offset, limit)
    assert [winner["bid_id"] for winner in winners] == expected


def test_get_winners__while_paid_in_batches__stays_the_same(market, four_winners, stranger):
    before = market.get_winners(1, 0, 99)
    for _ in range(5):
        market.pay_winners(1, 1, {"from": stranger})
        assert market.get_winners(1, 0, 99) == before


def test_get_winners__before_selection__is_empty(market, open_request, bid, close_gate, alice):
    open_request()
    bid(alice, (300, 10))
    close_gate()
    assert market.get_winners(1, 0, 9) == []


def test_get_winners__settled_without_bids__is_empty(market, open_request, settle, select_winners):
    open_request()
    select_winners()
    assert market.get_winners(1, 0, 9) == []


@pytest.mark.parametrize("request_id", [0, 2, BOOKS + 1, 10**30])
def test_get_winners__unknown_request__is_empty(market, four_winners, request_id):
    assert market.get_winners(request_id, 0, 9) == []


def test_get_winners__book_taken_over__reverts(market, four_winners, open_request, stranger):
    market.pay_winners(1, 99, {"from": stranger})
    for _ in range(BOOKS - 1):
        open_request()
    assert len(market.get_winners(1, 0, 9)) == 5
    open_request()
    with reverts("BookReused", 1):
        market.get_winners(1, 0, 9)
    assert market.get_winners(BOOKS + 1, 0, 9) == []
