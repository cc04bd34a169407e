"""What nodes say to a transaction, in their own words, and what is made of it."""

import pytest

from market.refusals import is_final, is_known_already, is_lack_of_ether

KNOWN = {
    "geth": "already known",
    "geth, formerly": "known transaction: 7f657507aee0511e36d2d1972a6b22e917cc89f92b6c12c4dbd57eaa",
    "erigon": "ALREADY_EXISTS: already known",
    "erigon, formerly": "INTERNAL_ERROR: existing tx with same hash",
    "nethermind": "AlreadyKnown",
    "nethermind, own": "OwnNonceAlreadyUsed",
    "besu": "Known transaction",
    "openethereum": "Transaction with the same hash was already imported.",
    "anvil": "transaction already imported",
    "zksync": "known transaction. transaction with hash 0x12 is already in the system",
    "gateway": "transaction already in mempool",
    "substrate": "submit transaction to pool failed: Pool(AlreadyImported)",
}
UNDECIDED = {
    "geth nonce": "nonce too low: next nonce 5, tx nonce 4",
    "geth high": "nonce too high",
    "geth fee": "transaction underpriced: gas tip cap 0, minimum needed 1",
    "geth base fee": "max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1",
    "geth replacement": "replacement transaction underpriced",
    "geth full": "txpool is full",
    "geth account": "account limit exceeded",
    "geth delegated": "in-flight transaction limit reached for delegated accounts",
    "geth reserved": "address already reserved",
    "nethermind FeeTooLow": "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 2",
    "nethermind compete": "FeeTooLowToCompete",
    "nethermind replacement": "ReplacementNotAllowed",
    "nethermind OldNonce": "OldNonce, Current nonce: 5, nonce of rejected tx: 4",
    "nethermind NonceGap": "NonceGap, Future nonce. Expected nonce: 7",
    "nethermind far": "NonceTooFarInFuture",
    "nethermind type": "PendingTxsOfOtherType",
    "nethermind conflict": "pending transaction type conflict",
    "nethermind sync": "node is syncing",
    "besu nonce": "Nonce too low",
    "besu high": "Transaction nonce too distant from current sender nonce",
    "besu price": "Gas price below configured minimum gas price",
    "besu base fee": "Max fee per gas is below the current base fee",
    "besu replacement": "Replacement transaction underpriced",
    "besu pool": "Transaction pool not enabled. (Either txpool explicitly disabled, or node not "
    "yet in sync).",
    "erigon nonce": "INTERNAL_ERROR: nonce too low",
    "erigon fee": "fee too low",
    "erigon cap": "UnderPriced",
    "erigon replace": "could not replace existing tx",
    "reth replacement": "insufficient gas price to replace existing transaction",
    "reth fee cap": "transaction feeCap 1 below chain minimum",
    "reth full": "txpool is full",
    "reth tip": "transaction priority fee below minimum required priority fee 100",
    "openethereum queue": "There are too many transactions in the queue. Your transaction was "
    "dropped due to limit. Try increasing the fee.",
    "openethereum price": "Transaction gas price supplied is too low. There is another transaction "
    "with same nonce in the queue.",
    "klaytn": "there is another tx which has the same nonce in the tx pool",
    "substrate": "submit transaction to pool failed: Pool(Stale)",
    "arbitrum nonce": "invalid transaction nonce",
    "arbitrum price": "gas price too low",
    "arbitrum queue": "queue full",
    "arbitrum sequencer": "sequencer pending tx pool full, please try again",
    "optimism sequencer": "sequencer is not available",
    "anvil fee": "max fee per gas less than block base fee",
    "hardhat nonce": "Nonce too low. Expected nonce to be 5 but got 4.",
    "hardhat fee": "Transaction maxFeePerGas (1) is too low for the next block, which has a "
    "baseFeePerGas of 2",
    "gateway": "request timed out",
    "gateway, away": "502 Bad Gateway: upstream",
    "gateway, error": "upstream error",
    "gateway, web3": "Internal JSON-RPC error.",
    "proxyd": "no backends available for method",
    "proxyd, sick": "no backend is currently healthy to serve traffic",
    "proxyd, limit": "over rate limit",
    "erpc": "all upstream attempts failed",
    "infura": "daily request count exceeded, request rate limited",
    "infura, project": "project ID request rate exceeded",
    "alchemy": "Your app has exceeded its compute units per second capacity. If you have retries "
    "enabled, you can safely ignore this message.",
    "alchemy, failure": "Unable to complete request at this time.",
    "ankr": "failed to forward the request: no response",
    "geth, slow": "execution aborted (timeout = 5s)",
    "geth, deadline": "context deadline exceeded",
    "geth, caller gone": "context canceled",
    "geth, crash": "method handler crashed",
    "erigon, away": "rpc error: code = Unavailable desc = connection error",
    "nethermind, busy": "The node is busy, too many concurrent calls",
    "reth, overload": "server is overloaded",
    "anybody": "Internal error",
    "anybody, server": "Server error",
}
NO_ETHER = {
    "geth": "insufficient funds for gas * price + value: address 0x1 have 0 want 21000",
    "geth, queued": "insufficient funds for gas * price + value: balance 1, queued cost 2, "
    "tx cost 3, overshot 4",
    "nethermind": "InsufficientFunds, Account balance: 0, cumulative cost: 21000",
    "besu": "Upfront cost exceeds account balance",
    "arbitrum": "not enough funds for gas",
    "anvil": "Insufficient funds for gas * price + value",
    "hardhat": "Sender doesn't have enough funds to send tx. The max upfront cost is: 1",
    "zksync": "insufficient balance for transfer",
}
OTHERWISE_FINAL = {
    "geth gas": "exceeds block gas limit",
    "geth intrinsic": "intrinsic gas too low: gas 0, minimum needed 21000",
    "geth cap": "tx fee (1.50 ether) exceeds the configured cap (1.00 ether)",
    "geth sender": "invalid sender",
    "geth data": "oversized data",
    "nethermind gas": "GasLimitExceeded, Gas limit: 1, gas limit of rejected tx: 2",
    "nethermind": "Invalid, transaction Hash is null",
    "besu gas": "Transaction gas limit exceeds block gas limit",
    "besu intrinsic": "Intrinsic gas exceeds gas limit",
    "besu signature": "Invalid signature",
    "arbitrum": "forbidden sender address",
    "anybody": "invalid chain id",
}


@pytest.mark.parametrize("said", KNOWN.values(), ids=KNOWN)
def test_is_known_already__node_has_it__is_not_final(said):
    assert is_known_already(said)
    assert not is_final(said)


@pytest.mark.parametrize("said", UNDECIDED.values(), ids=UNDECIDED)
def test_is_final__node_may_have_it_or_take_it_later__is_not(said):
    assert not is_final(said)
    assert not is_lack_of_ether(said)


@pytest.mark.parametrize("said", NO_ETHER.values(), ids=NO_ETHER)
def test_is_lack_of_ether__account_cannot_pay__is_final(said):
    assert is_lack_of_ether(said)
    assert is_final(said)
    assert not is_known_already(said)


@pytest.mark.parametrize("said", OTHERWISE_FINAL.values(), ids=OTHERWISE_FINAL)
def test_is_final__transaction_is_wrong_for_every_node__is(said):
    assert is_final(said)
    assert not is_lack_of_ether(said)
