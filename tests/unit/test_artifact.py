import pytest

from market import artifact
from market.errors import MarketError
from tools.export_contract import TARGET, exported


def test_artifact__shipped__is_of_the_present_sources_and_settings():
    stale = "market/Demand_Reduction.json is stale: run python -m tools.export_contract"
    assert TARGET.read_text("utf-8") == exported(), stale


def test_artifact__shipped__holds_no_path_of_a_machine():
    sources = artifact.load_artifact()["sources"]
    assert all(path.startswith(("contracts/", "./node_modules/")) for path in sources)


@pytest.mark.parametrize("content", ["", "[]", '{"abi": []}'])
def test_load_artifact__damaged__says_how_to_mend(tmp_path, monkeypatch, content):
    damaged = tmp_path / "contract.json"
    damaged.write_text(content)
    monkeypatch.setattr(artifact, "_FILE", damaged)
    artifact.load_artifact.cache_clear()
    with pytest.raises(MarketError, match="missing or damaged: get it from the repository again"):
        artifact.load_artifact()
    artifact.load_artifact.cache_clear()
