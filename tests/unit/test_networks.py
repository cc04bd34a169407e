import pytest
from pydantic import SecretStr

from market.errors import MarketError
from market.networks import Network, live_network
from market.setting_text import http_url
from market.settings import Settings

CHAINS = {
    "mainnet": 1,
    "sepolia": 11155111,
    "hoodi": 560048,
    "base": 8453,
    "base-sepolia": 84532,
    "optimism": 10,
    "optimism-sepolia": 11155420,
    "arbitrum": 42161,
    "arbitrum-sepolia": 421614,
    "polygon": 137,
    "polygon-amoy": 80002,
    "linea": 59144,
    "linea-sepolia": 59141,
    "scroll": 534352,
    "scroll-sepolia": 534351,
}
NAMES = [*CHAINS]


@pytest.fixture
def settings(tmp_path):
    def settings(**values):
        return Settings(env_file=tmp_path / ".env", **values)

    return settings


@pytest.mark.parametrize(("name", "chain_id"), CHAINS.items())
def test_live_network__ready_made__has_its_chain_and_public_nodes(settings, name, chain_id):
    network = live_network(settings(remote_network=name))
    assert (network.name, network.chain_id) == (name, chain_id)
    assert len(network.rpc_urls) == 2
    assert [http_url(url) for url in network.rpc_urls] == [*network.rpc_urls]
    assert all(url.startswith("https://") for url in network.rpc_urls)


def test_live_network__all_ready_made__share_no_chain_and_no_node(settings):
    found = [live_network(settings(remote_network=name)) for name in NAMES]
    urls = [url for network in found for url in network.rpc_urls]
    assert len({network.chain_id for network in found}) == len(found)
    assert len(set(urls)) == len(urls)


def test_live_network__capital_letters__are_the_same_name(settings):
    assert live_network(settings(remote_network="Sepolia")).name == "sepolia"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("mainnet", "https://mainnet.infura.io/v3/key"),
        ("sepolia", "https://sepolia.infura.io/v3/key"),
        ("base", "https://base-mainnet.infura.io/v3/key"),
        ("polygon-amoy", "https://polygon-amoy.infura.io/v3/key"),
    ],
)
def test_live_network__project_at_infura__is_asked_first(settings, name, url):
    without = live_network(settings(remote_network=name))
    network = live_network(settings(remote_network=name, web3_infura_project_id=SecretStr("key")))
    assert network.rpc_urls == (url, *without.rpc_urls)


@pytest.mark.parametrize(
    ("name", "chain_id"), [("sepolia", 11155111), ("our-own", None), ("", None)]
)
def test_live_network__addresses_of_its_own__replace_the_ready_made(settings, name, chain_id):
    urls = ("http://a/key", "http://b/key")
    chosen = settings(
        remote_network=name,
        rpc_urls=tuple(SecretStr(url) for url in urls),
        web3_infura_project_id=SecretStr("key"),
    )
    network = live_network(chosen)
    assert network == Network(name, chain_id, urls, network.fee_oracles)


def test_network__shown__hides_the_addresses(settings):
    assert "key" not in repr(live_network(settings(rpc_urls=(SecretStr("http://a/key"),))))


def test_live_network__unknown_name__lists_those_there_are(settings):
    with pytest.raises(MarketError) as problem:
        live_network(settings(remote_network="sepolai"))
    assert str(problem.value) == (
        f"sepolai is not one of the ready-made networks ({', '.join(NAMES)}): mend REMOTE_NETWORK "
        "in .env, or write the addresses of its nodes as RPC_URLS"
    )


def test_live_network__no_name__lists_those_there_are(settings):
    with pytest.raises(MarketError) as problem:
        live_network(settings())
    assert str(problem.value) == (
        f"No live network is named: write one as REMOTE_NETWORK into .env ({', '.join(NAMES)}), "
        "or the addresses of another one's nodes as RPC_URLS"
    )


OP_STACK = "0x420000000000000000000000000000000000000F"
SCROLL = "0x5300000000000000000000000000000000000002"


@pytest.mark.parametrize("name", NAMES)
def test_live_network__rollup__knows_who_tells_the_fee_beside_the_gas(settings, name):
    ours = {"base": OP_STACK, "optimism": OP_STACK, "scroll": SCROLL}
    oracle = ours.get(name.removesuffix("-sepolia"))
    for urls in ((), (SecretStr("http://a"),)):
        network = live_network(settings(remote_network=name, rpc_urls=urls))
        assert network.fee_oracles == ((oracle,) if oracle else ())


def test_live_network__of_another_name__may_be_any_rollup(settings):
    network = live_network(settings(rpc_urls=(SecretStr("http://a"),)))
    assert network.fee_oracles == (OP_STACK, SCROLL)
