// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDemand_Reduction as IMarket} from "../../contracts/interfaces/IDemand_Reduction.sol";
import {Cast} from "./Cast.sol";
import {MeritOrder} from "./MeritOrder.sol";

/// @title Ledger
/// @notice A second set of books, written from docs/SPECIFICATION.md: what the market must hold, owe and allow.
abstract contract Ledger is Cast {
    using MeritOrder for MeritOrder.Offer[];

    uint256 internal constant LEVELS = 1000;
    uint256 internal constant RING = 16;

    struct Entry {
        address consumer;
        uint256 energyWh;
        uint256 level;
        bool withdrawn;
        bool settled;
        uint256 acceptedWh;
        uint256 paymentWei;
    }

    struct Account {
        IMarket.Status status;
        IMarket.Pricing pricing;
        address utility;
        uint256 reductionWh;
        uint256 stepWei;
        uint256 minimumWh;
        uint256 gateClosure;
        uint256 clearingLevel;
        uint256 energyWh;
        uint256 costWei;
        uint256 paidWei;
        uint256 deferredWei;
        uint256 refundedWei;
        uint256 unpaid;
    }

    address internal _owner;
    address internal _successor;
    IMarket.Access internal _access;
    mapping(address person => IMarket.Standing) internal _standing;

    /// @dev Counted from 1, as the requests are.
    Account[] internal _accounts;
    mapping(uint256 requestId => Entry[]) internal _entries;
    mapping(address person => uint256 amountWei) internal _creditWei;
    uint256 internal _forcedWei;

    constructor() {
        _accounts.push();
    }

    /* WHAT IS OWED */

    function _escrowWei(Account storage account) internal view returns (uint256) {
        return account.reductionWh * account.stepWei * LEVELS;
    }

    /// @dev What is still to go somewhere: all of it until selection, then what the winners await.
    function _outstandingWei(Account storage account) internal view returns (uint256) {
        if (account.status == IMarket.Status.BIDDING) return _escrowWei(account);
        if (account.status != IMarket.Status.CLEARED) return 0;
        return _escrowWei(account) - account.refundedWei - account.paidWei - account.deferredWei;
    }

    /// @dev What the market must have in its wallet. A request that the ring has left behind is finished.
    function _holdingWei() internal view returns (uint256 sumWei) {
        for (uint256 id = _oldest(); id < _accounts.length; ++id) {
            sumWei += _outstandingWei(_accounts[id]);
        }
        for (uint256 i; i < _people.length; ++i) {
            sumWei += _creditWei[_people[i]];
        }
        sumWei += _forcedWei;
    }

    /* WHO AND WHEN */

    /// @dev The oldest request that still has its book.
    function _oldest() internal view returns (uint256) {
        return _accounts.length > RING ? _accounts.length - RING : 1;
    }

    function _knows(uint256 requestId) internal view returns (bool) {
        return requestId != 0 && requestId < _accounts.length;
    }

    function _has(uint256 requestId, IMarket.Status status) internal view returns (bool) {
        return _knows(requestId) && _accounts[requestId].status == status;
    }

    function _gateClosed(uint256 requestId) internal view returns (bool) {
        return _knows(requestId) && block.timestamp >= _accounts[requestId].gateClosure;
    }

    function _mayBid(address person) internal view returns (bool) {
        IMarket.Standing standing = _standing[person];
        if (_access == IMarket.Access.OPEN || standing == IMarket.Standing.APPROVED) return true;
        return _access == IMarket.Access.REGISTERED && standing == IMarket.Standing.REGISTERED;
    }

    /// @dev The energy of the bids that stand at a level (Wh).
    function _levelWh(uint256 requestId, uint256 level) internal view returns (uint256 sumWh) {
        Entry[] storage entries = _entries[requestId];
        for (uint256 i; i < entries.length; ++i) {
            if (!entries[i].withdrawn && entries[i].level == level) sumWh += entries[i].energyWh;
        }
    }

    /* THE RULE */

    /// @dev The bids that stand, best first, with what is bought of each and what it earns.
    function _clear(uint256 requestId)
        internal
        view
        returns (MeritOrder.Offer[] memory ranked, MeritOrder.Outcome memory outcome)
    {
        Account storage account = _accounts[requestId];
        ranked = _standingOffers(requestId);
        ranked.rank();
        outcome = ranked.accept(account.reductionWh);
        ranked.price(outcome, account.stepWei, account.pricing == IMarket.Pricing.PAY_AS_BID);
    }

    function _standingOffers(uint256 requestId) private view returns (MeritOrder.Offer[] memory offers) {
        Entry[] storage entries = _entries[requestId];
        offers = new MeritOrder.Offer[](entries.length);
        uint256 found;
        for (uint256 i; i < entries.length; ++i) {
            Entry storage entry = entries[i];
            if (entry.withdrawn) continue;
            offers[found++] = MeritOrder.Offer(i + 1, entry.energyWh, entry.level, 0, 0);
        }
        assembly ("memory-safe") {
            mstore(offers, found)
        }
    }

    /* MONEY */

    /// @dev Books a payment out of the market; true if it can be pushed, otherwise it becomes a credit.
    function _bookPush(address payee, uint256 amountWei) internal returns (bool pushed) {
        pushed = amountWei == 0 || _takes(payee);
        if (pushed) _bookArrival(payee, amountWei);
        else _creditWei[payee] += amountWei;
    }

    /// @dev Books Ether that arrives; one payee at once forces it back into the market.
    function _bookArrival(address payee, uint256 amountWei) internal {
        if (payee == address(VANISHING)) _forcedWei += amountWei;
        else _walletWei[payee] += amountWei;
    }

    function _bookRefund(Account storage account, uint256 amountWei) internal {
        if (_bookPush(account.utility, amountWei)) account.refundedWei += amountWei;
        else account.deferredWei += amountWei;
    }
}
