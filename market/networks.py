"""The live networks that need no more than their name in .env."""

from dataclasses import dataclass, field

from eth_typing import ChecksumAddress

from market.errors import MarketError
from market.rollup import OP_STACK, SCROLL
from market.settings import Settings


@dataclass(frozen=True, slots=True)
class Network:
    """A network and its nodes' addresses, which may hold keys; None is the chain of its nodes.

    `fee_oracles` are the contracts, one of which tells what a rollup charges beside the gas.
    """

    name: str
    chain_id: int | None
    rpc_urls: tuple[str, ...] = field(repr=False)
    fee_oracles: tuple[ChecksumAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """A network with its public nodes, and its name at Infura."""

    chain_id: int
    infura: str
    rpc_urls: tuple[str, ...]
    fee_oracles: tuple[ChecksumAddress, ...] = ()


_KNOWN = {
    "mainnet": _Known(
        1, "mainnet", ("https://ethereum-rpc.publicnode.com", "https://eth.drpc.org")
    ),
    "sepolia": _Known(
        11155111,
        "sepolia",
        ("https://ethereum-sepolia-rpc.publicnode.com", "https://sepolia.drpc.org"),
    ),
    "hoodi": _Known(
        560048,
        "hoodi",
        ("https://ethereum-hoodi-rpc.publicnode.com", "https://rpc.hoodi.ethpandaops.io"),
    ),
    "base": _Known(
        8453,
        "base-mainnet",
        ("https://base-rpc.publicnode.com", "https://mainnet.base.org"),
        (OP_STACK,),
    ),
    "base-sepolia": _Known(
        84532,
        "base-sepolia",
        ("https://base-sepolia-rpc.publicnode.com", "https://sepolia.base.org"),
        (OP_STACK,),
    ),
    "optimism": _Known(
        10,
        "optimism-mainnet",
        ("https://optimism-rpc.publicnode.com", "https://mainnet.optimism.io"),
        (OP_STACK,),
    ),
    "optimism-sepolia": _Known(
        11155420,
        "optimism-sepolia",
        ("https://optimism-sepolia-rpc.publicnode.com", "https://sepolia.optimism.io"),
        (OP_STACK,),
    ),
    "arbitrum": _Known(
        42161,
        "arbitrum-mainnet",
        ("https://arbitrum-one-rpc.publicnode.com", "https://arb1.arbitrum.io/rpc"),
    ),
    "arbitrum-sepolia": _Known(
        421614,
        "arbitrum-sepolia",
        (
            "https://arbitrum-sepolia-rpc.publicnode.com",
            "https://sepolia-rollup.arbitrum.io/rpc",
        ),
    ),
    "polygon": _Known(
        137,
        "polygon-mainnet",
        ("https://polygon-bor-rpc.publicnode.com", "https://polygon.drpc.org"),
    ),
    "polygon-amoy": _Known(
        80002,
        "polygon-amoy",
        ("https://polygon-amoy-bor-rpc.publicnode.com", "https://rpc-amoy.polygon.technology"),
    ),
    "linea": _Known(
        59144, "linea-mainnet", ("https://linea-rpc.publicnode.com", "https://rpc.linea.build")
    ),
    "linea-sepolia": _Known(
        59141,
        "linea-sepolia",
        ("https://linea-sepolia-rpc.publicnode.com", "https://rpc.sepolia.linea.build"),
    ),
    "scroll": _Known(
        534352,
        "scroll-mainnet",
        ("https://scroll-rpc.publicnode.com", "https://rpc.scroll.io"),
        (SCROLL,),
    ),
    "scroll-sepolia": _Known(
        534351,
        "scroll-sepolia",
        ("https://scroll-sepolia-rpc.publicnode.com", "https://sepolia-rpc.scroll.io"),
        (SCROLL,),
    ),
}


def live_network(settings: Settings) -> Network:
    """Return the network named in .env, with the addresses written there if there are any.

    MarketError if there are none and the name is missing, or not that of a ready-made network.
    """
    name = settings.remote_network.lower()
    known = _KNOWN.get(name)
    if settings.rpc_urls:
        urls = tuple(url.get_secret_value() for url in settings.rpc_urls)
        if known is None:
            # It may be any rollup.
            return Network(name, None, urls, (OP_STACK, SCROLL))
        return Network(name, known.chain_id, urls, known.fee_oracles)
    if known is None:
        raise _unknown(settings.remote_network)
    urls = (*_infura(settings, known), *known.rpc_urls)
    return Network(name, known.chain_id, urls, known.fee_oracles)


def _infura(settings: Settings, known: _Known) -> tuple[str, ...]:
    key = settings.web3_infura_project_id.get_secret_value()
    return (f"https://{known.infura}.infura.io/v3/{key}",) if key else ()


def _unknown(name: str) -> MarketError:
    ready_made = ", ".join(_KNOWN)
    if not name:
        return MarketError(
            f"No live network is named: write one as REMOTE_NETWORK into .env ({ready_made}), "
            "or the addresses of another one's nodes as RPC_URLS"
        )
    return MarketError(
        f"{name} is not one of the ready-made networks ({ready_made}): mend REMOTE_NETWORK in "
        ".env, or write the addresses of its nodes as RPC_URLS"
    )
