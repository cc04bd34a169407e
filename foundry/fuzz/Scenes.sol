// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDemand_Reduction as IMarket} from "../../contracts/interfaces/IDemand_Reduction.sol";
import {Dice} from "./Dice.sol";
import {Promises} from "./Promises.sol";

/// @title Scenes
/// @notice What the handlers share: whom and which request they draw.
abstract contract Scenes is Promises, Dice {
    /// @dev Where a request stands, by the chain's time.
    enum Phase {
        OPEN,
        CLOSED,
        CLEARED
    }

    /// @dev The largest reduction that can be requested (Wh).
    uint256 internal immutable MOST_WH;

    constructor() {
        (, MOST_WH,,) = MARKET.get_constants();
    }

    function _anybody() internal returns (address) {
        return _people[_roll(_people.length)];
    }

    /// @dev Anybody who has Ether, and so could be the utility: the last of the cast has not.
    function _anybodyWithEther() internal returns (address) {
        return _people[_roll(_people.length - 1)];
    }

    /// @dev The utility, and now and then somebody else.
    function _utility() internal returns (address) {
        return _onceIn(12) ? _anybodyWithEther() : _owner;
    }

    /// @dev Any request, also one that the ring has left behind, and two that do not exist.
    function _anyRequest() internal returns (uint256) {
        if (_onceIn(8)) return _roll(_accounts.length + 1);
        return _oldest() + _roll(_accounts.length - _oldest() + 1);
    }

    /// @dev A request in this phase, now and then any other; 0, which none has, if there is no such.
    function _requestIn(Phase phase) internal returns (uint256) {
        if (_onceIn(16)) return _anyRequest();
        uint256 first = _oldest();
        uint256 range = _accounts.length - first;
        uint256 start = range == 0 ? 0 : _roll(range);
        for (uint256 i; i < range; ++i) {
            uint256 requestId = first + (start + i) % range;
            if (_isIn(requestId, phase)) return requestId;
        }
        return 0;
    }

    /// @dev Whether there is nothing to do with this request, and no need to see once more that it is refused.
    function _isIdle(uint256 requestId) internal returns (bool) {
        return requestId == 0 && !_onceIn(16);
    }

    function _isIn(uint256 requestId, Phase phase) internal view returns (bool) {
        if (phase == Phase.CLEARED) return _has(requestId, IMarket.Status.CLEARED);
        return _has(requestId, IMarket.Status.BIDDING) && _gateClosed(requestId) == (phase == Phase.CLOSED);
    }

    /// @dev Why a call that needs an open gate may be refused.
    function _whyNotOpen(uint256 requestId) internal view returns (Reasons memory why) {
        bool bidding = _has(requestId, IMarket.Status.BIDDING);
        _add(why, !bidding, IMarket.WrongStatus.selector);
        _add(why, bidding && _gateClosed(requestId), IMarket.GateClosed.selector);
    }
}
