"""What a rollup charges beside the gas is reckoned with before anything is sent."""

import pytest
from eth_account.typed_transactions import TypedTransaction
from eth_utils import keccak
from web3 import Web3

from market.balance import BalanceWatch
from market.node import NodeUnavailableError
from market.rollup import OP_STACK, SCROLL, _unsigned
from market.signer import KeySigner
from market.transactions import Sender
from tests.roles.conftest import HEAT_PUMP, Line, Recorder

BOTH = (OP_STACK, SCROLL)
WEI_A_BYTE = 10**12
# CALLDATASIZE PUSH6 10**12 MUL PUSH0 MSTORE PUSH1 32 PUSH0 RETURN
CHARGES_BY_SIZE = f"0x3665{WEI_A_BYTE:012x}025f5260205ff3"
REVERTS = "0x5f5ffd"


@pytest.fixture(params=BOTH)
def rollup(town, request):
    """The address of the rollup's contract, which may be given a code."""
    yield request.param
    town.rpc("anvil_setCode", request.param, "0x")


@pytest.fixture
def signer(town):
    return KeySigner(town.wallet(10**19))


def asked_bytes(unsigned):
    """Return how long a question about so many bytes is: in words, with two more before them."""
    return 4 + 64 + -(-len(unsigned) // 32) * 32


def test_unsigned__transaction__is_what_its_signature_is_for(town, signer):
    prepared = Sender(town.web3, signer).prepare(town.call("register"))
    fields = {key: value for key, value in prepared.fields.items() if key != "from"}
    typed = TypedTransaction.from_dict({**fields, "type": 2})
    assert keccak(_unsigned(prepared.fields)) == typed.hash()


def test_prepare__on_a_rollup__reckons_with_its_charge(town, signer, rollup):
    town.rpc("anvil_setCode", rollup, CHARGES_BY_SIZE)
    prepared = Sender(town.web3, signer, oracles=BOTH).prepare(town.call("register"))
    charge_wei = asked_bytes(_unsigned(prepared.fields)) * WEI_A_BYTE
    gas_wei = prepared.estimated_gas * prepared.fees.expected_wei
    assert prepared.fee_wei == gas_wei + charge_wei


def test_prepare__not_on_a_rollup__costs_its_gas_and_no_more_is_asked(town, signer, chain_url):
    line, asked = Line(chain_url), []
    line.before = asked.append
    sender = Sender(Web3(line), signer, oracles=BOTH)
    for _ in range(3):
        prepared = sender.prepare(town.call("register"))
        assert prepared.fee_wei == prepared.estimated_gas * prepared.fees.expected_wei
    assert asked.count("eth_getCode") == len(BOTH)


def test_prepare__rollup_does_not_tell__is_tried_again_later(town, signer, rollup):
    town.rpc("anvil_setCode", rollup, REVERTS)
    with pytest.raises(NodeUnavailableError, match=rollup):
        Sender(town.web3, signer, oracles=BOTH).prepare(town.call("register"))


@pytest.mark.parametrize("charged", [False, True])
def test_consumer__place_on_ethereum_costs_more_than_the_bids_bring__sends_nothing(
    town, signer, rollup, charged
):
    most_wei = HEAT_PUMP.energy_wh * 4000 * 10**9
    dear = f"0x7f{most_wei + 1:064x}5f5260205ff3"
    town.rpc("anvil_setCode", rollup, dear if charged else "0x")
    consumer = town.consumer("key", Sender(town.web3, signer, oracles=BOTH))
    request_id = town.request()
    consumer.step()
    assert len(town.market.bids(request_id)) == (0 if charged else 1)
    refused = [told[1].reason for told in consumer.desk.report.told if told[0] == "offer_refused"]
    assert len(refused) == charged
    assert all("gas would cost" in reason for reason in refused)


def test_check__on_a_rollup__ten_answers_take_its_charge_too(town, signer, rollup):
    town.rpc("anvil_setCode", rollup, f"0x7f{10**18:064x}5f5260205ff3")
    watch = BalanceWatch(Sender(town.web3, signer, oracles=BOTH), Recorder())
    watch.check(town.market.head(), 1)
    assert watch.report.names() == ["low_balance"]
    gas_wei = 10 * 70_000 * watch.sender.fees().maximum_wei
    assert watch.report.told[0][2] == gas_wei + 10 * 10**18
