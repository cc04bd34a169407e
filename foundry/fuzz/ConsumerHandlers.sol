// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDemand_Reduction as IMarket} from "../../contracts/interfaces/IDemand_Reduction.sol";
import {BookLib} from "../../contracts/libraries/BookLib.sol";
import {LANES, MAX_LEVEL_WH} from "../../contracts/libraries/LevelsWord.sol";
import {Scenes} from "./Scenes.sol";

/// @title ConsumerHandlers
/// @notice What consumers do: register, bid, withdraw bids, and take out what was credited to them.
abstract contract ConsumerHandlers is Scenes {
    /// @dev solady's error; the library does not export it.
    bytes4 private constant ETH_TRANSFER_FAILED = bytes4(keccak256("ETHTransferFailed()"));
    /// @dev Enough for every case, and few enough to be sorted quickly.
    uint256 private constant MOST_BIDS = 60;

    function register(uint256 seed) external rolls(seed) {
        address who = _anybody();
        IMarket.Standing standing = _standing[who];
        if (standing != IMarket.Standing.UNKNOWN && !_onceIn(8)) return;
        Reasons memory why;
        _add(why, standing == IMarket.Standing.REVOKED, IMarket.Revoked.selector);
        bool known = standing == IMarket.Standing.REGISTERED || standing == IMarket.Standing.APPROVED;
        _add(why, known, IMarket.AlreadyRegistered.selector);
        (bool success,) = _call(who, 0, abi.encodeCall(IMarket.register, ()), why);
        if (success) _standing[who] = IMarket.Standing.REGISTERED;
    }

    /* BIDDING */

    /// @dev Levels far apart and at the borders of whatever the book may keep together.
    function submitBids(uint256 seed) external rolls(seed) {
        uint256 requestId = _requestIn(Phase.OPEN);
        if (_isIdle(requestId)) return;
        IMarket.Bid[] memory bids = new IMarket.Bid[](1 + _roll(4));
        for (uint256 i; i < bids.length; ++i) {
            bids[i] = IMarket.Bid(_energyFor(requestId), _anyLevel());
        }
        _submit(_consumer(), requestId, bids);
    }

    /// @dev Many bids of several consumers at few levels, so that time decides.
    function submitCloseBids(uint256 seed) external rolls(seed) {
        uint256 requestId = _requestIn(Phase.OPEN);
        if (_isIdle(requestId)) return;
        uint256 level = 1 + (requestId * 37) % (LEVELS - 8);
        for (uint256 consumers = 1 + _roll(4); consumers != 0; --consumers) {
            IMarket.Bid[] memory bids = new IMarket.Bid[](1 + _roll(5));
            for (uint256 i; i < bids.length; ++i) {
                bids[i] = IMarket.Bid(_energyFor(requestId), uint16(level + _roll(8)));
            }
            _submit(_consumer(), requestId, bids);
        }
    }

    /// @dev Bids that are as large as can be, until a level is full.
    function submitLargeBids(uint256 seed) external rolls(seed) {
        uint256 requestId = _largestOpenRequest();
        if (_isIdle(requestId)) return;
        uint256 mostWh = _knows(requestId) ? _accounts[requestId].reductionWh : 1;
        if (mostWh > type(uint32).max) mostWh = type(uint32).max;
        IMarket.Bid[] memory bids = new IMarket.Bid[](1 + _roll(12));
        for (uint256 i; i < bids.length; ++i) {
            bids[i] = IMarket.Bid(uint32(_between(mostWh - mostWh / 8, mostWh)), uint16(_between(500, 502)));
        }
        // The last one as large as the level has room for, or by one too large.
        uint256 roomWh = MAX_LEVEL_WH - _levelWh(requestId, 500);
        if (roomWh != 0 && roomWh <= mostWh) {
            bids = new IMarket.Bid[](1);
            bids[0] = IMarket.Bid(uint32(_onceIn(2) ? roomWh : _between(roomWh, mostWh)), 500);
        }
        _submit(_consumer(), requestId, bids);
    }

    function submitAnyBids(uint256 seed) external rolls(seed) {
        uint256 requestId = _requestIn(Phase.OPEN);
        IMarket.Bid[] memory bids = new IMarket.Bid[](_roll(4));
        for (uint256 i; i < bids.length; ++i) {
            bids[i] = IMarket.Bid(uint32(_between(0, 40)), uint16(_between(0, LEVELS + 1)));
        }
        _submit(_anybody(), requestId, bids);
    }

    function withdrawBids(uint256 seed) external rolls(seed) {
        uint256 requestId = _requestIn(Phase.OPEN);
        uint256 count = _entries[requestId].length;
        if (count == 0 && !_onceIn(16)) return;
        uint256 bidId = count == 0 ? 1 : 1 + _roll(count);
        address who = count == 0 || _onceIn(10) ? _anybody() : _entries[requestId][bidId - 1].consumer;
        uint256[] memory bidIds = _bidsOf(who, requestId, bidId);
        (bool success,) = _call(
            who, 0, abi.encodeCall(IMarket.withdraw_bids, (requestId, bidIds)), _whyNotWithdraw(who, requestId, bidIds)
        );
        if (!success) return;
        promise_the_gate_is_the_gate(requestId, false);
        for (uint256 i; i < bidIds.length; ++i) {
            _entries[requestId][bidIds[i] - 1].withdrawn = true;
        }
        promise_energy_bought_is_the_rule(requestId);
    }

    /* CREDITS */

    /// @dev Invariant 11: `promise_everybody_has_what_is_theirs` sees to the sum.
    function withdraw(uint256 seed) external rolls(seed) {
        address who = _somebodyWithCredit();
        if (_creditWei[who] != 0 || _onceIn(8)) _withdraw(who);
    }

    function _withdraw(address who) internal {
        uint256 amountWei = _creditWei[who];
        Reasons memory why;
        _add(why, amountWei == 0, IMarket.NothingDeferred.selector);
        _add(why, amountWei != 0 && !_takes(who), ETH_TRANSFER_FAILED);
        (bool success, bytes memory returned) = _call(who, 0, abi.encodeCall(IMarket.withdraw, ()), why);
        if (!success) return;
        _require(abi.decode(returned, (uint256)) == amountWei, "a credit is paid in full", 0);
        _creditWei[who] = 0;
        _bookArrival(who, amountWei);
    }

    /* INTERNAL */

    /// @dev Somebody who may bid, and now and then anybody.
    function _consumer() private returns (address) {
        uint256 start = _roll(_people.length);
        if (_onceIn(16)) return _people[start];
        for (uint256 i; i < _people.length; ++i) {
            address person = _people[(start + i) % _people.length];
            if (_mayBid(person)) return person;
        }
        return _people[start];
    }

    function _anyLevel() private returns (uint16) {
        if (_onceIn(2)) return uint16(_between(1, LEVELS));
        // The last level of some word, and the first two of the next.
        uint256 level = LANES * _roll(LEVELS / LANES) + _roll(3);
        return uint16(level == 0 ? 1 : level);
    }

    function _largestOpenRequest() private view returns (uint256 largest) {
        for (uint256 id = _oldest(); id < _accounts.length; ++id) {
            if (!_isIn(id, Phase.OPEN)) continue;
            if (largest == 0 || _accounts[id].reductionWh > _accounts[largest].reductionWh) largest = id;
        }
    }

    function _energyFor(uint256 requestId) private returns (uint32) {
        if (!_knows(requestId)) return 1;
        Account storage account = _accounts[requestId];
        uint256 least = account.minimumWh == 0 ? 1 : account.minimumWh;
        uint256 most = account.reductionWh + 2;
        // A fifth of it, so that several win.
        if (!_onceIn(6) && most / 5 >= least) most = most / 5;
        return uint32(_between(least, most > type(uint32).max ? type(uint32).max : most));
    }

    function _submit(address who, uint256 requestId, IMarket.Bid[] memory bids) private {
        if (_entries[requestId].length + bids.length > MOST_BIDS) return;
        bytes memory data = abi.encodeCall(IMarket.submit_bids, (requestId, bids));
        (bool success, bytes memory returned) = _call(who, 0, data, _whyNotSubmit(who, requestId, bids));
        if (!success) return;
        promise_the_gate_is_the_gate(requestId, false);
        uint256 first = _entries[requestId].length + 1;
        _require(abi.decode(returned, (uint256)) == first, "bids are numbered by arrival", requestId);
        for (uint256 i; i < bids.length; ++i) {
            Entry storage entry = _entries[requestId].push();
            entry.consumer = who;
            entry.energyWh = _counted(requestId, bids[i].energy_wh);
            entry.level = bids[i].price_level;
        }
    }

    /// @dev A bid counts for no more than the reduction.
    function _counted(uint256 requestId, uint256 energyWh) private view returns (uint256) {
        uint256 reductionWh = _accounts[requestId].reductionWh;
        return energyWh < reductionWh ? energyWh : reductionWh;
    }

    function _whyNotSubmit(address who, uint256 requestId, IMarket.Bid[] memory bids)
        private
        view
        returns (Reasons memory why)
    {
        why = _whyNotOpen(requestId);
        _add(why, !_mayBid(who), IMarket.NotAllowed.selector);
        _add(why, bids.length == 0, IMarket.NoBids.selector);
        if (!_knows(requestId)) return why;
        (bool small, bool outside, bool full) = (false, false, false);
        for (uint256 i; i < bids.length; ++i) {
            (uint256 energyWh, uint256 level) = (bids[i].energy_wh, bids[i].price_level);
            if (energyWh == 0 || energyWh < _accounts[requestId].minimumWh) small = true;
            if (level == 0 || level > LEVELS) outside = true;
            if (_overfills(requestId, bids, level)) full = true;
        }
        _add(why, small, IMarket.BidTooSmall.selector);
        _add(why, outside, IMarket.PriceLevelOutOfRange.selector);
        _add(why, full, BookLib.LevelFull.selector);
    }

    function _overfills(uint256 requestId, IMarket.Bid[] memory bids, uint256 level) private view returns (bool) {
        // Only of a large request can a level hold as much as it can count.
        if (_accounts[requestId].reductionWh < 1000) return false;
        uint256 sumWh = _levelWh(requestId, level);
        for (uint256 i; i < bids.length; ++i) {
            if (bids[i].price_level == level) sumWh += _counted(requestId, bids[i].energy_wh);
        }
        return sumWh > MAX_LEVEL_WH;
    }

    /// @dev A bid, often with a second of the same consumer, and now and then one that will not do.
    function _bidsOf(address who, uint256 requestId, uint256 bidId) private returns (uint256[] memory bidIds) {
        Entry[] storage entries = _entries[requestId];
        bidIds = new uint256[](_onceIn(16) ? 0 : 1 + _roll(2));
        if (bidIds.length != 0) bidIds[0] = bidId;
        if (bidIds.length < 2) return bidIds;
        bidIds[1] = _onceIn(8) ? _roll(entries.length + 2) : bidId;
        for (uint256 i = bidId; i < entries.length; ++i) {
            if (entries[i].consumer == who && !entries[i].withdrawn) bidIds[1] = i + 1;
        }
    }

    function _whyNotWithdraw(address who, uint256 requestId, uint256[] memory bidIds)
        private
        view
        returns (Reasons memory why)
    {
        why = _whyNotOpen(requestId);
        _add(why, bidIds.length == 0, IMarket.NoBids.selector);
        Entry[] storage entries = _entries[requestId];
        for (uint256 i; i < bidIds.length; ++i) {
            bool unknown = bidIds[i] == 0 || bidIds[i] > entries.length;
            _add(why, unknown, IMarket.UnknownBid.selector);
            if (unknown) continue;
            Entry storage entry = entries[bidIds[i] - 1];
            bool again = i == 1 && bidIds[0] == bidIds[1];
            _add(why, entry.consumer != who, IMarket.NotYourBid.selector);
            _add(why, entry.consumer == who && (entry.withdrawn || again), IMarket.AlreadyWithdrawn.selector);
        }
    }

    function _somebodyWithCredit() private returns (address) {
        uint256 start = _roll(_people.length);
        for (uint256 i; i < _people.length; ++i) {
            address person = _people[(start + i) % _people.length];
            if (_creditWei[person] != 0 && _takes(person)) return person;
        }
        return _people[start];
    }
}
