import pytest

from tests.contract.helpers import Access, Standing


@pytest.fixture
def people(market, utility, accounts):
    """One consumer of each standing."""
    unknown, registered, approved, revoked = accounts[5:9]
    market.register({"from": registered})
    market.approve([approved], {"from": utility})
    market.revoke([revoked], {"from": utility})
    return dict(zip(Standing, (unknown, registered, approved, revoked), strict=True))


@pytest.mark.parametrize(
    ("access", "allowed"),
    [
        (Access.OPEN, set(Standing)),
        (Access.REGISTERED, {Standing.REGISTERED, Standing.APPROVED}),
        (Access.APPROVED, {Standing.APPROVED}),
    ],
)
def test_is_allowed__each_access__lets_in_whom_it_promises(
    market, people, utility, access, allowed
):
    market.set_access(access, {"from": utility})
    assert {standing for standing in people if market.is_allowed(people[standing])} == allowed


def test_get_standing__each__is_told_whatever_the_access(market, people, utility):
    market.set_access(Access.APPROVED, {"from": utility})
    assert {standing: market.get_standing(who) for standing, who in people.items()} == {
        standing: standing for standing in Standing
    }
