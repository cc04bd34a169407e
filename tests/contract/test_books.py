"""Requests take turns in a ring of books, and each keeps to its own."""

from tests.contract.helpers import BOOKS, MAX_LEVEL_WH, STEP_WEI, reverts


def winners(market, request_id):
    """Return who sells what (Wh), in the order that the bids came in."""
    found = market.get_winners(request_id, 0, 999)
    return [
        (winner["bid_id"], winner["consumer"], winner["energy_wh"])
        for winner in sorted(found, key=lambda winner: winner["bid_id"])
    ]


def test_books__as_many_requests_as_books__are_open_at_a_time(market, open_request, bid, alice):
    for request_id in range(1, BOOKS + 1):
        open_request()
        bid(alice, (request_id, request_id), request_id=request_id)
    for request_id in range(1, BOOKS + 1):
        cost_wei = request_id * request_id * STEP_WEI
        assert market.get_quote(request_id) == (request_id, request_id, cost_wei, request_id)


def test_books__one_request_more__reverts(market, open_request, request_reduction):
    for _ in range(BOOKS):
        open_request()
    with reverts("BookBusy", 1):
        request_reduction()
    assert market.request_count() == BOOKS
    assert market.balance() == BOOKS * market.get_request(1)["escrow_wei"]


def test_books__past_gate_closure_but_not_selected__is_busy(
    open_request, request_reduction, close_gate
):
    for _ in range(BOOKS):
        open_request()
    close_gate(BOOKS)
    with reverts("BookBusy", 1):
        request_reduction()


def test_books__selected_but_not_paid__is_busy(
    market, open_request, request_reduction, bid, select_winners, alice, stranger
):
    open_request()
    bid(alice, (10, 1), (10, 1))
    for _ in range(BOOKS - 1):
        open_request(bidding_seconds=9999)
    select_winners()
    market.pay_winners(1, 1, {"from": stranger})
    with reverts("BookBusy", 1):
        request_reduction()


def test_books__paid__is_free(market, open_request, request_reduction, bid, settle, alice):
    open_request()
    bid(alice, (10, 1))
    for _ in range(BOOKS - 1):
        open_request(bidding_seconds=9999)
    settle()
    assert request_reduction().return_value == BOOKS + 1


def test_books__cancelled__is_free(market, open_request, request_reduction, bid, utility, alice):
    for _ in range(BOOKS):
        open_request()
    bid(alice, (10, 1))
    market.cancel_request(1, {"from": utility})
    assert request_reduction().return_value == BOOKS + 1


def test_books__only_a_later_request_is_finished__stays_busy(
    market, open_request, request_reduction, utility
):
    for _ in range(BOOKS):
        open_request()
    market.cancel_request(2, {"from": utility})
    with reverts("BookBusy", 1):
        request_reduction()


def test_books__overlapping_requests__keep_to_themselves(
    market, open_request, bid, settle, alice, bob
):
    open_request(bidding_seconds=100)
    open_request(bidding_seconds=200)
    bid(alice, (300, 20), request_id=1)
    bid(bob, (400, 20), request_id=2)
    bid(alice, (500, 21), request_id=2)
    bid(bob, (600, 21), request_id=1)
    market.withdraw_bids(2, [1], {"from": bob})
    settle(1)
    assert winners(market, 1) == [(1, alice, 300), (2, bob, 600)]
    assert market.get_bids(2, 0, 9) == [(1, bob, 0, 20), (2, alice, 500, 21)]
    settle(2)
    assert winners(market, 2) == [(2, alice, 500)]
    assert market.balance() == 0


def test_books__full_level_before__has_room_again(market, open_request, bid, settle, alice):
    for request_id in (1, BOOKS + 1):
        open_request(reduction_wh=MAX_LEVEL_WH, price_step_wei=1)
        bid(alice, (MAX_LEVEL_WH - 15, 7), (15, 7), request_id=request_id)
        assert market.get_quote(request_id)["offered_wh"] == MAX_LEVEL_WH
        settle(request_id)
        while request_id == 1 and market.request_count() < BOOKS:
            settle(open_request())


def test_books__many_requests_in_a_row__each_sells_its_own_bids(
    market, open_request, bid, settle, utility, alice, bob
):
    for request_id in range(1, 42):
        open_request(reduction_wh=100)
        level = 1 + request_id * 7 % 40
        bid(alice, (60, level), (60, level + 1), request_id=request_id)
        bid(bob, (60, level), (5, level + 2), request_id=request_id)
        if request_id % 5 == 0:
            market.cancel_request(request_id, {"from": utility})
            assert market.get_winners(request_id, 0, 9) == []
        else:
            settle(request_id)
            assert winners(market, request_id) == [(1, alice, 60), (3, bob, 40)]
            assert market.get_request(request_id)["cost_wei"] == 100 * level * STEP_WEI
    assert market.balance() == 0


def test_books__unfinished_request_of_long_ago__holds_up_only_its_own_book(
    market, open_request, request_reduction, settle, bid, alice
):
    open_request(bidding_seconds=10_000)
    bid(alice, (60, 20))
    for _ in range(BOOKS - 1):
        settle(open_request())
    with reverts("BookBusy", 1):
        request_reduction()
    settle(1)
    settle(open_request())
    assert market.request_count() == BOOKS + 1
