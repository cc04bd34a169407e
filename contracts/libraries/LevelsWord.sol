// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @dev Seven neighbouring price levels in one storage slot. From the lowest bit: the energy of each level, the
/// cheapest first (31 each, Wh); the number of the newest bid at any of them (23); the stamp of the request they
/// belong to (16).
type LevelsWord is uint256;

/// @dev Price levels in a word.
uint256 constant LANES = 7;
/// @dev The most energy a level can count (Wh).
uint256 constant MAX_LEVEL_WH = (1 << 31) - 1;
/// @dev The highest number a bid can have.
uint256 constant MAX_BID_ID = (1 << 23) - 1;

using LevelsWordLib for LevelsWord global;

/// @title LevelsWordLib
/// @notice Packs seven price levels into a word and reads them back. Pure; the caller answers for the ranges: `lane`
/// is below `LANES`, which also is why nothing here can overflow.
/// @dev The stamp is what lets a book be used again without being wiped: a word with another stamp is an empty one.
library LevelsWordLib {
    uint256 private constant LANE_BITS = 31;
    uint256 private constant NEWEST_SHIFT = 217;
    uint256 private constant STAMP_SHIFT = 240;

    /// @dev The lanes 0, 2, 4 and 6, and the first three of them. Numbers written out, here and in `LevelSums`: what an
    /// expression stands for would take a place on the stack in the loop that selects, which has none to spare.
    uint256 private constant EVEN_MASK =
        0x0000000001fffffffc00000007fffffff00000001fffffffc00000007fffffff;
    uint256 private constant ODD_MASK =
        0x00000000000000000000000007fffffff00000001fffffffc00000007fffffff;

    /// @notice Whether the word belongs to the request of this stamp.
    function carries(LevelsWord word, uint256 stamp_) internal pure returns (bool) {
        return LevelsWord.unwrap(word) >> STAMP_SHIFT == stamp_;
    }

    /// @notice What the word holds for the request of this stamp, without the stamp: nothing if it carries another.
    function bare(LevelsWord word, uint256 stamp_) internal pure returns (LevelsWord bare_) {
        uint256 rest = LevelsWord.unwrap(word) ^ (stamp_ << STAMP_SHIFT);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            // Without a branch: times 0 if there is something left of a stamp.
            bare_ := mul(rest, iszero(shr(STAMP_SHIFT, rest)))
        }
    }

    /// @notice The energy of the lanes 0, 2, 4 and 6, from the lowest bit, in fields of 62 bits (Wh).
    function evenLanes(LevelsWord word) internal pure returns (uint256) {
        return LevelsWord.unwrap(word) & EVEN_MASK;
    }

    /// @notice The energy of the lanes 1, 3 and 5, in the same way.
    function oddLanes(LevelsWord word) internal pure returns (uint256) {
        return (LevelsWord.unwrap(word) >> LANE_BITS) & ODD_MASK;
    }

    /// @notice The energy of a level (Wh). `lane` counts from 0.
    function energyWh(LevelsWord word, uint256 lane) internal pure returns (uint256) {
        unchecked {
            return (LevelsWord.unwrap(word) >> (lane * LANE_BITS)) & MAX_LEVEL_WH;
        }
    }

    /// @notice The number of the newest bid at any of its levels; 0 if there has been none.
    function newestBidId(LevelsWord word) internal pure returns (uint256) {
        return (LevelsWord.unwrap(word) >> NEWEST_SHIFT) & MAX_BID_ID;
    }

    /// @notice The number of the newest bid in a bare word, see there.
    function newestBidIdOfBare(LevelsWord bare_) internal pure returns (uint256) {
        return LevelsWord.unwrap(bare_) >> NEWEST_SHIFT;
    }

    /// @notice The bare word with this stamp after one more bid, of `energyWh_` at one level. That level must have room
    /// for it.
    function withBid(LevelsWord bare_, uint256 stamp_, uint256 lane, uint256 energyWh_, uint256 bidId)
        internal
        pure
        returns (LevelsWord)
    {
        unchecked {
            // Added as one number: the stamp, and the newest bid's number in the place of the one before it.
            uint256 top = (stamp_ << (STAMP_SHIFT - NEWEST_SHIFT)) + bidId - bare_.newestBidIdOfBare();
            return LevelsWord.wrap(
                LevelsWord.unwrap(bare_) + (energyWh_ << (lane * LANE_BITS)) + (top << NEWEST_SHIFT)
            );
        }
    }

    /// @notice The word with `energyWh_` less at one level, which must have as much.
    function withLess(LevelsWord word, uint256 lane, uint256 energyWh_) internal pure returns (LevelsWord) {
        unchecked {
            return LevelsWord.wrap(LevelsWord.unwrap(word) - (energyWh_ << (lane * LANE_BITS)));
        }
    }
}
