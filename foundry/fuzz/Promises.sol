// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDemand_Reduction as IMarket} from "../../contracts/interfaces/IDemand_Reduction.sol";
import {Calls} from "./Calls.sol";
import {Ledger} from "./Ledger.sol";
import {MeritOrder} from "./MeritOrder.sol";

/// @title Promises
/// @notice The invariants of docs/SPECIFICATION.md, each a function that reverts when the market breaks it.
abstract contract Promises is Calls, Ledger {
    error Broken(string what, uint256 requestId);

    /* AT ANY TIME */

    /// @dev Invariant 1, and that nothing but what was done to a request has changed it (8).
    function promise_ether_is_conserved_in_every_request() public view {
        for (uint256 id = _oldest(); id < _accounts.length; ++id) {
            _requireAsInTheBooks(id);
        }
    }

    /// @dev Invariant 2.
    function promise_ether_is_conserved_in_the_contract() public view {
        _require(address(MARKET).balance == _holdingWei(), "the contract holds what it owes", 0);
    }

    /// @dev Invariants 5 and 11, seen from the wallets: nobody has a wei too many or too few.
    function promise_everybody_has_what_is_theirs() public view {
        for (uint256 i; i < _people.length; ++i) {
            address person = _people[i];
            _require(person.balance == _walletWei[person], "wallets hold what was paid", 0);
            _require(MARKET.get_deferred(person) == _creditWei[person], "credits are what was deferred", 0);
        }
    }

    function promise_roles_are_as_given() public view {
        _require(MARKET_ROLE.owner() == _owner, "the utility is who was made it", 0);
        _require(MARKET_ROLE.pendingOwner() == _successor, "the successor is who was named", 0);
        _require(MARKET.access() == _access, "access is as set", 0);
        _require(MARKET.request_count() == _accounts.length - 1, "requests are counted", 0);
        for (uint256 i; i < _people.length; ++i) {
            address person = _people[i];
            _require(MARKET.get_standing(person) == _standing[person], "standings are as given", 0);
            _require(MARKET.is_allowed(person) == _mayBid(person), "who may bid is as said", 0);
        }
    }

    /* AFTER A CALL */

    /// @dev Invariant 3.
    function promise_escrow_is_enough(uint256 requestId) internal view {
        IMarket.Request memory told = MARKET.get_request(requestId);
        _require(told.escrow_wei == _escrowWei(_accounts[requestId]), "escrow is the highest price", requestId);
        _require(told.cost_wei <= told.escrow_wei, "escrow covers the cost", requestId);
    }

    /// @dev Invariants 7 and 15: the quote, before and after selection, is what sorting the bids comes to.
    function promise_energy_bought_is_the_rule(uint256 requestId) internal view {
        (, MeritOrder.Outcome memory rule) = _clear(requestId);
        uint256 reductionWh = _accounts[requestId].reductionWh;
        uint256 least = rule.offeredWh < reductionWh ? rule.offeredWh : reductionWh;
        (uint16 level, uint40 energyWh, uint256 costWei, uint256 offeredWh) = MARKET.get_quote(requestId);
        bool bidding = _accounts[requestId].status == IMarket.Status.BIDDING;
        _require(energyWh == least, "energy bought is min(reduction, offered)", requestId);
        _require(level == rule.clearingLevel, "the clearing level is the last accepted bid's", requestId);
        _require(costWei == rule.costWei, "the cost is that of the accepted bids", requestId);
        _require(offeredWh == (bidding ? rule.offeredWh : least), "the offer is the sum of the bids", requestId);
    }

    /// @dev Invariants 4 and 6: the winners told are those of the merit order, with what each is to get.
    function promise_winners_are_a_prefix_of_the_merit_order(uint256 requestId) internal view {
        IMarket.Winner[] memory winners = MARKET.get_winners(requestId, 0, type(uint256).max);
        (, MeritOrder.Outcome memory rule) = _clear(requestId);
        bool selected = _accounts[requestId].energyWh != 0;
        _require(winners.length == (selected ? rule.winners : 0), "as many win as are needed", requestId);
        for (uint256 i; i < winners.length; ++i) {
            Entry storage entry = _entries[requestId][winners[i].bid_id - 1];
            _require(winners[i].energy_wh == entry.acceptedWh, "a winner's energy is the rule's", requestId);
            _require(winners[i].amount_wei == entry.paymentWei, "a winner's payment is the rule's", requestId);
            _require(winners[i].consumer == entry.consumer, "the winner is who bid", requestId);
        }
    }

    /// @dev Invariant 4, for one payment.
    function promise_nobody_is_paid_less_than_asked(uint256 requestId, uint256 bidId, uint256 amountWei)
        internal
        view
    {
        Entry storage entry = _entries[requestId][bidId - 1];
        uint256 energyStepsWei = entry.acceptedWh * _accounts[requestId].stepWei;
        _require(amountWei >= energyStepsWei * entry.level, "nobody is paid less than asked", requestId);
        _require(amountWei <= energyStepsWei * LEVELS, "nobody is paid more than the highest price", requestId);
        _require(amountWei == entry.paymentWei, "a payment is the rule's", requestId);
    }

    /// @dev Invariant 5, for one payment.
    function promise_nobody_is_paid_twice(uint256 requestId, uint256 bidId) internal {
        Entry storage entry = _entries[requestId][bidId - 1];
        _require(entry.acceptedWh != 0, "only winners are paid", requestId);
        _require(!entry.settled, "nobody is paid twice", requestId);
        entry.settled = true;
        --_accounts[requestId].unpaid;
    }

    /// @dev Invariant 8: the bids of a request are its own.
    function promise_no_request_touches_another(uint256 requestId) internal view {
        IMarket.BookedBid[] memory bids = MARKET.get_bids(requestId, 0, type(uint256).max);
        Entry[] storage entries = _entries[requestId];
        _require(bids.length == entries.length, "a request has the bids it was sent", requestId);
        for (uint256 i; i < bids.length; ++i) {
            Entry storage entry = entries[i];
            _require(bids[i].bid_id == i + 1, "bids are numbered by arrival", requestId);
            _require(bids[i].consumer == entry.consumer, "a bid is its sender's", requestId);
            _require(bids[i].energy_wh == (entry.withdrawn ? 0 : entry.energyWh), "energy as bid", requestId);
            _require(bids[i].price_level == entry.level, "level as bid", requestId);
        }
    }

    /// @dev Invariant 12.
    function promise_the_gate_is_the_gate(uint256 requestId, bool closed) internal view {
        _require(_gateClosed(requestId) == closed, "the gate is the gate", requestId);
    }

    /// @dev Invariant 14.
    function promise_only_the_utility_rules(address who) internal view {
        _require(who == _owner, "only the utility rules", 0);
    }

    function _require(bool holds, string memory what, uint256 requestId) internal pure {
        if (!holds) revert Broken(what, requestId);
    }

    function _requireAsInTheBooks(uint256 id) private view {
        IMarket.Request memory told = MARKET.get_request(id);
        Account storage account = _accounts[id];
        uint256 goneWei = told.paid_wei + told.deferred_wei + told.refunded_wei;
        _require(told.escrow_wei == goneWei + _outstandingWei(account), "escrow is all accounted for", id);
        _require(told.status == account.status, "the phase is as in the books", id);
        _require(told.utility == account.utility, "the utility is as in the books", id);
        _require(told.cost_wei == account.costWei, "the cost is as in the books", id);
        _require(told.paid_wei == account.paidWei, "what is paid is as in the books", id);
        _require(told.deferred_wei == account.deferredWei, "what is deferred is as in the books", id);
        _require(told.refunded_wei == account.refundedWei, "what is refunded is as in the books", id);
        _require(told.energy_wh == account.energyWh, "energy bought is as in the books", id);
        _require(told.clearing_level == account.clearingLevel, "the level is as in the books", id);
        _require(told.bid_count == _entries[id].length, "bids are counted", id);
        _require(told.gate_closure == account.gateClosure, "the gate stays", id);
        _require(told.reduction_wh == account.reductionWh, "the reduction stays", id);
        _require(told.price_step_wei == account.stepWei, "the grid stays", id);
    }
}
