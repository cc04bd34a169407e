import pytest

from market.invocation import command, note_brownie, note_network


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setenv("MARKET_NETWORK", "")


@pytest.mark.parametrize(
    ("words", "typed"),
    [(["deploy"], "deploy"), (["utility", "request", "5", "0.004"], "utility request 5 0.004")],
)
def test_command__started_without_brownie__is_the_module(monkeypatch, words, typed):
    monkeypatch.delenv("MARKET_STARTED_BY", raising=False)
    assert command(*words) == f"python -m market {typed}"


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (["deploy"], "scripts/deploy.py"),
        (["consumer", "withdraw"], "scripts/consumer.py withdraw"),
    ],
)
def test_command__started_by_brownie__is_the_script(monkeypatch, words, typed):
    monkeypatch.setenv("MARKET_STARTED_BY", "")
    note_brownie()
    assert command(*words) == f"brownie run {typed}"


@pytest.mark.parametrize(
    ("words", "by_module", "by_brownie"),
    [
        (["register"], "register remote", "register.py main remote"),
        (["utility", "finish"], "utility finish remote", "utility.py finish remote"),
        (["utility", "cancel", "1"], "utility cancel 1 remote", "utility.py cancel 1 remote"),
    ],
)
def test_command__live_network__ends_with_its_word(monkeypatch, words, by_module, by_brownie):
    monkeypatch.setenv("MARKET_STARTED_BY", "")
    note_network("remote")
    assert command(*words) == f"python -m market {by_module}"
    note_brownie()
    assert command(*words) == f"brownie run scripts/{by_brownie}"
