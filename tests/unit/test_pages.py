import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import ReadTimeout
from web3.exceptions import ContractLogicError, Web3RPCError

from market.pages import rows_in_pages
from market.portions import Portion

TOO_LONG = [
    Web3RPCError("EVM error OutOfGas"),
    ContractLogicError("execution reverted: out of gas"),
]


class View:
    """Rows behind a node that answers no more than so many at a time."""

    def __init__(self, rows, most, problem=TOO_LONG[0]):
        self.rows, self.most, self.problem, self.limits = rows, most, problem, []

    def __call__(self, offset, limit):
        self.limits.append(limit)
        rows = range(self.rows)[offset : offset + limit]
        if len(rows) > self.most:
            raise self.problem
        return rows


@pytest.mark.parametrize("problem", TOO_LONG, ids=repr)
def test_rows_in_pages__page_refused__is_halved_and_stays_so(problem):
    view, page = View(2500, 600, problem), Portion(2000)
    assert [*rows_in_pages(view, 0, page)] == [*range(2500)]
    assert view.limits == [2000, 1000, *[500] * 6]
    view.limits.clear()
    assert [*rows_in_pages(view, 700, page)] == [*range(700, 2500)]
    assert view.limits == [500] * 4


def test_rows_in_pages__no_answer__is_raised_and_the_next_page_is_shorter():
    view, page = View(2500, 600, ReadTimeout()), Portion(2000)
    for _ in range(2):
        with pytest.raises(ReadTimeout):
            [*rows_in_pages(view, 0, page)]
    assert [*rows_in_pages(view, 0, page)] == [*range(2500)]
    assert view.limits == [2000, 1000, *[500] * 6]


@pytest.mark.parametrize(
    ("problem", "asked"),
    [
        (ContractLogicError("BookInUse", "0xab"), 1),
        (ContractLogicError("execution reverted"), 1),
        (NoConnection(), 1),
        (Web3RPCError("no archive"), 7),
    ],
    ids=repr,
)
def test_rows_in_pages__refused_for_another_reason__is_raised(problem, asked):
    view = View(2500, 0, problem)
    with pytest.raises(type(problem)):
        [*rows_in_pages(view, 0, Portion(2000))]
    assert len(view.limits) == asked


@given(st.integers(0, 9000), st.integers(0, 9000), st.integers(60, 9000))
def test_rows_in_pages__any_limit__each_row_once_in_order(rows, offset, most):
    assert [*rows_in_pages(View(rows, most), offset, Portion(2000))] == [*range(offset, rows)]
