"""halmos proves what foundry/symbolic states; what it does not prove is not told as proved."""

import pytest

from attack.symbolic import prove, read


def answer(**changes):
    test = {
        "name": "check_maths(uint256)",
        "exitcode": 0,
        "num_models": 0,
        "num_paths": [9, 4, 0],
        "time": [1.5, 1.0, 0.5],
        "num_bounded_loops": 0,
    }
    return {"exitcode": 0, "test_results": {"a.sol:AProof": [test | changes]}}


def test_read__proved__is_told_so():
    (proof,) = read(answer())
    assert (proof.name, proof.paths, proof.seconds) == ("check_maths", 9, 1.5)
    assert proof.holds
    assert proof.verdict == "proved"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"exitcode": 1}, "REFUTED"),
        ({"exitcode": 2}, "NOT PROVED: the solver's time was over"),
        ({"exitcode": 3}, "NOT PROVED: halmos cannot follow the code"),
        ({"exitcode": 4}, "NOT PROVED: every path reverts"),
        ({"exitcode": 5}, "NOT PROVED: halmos failed"),
        ({"num_bounded_loops": 2}, "NOT PROVED: some loop was cut short"),
    ],
)
def test_read__anything_else__is_not_told_as_proved(changes, verdict):
    (proof,) = read(answer(**changes))
    assert not proof.holds
    assert proof.verdict == verdict


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_maths__all_inputs_within_the_bounds__is_proved():
    proofs = prove("Proof$")
    assert proofs
    assert [proof for proof in proofs if not proof.holds] == []
