// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {IDemand_Reduction as IMarket} from "../../contracts/interfaces/IDemand_Reduction.sol";
import {MAX_LEVEL_WH} from "../../contracts/libraries/LevelsWord.sol";
import {Scenes} from "./Scenes.sol";

/// @title UtilityHandlers
/// @notice What only the utility may do, done by it and by others.
abstract contract UtilityHandlers is Scenes {
    uint256 private constant MAX_SECONDS = 30 days;

    struct Terms {
        uint40 reductionWh;
        uint64 stepWei;
        uint40 biddingSeconds;
        uint40 dispatchStart;
        uint40 dispatchEnd;
        uint32 minimumWh;
        IMarket.Pricing pricing;
        uint256 valueWei;
    }

    /* REQUESTING */

    function requestReduction(uint256 seed) external rolls(seed) {
        _request(_utility(), _usualTerms());
    }

    function requestLargeReduction(uint256 seed) external rolls(seed) {
        if (!_onceIn(3)) return;
        Terms memory terms = _usualTerms();
        terms.reductionWh = uint40(_between(MOST_WH - 10, MOST_WH));
        terms.stepWei = uint64(_between(1, 1e9));
        terms.valueWei = uint256(terms.reductionWh) * terms.stepWei * LEVELS;
        _request(_utility(), terms);
    }

    function requestWithOneFlaw(uint256 seed) external rolls(seed) {
        Terms memory terms = _usualTerms();
        uint256 flaw = _roll(9);
        if (flaw == 0) terms.reductionWh = _onceIn(2) ? 0 : uint40(MOST_WH + 1);
        if (flaw == 1) terms.stepWei = 0;
        if (flaw == 2) terms.biddingSeconds = _onceIn(2) ? 0 : uint40(MAX_SECONDS + 1);
        if (flaw == 3) terms.minimumWh = uint32(terms.reductionWh) + 1;
        if (flaw == 4) terms.valueWei += 1;
        if (flaw == 5) terms.valueWei -= 1;
        if (flaw == 6) terms.dispatchStart = uint40(block.timestamp) + terms.biddingSeconds - 1;
        if (flaw == 7) terms.dispatchEnd = terms.dispatchStart;
        if (flaw == 8) terms.dispatchStart = 0;
        _request(_utility(), terms);
    }

    function cancelRequest(uint256 seed) external rolls(seed) {
        // Seldom in time: a request that is cancelled is one that is not cleared.
        uint256 requestId = _requestIn(_onceIn(4) ? Phase.OPEN : Phase.CLOSED);
        if (_isIdle(requestId)) return;
        address who = _utility();
        Reasons memory why = _whyNotOpen(requestId);
        _onlyOwner(why, who);
        (bool success,) = _call(who, 0, abi.encodeCall(IMarket.cancel_request, (requestId)), why);
        if (!success) return;
        promise_only_the_utility_rules(who);
        promise_the_gate_is_the_gate(requestId, false);
        Account storage account = _accounts[requestId];
        account.status = IMarket.Status.CANCELLED;
        _bookRefund(account, _escrowWei(account));
    }

    /* WHO MAY BID */

    function setAccess(uint256 seed) external rolls(seed) {
        address who = _utility();
        IMarket.Access access = _onceIn(2) ? IMarket.Access.OPEN : IMarket.Access(_roll(3));
        if (_rule(who, abi.encodeCall(IMarket.set_access, (access)))) _access = access;
    }

    function approve(uint256 seed) external rolls(seed) {
        address who = _utility();
        address[] memory people = _several();
        bool done = _setStandings(who, abi.encodeCall(IMarket.approve, (people)), people);
        if (done) _book(people, IMarket.Standing.APPROVED);
    }

    function revoke(uint256 seed) external rolls(seed) {
        address who = _utility();
        address[] memory people = _several();
        bool done = _setStandings(who, abi.encodeCall(IMarket.revoke, (people)), people);
        if (done) _book(people, IMarket.Standing.REVOKED);
    }

    /* THE ROLE */

    function transferOwnership(uint256 seed) external rolls(seed) {
        address who = _utility();
        address successor = _onceIn(8) ? address(0) : _anybodyWithEther();
        if (_rule(who, abi.encodeCall(MARKET_ROLE.transferOwnership, (successor)))) _successor = successor;
    }

    function acceptOwnership(uint256 seed) external rolls(seed) {
        if (_successor == address(0) && !_onceIn(8)) return;
        address who = _successor == address(0) || _onceIn(8) ? _anybody() : _successor;
        Reasons memory why;
        _add(why, who != _successor, Ownable.OwnableUnauthorizedAccount.selector);
        (bool success,) = _call(who, 0, abi.encodeCall(MARKET_ROLE.acceptOwnership, ()), why);
        if (!success) return;
        _require(who == _successor, "only the successor takes over", 0);
        (_owner, _successor) = (who, address(0));
    }

    function renounceOwnership(uint256 seed) external rolls(seed) {
        address who = _utility();
        Reasons memory why;
        _onlyOwner(why, who);
        _add(why, who == _owner, IMarket.OwnershipNotRenounceable.selector);
        _call(who, 0, abi.encodeCall(MARKET_ROLE.renounceOwnership, ()), why);
    }

    /* INTERNAL */

    function _usualTerms() private returns (Terms memory terms) {
        terms.reductionWh = uint40(_between(1, 60));
        terms.stepWei = uint64(_between(1, 1e15));
        terms.biddingSeconds = uint40(_between(1, 300));
        uint256 gate = block.timestamp + terms.biddingSeconds;
        if (_onceIn(2)) terms.dispatchStart = uint40(_between(gate, gate + 100));
        if (terms.dispatchStart != 0) terms.dispatchEnd = uint40(_between(terms.dispatchStart + 1, gate + 200));
        if (_onceIn(4)) terms.minimumWh = uint32(_between(0, terms.reductionWh));
        terms.pricing = IMarket.Pricing(_roll(2));
        terms.valueWei = uint256(terms.reductionWh) * terms.stepWei * LEVELS;
    }

    function _request(address who, Terms memory terms) private {
        if (_ringIsFull() && !_onceIn(16)) return;
        (bool success, bytes memory returned) = _call(who, terms.valueWei, _requestData(terms), _whyNot(who, terms));
        if (!success) return;
        promise_only_the_utility_rules(who);
        _require(abi.decode(returned, (uint256)) == _accounts.length, "ids count up", _accounts.length);
        Account storage account = _accounts.push();
        account.status = IMarket.Status.BIDDING;
        account.pricing = terms.pricing;
        account.utility = who;
        account.reductionWh = terms.reductionWh;
        account.stepWei = terms.stepWei;
        account.minimumWh = terms.minimumWh;
        account.gateClosure = block.timestamp + terms.biddingSeconds;
        _walletWei[who] -= terms.valueWei;
        promise_escrow_is_enough(_accounts.length - 1);
    }

    function _requestData(Terms memory terms) private pure returns (bytes memory) {
        return abi.encodeCall(
            IMarket.request_reduction,
            (
                terms.reductionWh,
                terms.stepWei,
                terms.biddingSeconds,
                terms.dispatchStart,
                terms.dispatchEnd,
                terms.minimumWh,
                terms.pricing
            )
        );
    }

    function _whyNot(address who, Terms memory terms) private view returns (Reasons memory why) {
        uint256 requiredWei = uint256(terms.reductionWh) * terms.stepWei * LEVELS;
        uint256 gate = block.timestamp + terms.biddingSeconds;
        bool stated = terms.dispatchStart != 0 || terms.dispatchEnd != 0;
        bool valid = terms.dispatchStart >= gate && terms.dispatchEnd > terms.dispatchStart;
        bool badTime = terms.biddingSeconds == 0 || terms.biddingSeconds > MAX_SECONDS;
        _onlyOwner(why, who);
        _add(why, terms.reductionWh == 0 || terms.reductionWh > MOST_WH, IMarket.ReductionOutOfRange.selector);
        _add(why, terms.stepWei == 0, IMarket.PriceStepZero.selector);
        _add(why, badTime, IMarket.BiddingTimeOutOfRange.selector);
        bool unsaleable = terms.minimumWh > terms.reductionWh || terms.minimumWh > MAX_LEVEL_WH;
        _add(why, unsaleable, IMarket.MinimumBidTooLarge.selector);
        _add(why, terms.valueWei != requiredWei, IMarket.WrongEscrow.selector);
        _add(why, stated && !valid, IMarket.DispatchWindowInvalid.selector);
        _add(why, _ringIsFull(), IMarket.BookBusy.selector);
    }

    /// @dev Whether the request whose book is next is not finished.
    function _ringIsFull() private view returns (bool) {
        if (_accounts.length <= RING) return false;
        IMarket.Status status = _accounts[_accounts.length - RING].status;
        return status == IMarket.Status.BIDDING || status == IMarket.Status.CLEARED;
    }

    function _several() private returns (address[] memory people) {
        people = new address[](_roll(4));
        for (uint256 i; i < people.length; ++i) {
            people[i] = _onceIn(24) ? address(0) : _anybody();
        }
    }

    function _setStandings(address who, bytes memory data, address[] memory people) private returns (bool success) {
        Reasons memory why;
        _onlyOwner(why, who);
        bool zero;
        for (uint256 i; i < people.length; ++i) {
            if (people[i] == address(0)) zero = true;
        }
        _add(why, zero, IMarket.ZeroAddress.selector);
        (success,) = _call(who, 0, data, why);
        if (success) promise_only_the_utility_rules(who);
    }

    function _book(address[] memory people, IMarket.Standing standing) private {
        for (uint256 i; i < people.length; ++i) {
            _standing[people[i]] = standing;
        }
    }

    function _rule(address who, bytes memory data) private returns (bool success) {
        Reasons memory why;
        _onlyOwner(why, who);
        (success,) = _call(who, 0, data, why);
        if (success) promise_only_the_utility_rules(who);
    }

    function _onlyOwner(Reasons memory why, address who) private view {
        _add(why, who != _owner, Ownable.OwnableUnauthorizedAccount.selector);
    }
}
