// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDemand_Reduction} from "../interfaces/IDemand_Reduction.sol";
import {REGIONS, regionOf} from "./PriceGrid.sol";

/// @dev What a bid needs to know of its request and what it changes of it, in one storage slot, so that a bid reads it
/// once and writes it once. From the lowest bit: the reduction (36, Wh), the smallest bid (32, Wh), the gate closure
/// (40, s), the price step (64, wei per Wh), the bids so far (24), the regions of the price grid that have had bids
/// (48), the access (4), the pricing (4), the status (4).
type RequestWord is uint256;

/// @dev The largest reduction that a word can state (Wh).
uint256 constant MAX_WORD_REDUCTION_WH = (1 << 36) - 1;

using RequestWordLib for RequestWord global;

/// @title RequestWordLib
/// @notice Packs a request's terms into a word and reads them back. Pure; the caller answers for the ranges.
library RequestWordLib {
    uint256 private constant MINIMUM_SHIFT = 36;
    uint256 private constant GATE_SHIFT = 68;
    uint256 private constant STEP_SHIFT = 108;
    uint256 private constant COUNT_SHIFT = 172;
    uint256 private constant REGIONS_SHIFT = 196;
    uint256 private constant ACCESS_SHIFT = 244;
    uint256 private constant PRICING_SHIFT = 248;
    uint256 private constant STATUS_SHIFT = 252;
    uint256 private constant ENUM_MASK = 15;

    /// @notice The word of a new request, which takes bids. `reductionWh_` must be at most `MAX_WORD_REDUCTION_WH`.
    function pack(
        uint256 reductionWh_,
        uint32 minimumBidWh_,
        uint40 gateClosure_,
        uint64 priceStepWei_,
        IDemand_Reduction.Access access_,
        IDemand_Reduction.Pricing pricing_
    ) internal pure returns (RequestWord) {
        return RequestWord.wrap(
            reductionWh_ | (uint256(minimumBidWh_) << MINIMUM_SHIFT) | (uint256(gateClosure_) << GATE_SHIFT)
                | (uint256(priceStepWei_) << STEP_SHIFT) | (uint256(access_) << ACCESS_SHIFT)
                | (uint256(pricing_) << PRICING_SHIFT)
                | (uint256(IDemand_Reduction.Status.BIDDING) << STATUS_SHIFT)
        );
    }

    /// @notice The energy wanted (Wh).
    function reductionWh(RequestWord word) internal pure returns (uint256) {
        return RequestWord.unwrap(word) & MAX_WORD_REDUCTION_WH;
    }

    /// @notice The smallest bid taken (Wh).
    function minimumBidWh(RequestWord word) internal pure returns (uint256) {
        return uint32(RequestWord.unwrap(word) >> MINIMUM_SHIFT);
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
        return uint24(RequestWord.unwrap(word) >> COUNT_SHIFT);
    }

    /// @notice A bit for every region of the price grid, set if there ever was a bid in it.
    function regions(RequestWord word) internal pure returns (uint256) {
        return (RequestWord.unwrap(word) >> REGIONS_SHIFT) & ((1 << REGIONS) - 1);
    }

    /// @notice Who may bid: a copy of the contract's, so that a bid need not read another slot.
    function access(RequestWord word) internal pure returns (IDemand_Reduction.Access) {
        return IDemand_Reduction.Access((RequestWord.unwrap(word) >> ACCESS_SHIFT) & ENUM_MASK);
    }

    /// @notice What an accepted Wh is paid.
    function pricing(RequestWord word) internal pure returns (IDemand_Reduction.Pricing) {
        return IDemand_Reduction.Pricing((RequestWord.unwrap(word) >> PRICING_SHIFT) & ENUM_MASK);
    }

    /// @notice The phase.
    function status(RequestWord word) internal pure returns (IDemand_Reduction.Status) {
        return IDemand_Reduction.Status(RequestWord.unwrap(word) >> STATUS_SHIFT);
    }

    /// @notice Whether anybody may bid: as `access() == Access.OPEN`, without looking whether it is a valid access.
    function isOpenToAll(RequestWord word) internal pure returns (bool) {
        return (RequestWord.unwrap(word) >> ACCESS_SHIFT) & ENUM_MASK == uint256(IDemand_Reduction.Access.OPEN);
    }

    /// @notice Whether bids are taken until gate closure: as `status() == Status.BIDDING`, see `isOpenToAll`.
    function isBidding(RequestWord word) internal pure returns (bool) {
        return RequestWord.unwrap(word) >> STATUS_SHIFT == uint256(IDemand_Reduction.Status.BIDDING);
    }

    /// @notice The word after one more bid, at `level`. There must be a number left for it.
    function withBid(RequestWord word, uint256 level) internal pure returns (RequestWord) {
        unchecked {
            uint256 counted = RequestWord.unwrap(word) + (1 << COUNT_SHIFT);
            return RequestWord.wrap(counted | (1 << (REGIONS_SHIFT + regionOf(level))));
        }
    }

    /// @notice The word with another access.
    function withAccess(RequestWord word, IDemand_Reduction.Access access_) internal pure returns (RequestWord) {
        uint256 others = RequestWord.unwrap(word) & ~(ENUM_MASK << ACCESS_SHIFT);
        return RequestWord.wrap(others | (uint256(access_) << ACCESS_SHIFT));
    }

    /// @notice The word with another status.
    function withStatus(RequestWord word, IDemand_Reduction.Status status_) internal pure returns (RequestWord) {
        uint256 others = RequestWord.unwrap(word) & ~(ENUM_MASK << STATUS_SHIFT);
        return RequestWord.wrap(others | (uint256(status_) << STATUS_SHIFT));
    }
}
