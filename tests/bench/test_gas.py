"""The bench: what it lets pass, what it refuses, and that the committed figures are so."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import bench.__main__ as command
from bench.artifact import Artifact
from bench.chain import Chain, WrongOutcome, local_chain
from bench.contract import Market
from bench.figures import Figure, Section, share
from bench.hostile import REVERTS
from bench.rounds import BID_WH, Round
from market.artifact import load_artifact

LEVEL = 501
Run = Callable[..., int]


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    with local_chain() as chain:
        yield chain


@pytest.fixture
def market(chain: Chain) -> Iterator[Market]:
    shipped = load_artifact()
    with chain.undone():
        yield Market(chain, Artifact(shipped["abi"], shipped["bytecode"], "solc"))


@pytest.fixture
def page_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(command, "PAGE_FILE", tmp_path / "GAS.md")
    return tmp_path / "GAS.md"


@pytest.fixture
def run(page_file: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command as if this had been measured."""

    def run(*arguments: str, gas: int, limit: int | None = None) -> int:
        sections = [Section("Bidding", "In the dark.", (Figure("one bid", gas, limit),))]
        monkeypatch.setattr(command, "shipped_artifact", lambda: Artifact([], "", "solc"))
        monkeypatch.setattr(command, "measure", lambda _: sections)
        return command.main(list(arguments))

    return run


@pytest.mark.slow
def test_check__the_contract_as_it_is__agrees_with_the_committed_page() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--check"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_main__figure_at_its_limit__passes(run: Run) -> None:
    assert run(gas=43_000, limit=43_000) == 0


def test_main__figure_above_its_limit__fails_and_names_it(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(gas=43_001, limit=43_000) == 1
    assert "Above its limit: one bid: 43,001 gas, at most 43,000" in capsys.readouterr().out


def test_main__no_option__writes_the_page(run: Run, page_file: Path) -> None:
    run(gas=42_776, limit=43_000)

    assert "| one bid | 42,776 | 43,000 |  |\n" in page_file.read_text("utf-8")


def test_check__same_figures__passes(run: Run) -> None:
    run(gas=42_776)

    assert run("--check", gas=42_776) == 0


def test_check__another_figure__fails_shows_it_and_leaves_the_page(
    run: Run, page_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(gas=42_776)
    committed = page_file.read_text("utf-8")

    assert run("--check", gas=42_775) == 1
    assert "-| one bid | 42,776 |  |  |\n+| one bid | 42,775 |  |  |" in capsys.readouterr().out
    assert page_file.read_text("utf-8") == committed


def test_check__no_page__fails(run: Run) -> None:
    assert run("--check", gas=42_776) == 1


def test_share__not_divisible__is_rounded_up() -> None:
    assert share(10, 3) == 4


def test_round__as_the_rule_has_it__is_settled(chain: Chain, market: Market) -> None:
    case = Round(market, 2 * BID_WH)
    case.submit(chain.consumers[0], [LEVEL, LEVEL, LEVEL])

    assert [batch.winners for batch in case.finish()] == [2]


def test_round__selection_that_the_rule_does_not_give__is_refused(
    chain: Chain, market: Market
) -> None:
    case = Round(market, BID_WH)
    case.submit(chain.consumers[0], [LEVEL])
    unknown_to_the_rule = (1, [(BID_WH, LEVEL - 1)])
    market.transact("submit_bids", *unknown_to_the_rule, sender=chain.consumers[1])

    with pytest.raises(WrongOutcome, match="selection"):
        case.select()


def test_round__ether_that_is_not_with_its_payee__is_refused(chain: Chain, market: Market) -> None:
    case = Round(market, BID_WH)
    consumer = chain.consumers[0]
    case.submit(consumer, [LEVEL])
    case.select()
    chain.send(consumer, chain.bystander, "0x", value_wei=1)

    with pytest.raises(WrongOutcome, match=f"{consumer} holds"):
        case.settle()


def test_round__payee_that_reverts__counts_as_a_winner_and_collects_later(
    chain: Chain, market: Market
) -> None:
    case = Round(market, BID_WH)
    consumer = chain.consumers[0]
    case.submit(consumer, [LEVEL])
    chain.set_code(consumer, REVERTS)
    batches = case.finish()
    chain.set_code(consumer, "0x")

    assert [batch.winners for batch in batches] == [1]
    assert case.collect(consumer) > 0
