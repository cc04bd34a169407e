// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EtherForcer} from "../../contracts/test/EtherForcer.sol";
import {IDemand_Reduction as IMarket} from "../../contracts/interfaces/IDemand_Reduction.sol";
import {CHEATS, ICheats} from "../ICheats.sol";
import {Calls} from "./Calls.sol";
import {ConsumerHandlers} from "./ConsumerHandlers.sol";
import {MeritOrder} from "./MeritOrder.sol";
import {UtilityHandlers} from "./UtilityHandlers.sol";

/// @title Handlers
/// @notice What anybody may do to the market, and what the world does around it.
contract Handlers is UtilityHandlers, ConsumerHandlers {
    address private constant UTILITY = address(0xA11CE00000000001);

    constructor() Calls(IMarket.Access.OPEN, UTILITY) {
        _owner = UTILITY;
        REENTRANT.aim(address(MARKET), abi.encodeCall(IMarket.withdraw, ()));
    }

    /* CLEARING AND PAYING */

    function selectWinners(uint256 seed) external rolls(seed) {
        uint256 requestId = _requestIn(Phase.CLOSED);
        if (!_isIdle(requestId)) _select(_anybody(), requestId);
    }

    function payWinners(uint256 seed) external rolls(seed) {
        uint256 requestId = _requestIn(Phase.CLEARED);
        if (_isIdle(requestId)) return;
        _pay(_anybody(), requestId, _onceIn(3) ? type(uint256).max : _between(0, 4), GAS_CAP);
    }

    /// @dev Invariant 10: whoever sends too little gas gets nothing done, and turns no payment into a credit.
    function payWithLittleGas(uint256 seed) external rolls(seed) {
        uint256 requestId = _requestIn(Phase.CLEARED);
        if (_isIdle(requestId)) return;
        _pay(_anybody(), requestId, _between(1, 3), _between(100_000, 500_000));
    }

    /// @dev Everything that can be read of a request.
    function look(uint256 seed) external rolls(seed) {
        uint256 requestId = _anyRequest();
        address who = _anybody();
        Reasons memory why;
        _add(why, requestId != 0 && _accounts.length - 1 >= requestId + RING, IMarket.BookReused.selector);
        (bool seen,) = _call(who, 0, abi.encodeCall(IMarket.get_bids, (requestId, 0, 9)), why);
        _call(who, 0, abi.encodeCall(IMarket.get_winners, (requestId, 0, 9)), why);
        if (!seen || !_knows(requestId)) return;
        promise_no_request_touches_another(requestId);
        promise_winners_are_a_prefix_of_the_merit_order(requestId);
        if (_accounts[requestId].status != IMarket.Status.CANCELLED) promise_energy_bought_is_the_rule(requestId);
    }

    /* THE WORLD */

    function waitAWhile(uint256 seed) external rolls(seed) {
        CHEATS.warp(block.timestamp + _between(1, 15));
    }

    /// @dev Up to the last second before some gate closes, that second, or the next.
    function waitForAGate(uint256 seed) external rolls(seed) {
        uint256 requestId = _requestIn(Phase.OPEN);
        if (!_isIn(requestId, Phase.OPEN) || _onceIn(2)) return;
        uint256 time = _accounts[requestId].gateClosure - 1 + _roll(3);
        if (time > block.timestamp) CHEATS.warp(time);
    }

    function forceEther(uint256 seed) external rolls(seed) {
        uint256 amountWei = _between(1, 1e18);
        _forcedWei += amountWei;
        CHEATS.deal(address(this), amountWei);
        new EtherForcer{value: amountWei}(address(MARKET));
    }

    /// @dev Ether sent without a call, and calls of functions that there are not.
    function sendAnything(uint256 seed) external rolls(seed) {
        bytes memory data = _onceIn(2) ? bytes("") : abi.encode(_roll(type(uint256).max));
        Reasons memory why;
        _add(why, true, OUT_OF_GAS);
        _call(_people[0], _roll(2), data, why);
    }

    function changeMinds(uint256 seed) external rolls(seed) {
        REFUSING.set_willing(_onceIn(2));
        REENTRANT.aim(address(MARKET), _anyCallBack());
    }

    /* AT THE END */

    /// @dev Invariant 9: a stranger finishes every request, and all of the market's Ether is where it belongs.
    function promise_anybody_can_finish_every_request() external {
        address stranger = address(0x57A46E4);
        for (uint256 id = _oldest(); id < _accounts.length; ++id) {
            if (_has(id, IMarket.Status.BIDDING)) {
                if (!_gateClosed(id)) CHEATS.warp(_accounts[id].gateClosure);
                _select(stranger, id);
            }
            for (uint256 calls; _has(id, IMarket.Status.CLEARED); ++calls) {
                _pay(stranger, id, 1 + calls * 20, GAS_CAP);
            }
        }
        REFUSING.set_willing(true);
        for (uint256 i; i < _people.length; ++i) {
            _withdraw(_people[i]);
        }
        uint256 leftWei = _forcedWei + _creditWei[address(BURNING)] + _creditWei[address(REFUSING_BOMB)];
        _require(address(MARKET).balance == leftWei, "nothing is left but what nobody takes", 0);
    }

    /* INTERNAL */

    function _select(address who, uint256 requestId) private {
        bool bidding = _has(requestId, IMarket.Status.BIDDING);
        Reasons memory why;
        _add(why, !bidding, IMarket.WrongStatus.selector);
        _add(why, bidding && !_gateClosed(requestId), IMarket.GateOpen.selector);
        (bool success,) = _call(who, 0, abi.encodeCall(IMarket.select_winners, (requestId)), why);
        if (!success) return;
        promise_the_gate_is_the_gate(requestId, true);
        _bookSelection(requestId);
        promise_energy_bought_is_the_rule(requestId);
        promise_winners_are_a_prefix_of_the_merit_order(requestId);
        promise_escrow_is_enough(requestId);
    }

    function _bookSelection(uint256 requestId) private {
        Account storage account = _accounts[requestId];
        (MeritOrder.Offer[] memory ranked, MeritOrder.Outcome memory rule) = _clear(requestId);
        account.status = rule.winners == 0 ? IMarket.Status.SETTLED : IMarket.Status.CLEARED;
        account.clearingLevel = rule.clearingLevel;
        account.energyWh = rule.energyWh;
        account.costWei = rule.costWei;
        account.unpaid = rule.winners;
        for (uint256 i; i < rule.winners; ++i) {
            Entry storage entry = _entries[requestId][ranked[i].bidId - 1];
            entry.acceptedWh = ranked[i].acceptedWh;
            entry.paymentWei = ranked[i].paymentWei;
        }
        _bookRefund(account, _escrowWei(account) - rule.costWei);
    }

    function _pay(address who, uint256 requestId, uint256 most, uint256 gas) private {
        Reasons memory why;
        _add(why, !_has(requestId, IMarket.Status.CLEARED), IMarket.WrongStatus.selector);
        CHEATS.recordLogs();
        bytes memory data = abi.encodeCall(IMarket.pay_winners, (requestId, most));
        bool success;
        bytes memory returned;
        if (gas == GAS_CAP) (success, returned) = _call(who, 0, data, why);
        else (success, returned) = _callForLittleGas(who, data, why, gas);
        ICheats.Log[] memory logs = CHEATS.getRecordedLogs();
        if (success) _bookPayments(requestId, most, abi.decode(returned, (uint256)), logs);
    }

    /// @dev With little gas a call may also go well, if what is to be paid is little enough.
    function _callForLittleGas(address who, bytes memory data, Reasons memory why, uint256 gas)
        private
        returns (bool success, bytes memory returned)
    {
        _add(why, why.count == 0, bytes4(0));
        _add(why, true, IMarket.NotEnoughGas.selector);
        _add(why, true, OUT_OF_GAS);
        return _callWithGas(who, 0, data, why, gas);
    }

    function _bookPayments(uint256 requestId, uint256 most, uint256 left, ICheats.Log[] memory logs) private {
        Account storage account = _accounts[requestId];
        uint256 unpaid = account.unpaid;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter == address(MARKET)) _bookPayment(requestId, logs[i]);
            else _require(!abi.decode(logs[i].data, (bool)), "a payee that calls back gets nowhere", requestId);
        }
        uint256 paid = unpaid - account.unpaid;
        _require(paid == (most < unpaid ? most : unpaid), "a batch pays as many as asked", requestId);
        _require((left == 0) == (account.unpaid == 0), "0 winners are left if all are paid", requestId);
        _require(left >= account.unpaid, "no winner is left out of the count", requestId);
        if (account.unpaid == 0) account.status = IMarket.Status.SETTLED;
    }

    function _bookPayment(uint256 requestId, ICheats.Log memory log) private {
        bool pushed = log.topics[0] == IMarket.WinnerPaid.selector;
        if (!pushed && log.topics[0] != IMarket.PaymentDeferred.selector) return;
        (uint256 bidId, uint40 energyWh, uint256 amountWei) = abi.decode(log.data, (uint256, uint40, uint256));
        Account storage account = _accounts[requestId];
        Entry storage entry = _entries[requestId][bidId - 1];
        promise_nobody_is_paid_twice(requestId, bidId);
        promise_nobody_is_paid_less_than_asked(requestId, bidId, amountWei);
        _require(uint256(log.topics[1]) == requestId, "payments are the request's", requestId);
        _require(address(uint160(uint256(log.topics[2]))) == entry.consumer, "the winner is paid", requestId);
        _require(energyWh == entry.acceptedWh, "for what was bought", requestId);
        _require(_bookPush(entry.consumer, amountWei) == pushed, "who takes it is paid directly", requestId);
        if (pushed) account.paidWei += amountWei;
        else account.deferredWei += amountWei;
    }

    /// @dev What a payee may try when it is paid: all of it needs the guard that it is inside of.
    function _anyCallBack() private returns (bytes memory) {
        uint256 kind = _roll(4);
        uint256 requestId = _anyRequest();
        if (kind == 0) return abi.encodeCall(IMarket.withdraw, ());
        if (kind == 1) return abi.encodeCall(IMarket.pay_winners, (requestId, 9));
        if (kind == 2) return abi.encodeCall(IMarket.select_winners, (requestId));
        return abi.encodeCall(IMarket.cancel_request, (requestId));
    }
}
