import pytest

from market.invocation import command, note_brownie


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
