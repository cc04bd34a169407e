"""Reading a list from a contract in pages that the node is able to answer."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from requests.exceptions import RequestException
from web3.exceptions import ContractLogicError

from market.model import MOST_BIDS_IN_REQUEST
from market.node import NodeUnavailableError
from market.portions import REFUSALS, Portion

LONGEST_PAGE = 2_000
"""That many bids take less gas than any node lets a call use."""

# A page of no more rows is refused for another reason than its length.
_SHORTEST_PAGE = 50
# How some nodes say that a call took too much gas, in the place of a contract's reason.
_TOO_MUCH_GAS = re.compile(r"gas", re.IGNORECASE)


def rows_in_pages(
    ask: Callable[[int, int], Sequence[Any]], offset: int, page: Portion
) -> Iterator[Any]:
    """Yield the rows of a view that takes an offset and a limit; `page` remembers what was taken.

    A page that is refused is halved, for the next call if there was no answer at all; what refuses
    a short one too is raised.
    NodeUnavailableError if a node tells of more than there can be.
    """
    while True:
        limit = page.size
        try:
            rows = ask(offset, limit)
        except (*REFUSALS, ContractLogicError) as refusal:
            if limit <= _SHORTEST_PAGE or not _is_of_length(refusal):
                raise
            page.refused(limit)
            # A node that is slow or away is left alone first.
            if isinstance(refusal, RequestException):
                raise
            continue
        # It would have us read for ever.
        if offset > MOST_BIDS_IN_REQUEST or len(rows) > limit:
            raise NodeUnavailableError("The node tells of bids without end: asking it again")
        yield from rows
        if len(rows) < limit:
            return
        page.taken(limit)
        offset += limit


def _is_of_length(refusal: Exception) -> bool:
    """Return whether fewer rows may help; a contract's own reason stays as it is."""
    if isinstance(refusal, ContractLogicError):
        return not refusal.data and bool(_TOO_MUCH_GAS.search(str(refusal)))
    return True
