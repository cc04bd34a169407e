// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDemand_Reduction} from "../interfaces/IDemand_Reduction.sol";
import {REGIONS, regionOf} from "./PriceGrid.sol";

/// @dev What a bid needs to know of its request and what it changes of it, in one storage slot, so that a bid reads it
/// once and writes it once. From the lowest bit: the reduction (36, Wh), the least energy of a bid (32, Wh), a bit that
/// is set if the request states 0 for it, which is kept as 1 (1), the price step (64, wei per Wh), the pricing (1), the
/// gate closure (40, s), the access (2), the status (3), the regions of the price grid that have had bids (48), nothing
/// (5), the bids so far (24).
type RequestWord is uint256;

/// @dev The largest reduction that a word can state (Wh).
uint256 constant MAX_WORD_REDUCTION_WH = (1 << 36) - 1;

using RequestWordLib for RequestWord global;

/// @title RequestWordLib
/// @notice Packs a request's terms into a word and reads them back. Pure; the caller answers for the ranges.
library RequestWordLib {
    uint256 private constant LEAST_SHIFT = 36;
    uint256 private constant STATES_NONE_SHIFT = 68;
    uint256 private constant STEP_SHIFT = 69;
    uint256 private constant PRICING_SHIFT = 133;
    uint256 private constant GATE_SHIFT = 134;
    uint256 private constant ACCESS_SHIFT = 174;
    uint256 private constant STATUS_SHIFT = 176;
    uint256 private constant REGIONS_SHIFT = 179;
    uint256 private constant COUNT_SHIFT = 232;
    uint256 private constant ACCESS_MASK = 3;
    uint256 private constant STATUS_MASK = 7;

    /// @dev From the gate closure up to the status.
    uint256 private constant PHASE_MASK = (1 << 45) - 1;
    /// @dev These bits, the gate closure taken away, while anybody may bid.
    uint256 private constant OPEN_TO_ALL = uint256(IDemand_Reduction.Status.BIDDING) << (STATUS_SHIFT - GATE_SHIFT);
    /// @dev No gate closes later from now (s): 30 days are less. If one did, a bid would only cost more gas.
    uint256 private constant LONGEST = (1 << 22) - 1;

    /// @notice The word of a new request, which takes bids. `reductionWh_` must be at most `MAX_WORD_REDUCTION_WH`.
    function pack(
        uint256 reductionWh_,
        uint32 minimumBidWh_,
        uint40 gateClosure_,
        uint64 priceStepWei_,
        IDemand_Reduction.Access access_,
        IDemand_Reduction.Pricing pricing_
    ) internal pure returns (RequestWord) {
        uint256 statesNone = minimumBidWh_ == 0 ? 1 : 0;
        return RequestWord.wrap(
            reductionWh_ | ((minimumBidWh_ + statesNone) << LEAST_SHIFT) | (statesNone << STATES_NONE_SHIFT)
                | (uint256(priceStepWei_) << STEP_SHIFT) | (uint256(pricing_) << PRICING_SHIFT)
                | (uint256(gateClosure_) << GATE_SHIFT) | (uint256(access_) << ACCESS_SHIFT)
                | (uint256(IDemand_Reduction.Status.BIDDING) << STATUS_SHIFT)
        );
    }

    /// @notice The energy wanted (Wh).
    function reductionWh(RequestWord word) internal pure returns (uint256) {
        return RequestWord.unwrap(word) & MAX_WORD_REDUCTION_WH;
    }

    /// @notice The smallest bid taken, as the request states it (Wh): 0 where it states none.
    function minimumBidWh(RequestWord word) internal pure returns (uint256) {
        return word.leastBidWh() - ((RequestWord.unwrap(word) >> STATES_NONE_SHIFT) & 1);
    }

    /// @notice The smallest bid taken (Wh), at least 1.
    function leastBidWh(RequestWord word) internal pure returns (uint256) {
        return uint32(RequestWord.unwrap(word) >> LEAST_SHIFT);
    }

    /// @notice When bidding ends (s).
    function gateClosure(RequestWord word) internal pure returns (uint256) {
        return uint40(RequestWord.unwrap(word) >> GATE_SHIFT);
    }

    /// @notice The step of the price grid (wei per Wh).
    function priceStepWei(RequestWord word) internal pure returns (uint256) {
        return uint64(RequestWord.unwrap(word) >> STEP_SHIFT);
    }

    /// @notice Bids so far, withdrawn ones included: the number of the newest.
    function bidCount(RequestWord word) internal pure returns (uint256) {
        return RequestWord.unwrap(word) >> COUNT_SHIFT;
    }

    /// @notice Whether it counts more bids than can have a number: the count then has its highest bit, and so the word.
    function isOverfull(RequestWord word) internal pure returns (bool) {
        return int256(RequestWord.unwrap(word)) < 0;
    }

    /// @notice A bit for every region of the price grid, set if there ever was a bid in it.
    function regions(RequestWord word) internal pure returns (uint256) {
        return (RequestWord.unwrap(word) >> REGIONS_SHIFT) & ((1 << REGIONS) - 1);
    }

    /// @notice Who may bid: a copy of the contract's, so that a bid need not read another slot.
    function access(RequestWord word) internal pure returns (IDemand_Reduction.Access) {
        return IDemand_Reduction.Access((RequestWord.unwrap(word) >> ACCESS_SHIFT) & ACCESS_MASK);
    }

    /// @notice What an accepted Wh is paid.
    function pricing(RequestWord word) internal pure returns (IDemand_Reduction.Pricing) {
        return IDemand_Reduction.Pricing((RequestWord.unwrap(word) >> PRICING_SHIFT) & 1);
    }

    /// @notice The phase.
    function status(RequestWord word) internal pure returns (IDemand_Reduction.Status) {
        return IDemand_Reduction.Status((RequestWord.unwrap(word) >> STATUS_SHIFT) & STATUS_MASK);
    }

    /// @notice Whether it takes a closer look who may bid at this time (s): false only if the request takes bids, from
    /// anybody, and its gate closes later.
    /// @dev One comparison for three. The access and the status stand above the gate closure: if they are not just
    /// these, what is left of the difference is off by thousands of years.
    function isRestricted(RequestWord word, uint256 time) internal pure returns (bool) {
        unchecked {
            return ((RequestWord.unwrap(word) >> GATE_SHIFT) & PHASE_MASK) - OPEN_TO_ALL - time - 1 > LONGEST;
        }
    }

    /// @notice The word after one more bid, at `level`. There must be room in it for the count. A level outside the
    /// grid spoils it, and the caller must revert.
    function withBid(RequestWord word, uint256 level) internal pure returns (RequestWord) {
        unchecked {
            uint256 counted = RequestWord.unwrap(word) + (1 << COUNT_SHIFT);
            return RequestWord.wrap(counted | (1 << (REGIONS_SHIFT + regionOf(level))));
        }
    }

    /// @notice The word with another access.
    function withAccess(RequestWord word, IDemand_Reduction.Access access_) internal pure returns (RequestWord) {
        uint256 others = RequestWord.unwrap(word) & ~(ACCESS_MASK << ACCESS_SHIFT);
        return RequestWord.wrap(others | (uint256(access_) << ACCESS_SHIFT));
    }

    /// @notice The word with another status.
    function withStatus(RequestWord word, IDemand_Reduction.Status status_) internal pure returns (RequestWord) {
        uint256 others = RequestWord.unwrap(word) & ~(STATUS_MASK << STATUS_SHIFT);
        return RequestWord.wrap(others | (uint256(status_) << STATUS_SHIFT));
    }
}
