"""What nodes say where they do not take a transaction, and what that means for it.

The words are those of Geth, Nethermind, Besu, Erigon, Reth, Anvil and Hardhat, of the
sequencers of Arbitrum and the OP stack, and of the gateways before public nodes.
"""

import re

_NO_ETHER = re.compile(
    r"insufficient ?(funds|balance)|not enough funds|exceeds account balance|"
    r"doesn't have enough funds",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    r"already ?(known|imported|exists|in (the )?(mempool|pool|system))|"
    r"known transaction|same hash|OwnNonceAlreadyUsed",
    re.IGNORECASE,
)
_FEE = (
    r"underpriced|base ?fee|priority fee|fee ?too ?low|FeePerGas|fee ?cap .{0,40}below|"
    r"(gas ?price|tip|fee) .{0,60}(too low|below|less than|minimum)"
)
_REPLACED = r"replacement|replace existing|another tx"
_BUSY = (
    r"(pool|queue) .{0,20}full|queue full|too many|account limit|in-flight|already reserved|"
    r"pending ?(txs|transaction) ?(of|type)"
)
_NODE = (
    r"syncing|in sync|not (enabled|available|ready)|unavailable|timed? ?out|try again|"
    r"temporar|internal ?error|internal json|bad gateway|sequencer|overload|busy|crashed|"
    r"(server|unknown|unexpected) error|header not found|missing trie node"
)
_GATEWAY = (
    r"upstream|backend|healthy|no (available|response)|(rate|request|usage) ?limit|rate exceeded|"
    r"request count|compute units|capacity|quota|throttl|abort|deadline|cancell?ed|retry|"
    r"connection|broken pipe|unable to (perform|complete|process)"
)
_UNDECIDED = re.compile(f"nonce|{_FEE}|{_REPLACED}|{_BUSY}|{_NODE}|{_GATEWAY}|stale", re.IGNORECASE)


def is_known_already(said: str) -> bool:
    """Return whether a node has this very transaction."""
    return bool(_KNOWN.search(said))


def is_lack_of_ether(said: str) -> bool:
    """Return whether the account cannot pay for a transaction."""
    return bool(_NO_ETHER.search(said))


def is_final(said: str) -> bool:
    """Return whether a node that had never seen a transaction will never take it as it is.

    Otherwise it may be under way all the same, or be taken later: its nonce tells.
    """
    return is_lack_of_ether(said) or not (is_known_already(said) or _UNDECIDED.search(said))
