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

/// @dev `words[i]` without the check that `i` is below the length: the caller must have seen to it.
function wordAt(LevelsWord[] memory words, uint256 i) pure returns (LevelsWord word) {
    // solhint-disable-next-line no-inline-assembly
    assembly ("memory-safe") {
        word := mload(add(add(words, 0x20), shl(5, i)))
    }
}

/// @title LevelsWordLib
/// @notice Packs seven price levels into a word and reads them back. Pure; the caller answers for the ranges: `lane`
/// is below `LANES`, which also is why nothing here can overflow.
/// @dev The stamp is what lets a book be used again without being wiped: a word with another stamp is an empty one.
library LevelsWordLib {
    uint256 private constant LANE_BITS = 31;
    uint256 private constant NEWEST_SHIFT = 217;
    uint256 private constant STAMP_SHIFT = 240;

    /// @dev Room for a sum of lanes, four of which fill a word: see `totalWh`.
    uint256 private constant PAIR_BITS = 2 * LANE_BITS;
    uint256 private constant TOP_SHIFT = 3 * PAIR_BITS;
    uint256 private constant PAIR_MASK = (1 << PAIR_BITS) - 1;
    uint256 private constant ODD_MASK =
        MAX_LEVEL_WH | (MAX_LEVEL_WH << PAIR_BITS) | (MAX_LEVEL_WH << (2 * PAIR_BITS));
    uint256 private constant EVEN_MASK = ODD_MASK | (MAX_LEVEL_WH << TOP_SHIFT);
    uint256 private constant ONES = 1 | (1 << PAIR_BITS) | (1 << (2 * PAIR_BITS)) | (1 << TOP_SHIFT);
    /// @dev The lanes 6, 4, 2 and 0, and 5, 3 and 1, from the lowest bit.
    uint256 private constant EVEN_LANES = 6 | (4 << PAIR_BITS) | (2 << (2 * PAIR_BITS));
    uint256 private constant ODD_LANES = (5 << PAIR_BITS) | (3 << (2 * PAIR_BITS)) | (1 << TOP_SHIFT);

    /// @notice Whether the word belongs to the request of this stamp.
    function carries(LevelsWord word, uint256 stamp_) internal pure returns (bool) {
        return LevelsWord.unwrap(word) >> STAMP_SHIFT == stamp_;
    }

    /// @notice The word itself if it carries `stamp_`, otherwise an empty word that does.
    function orEmpty(LevelsWord word, uint256 stamp_) internal pure returns (LevelsWord) {
        return word.carries(stamp_) ? word : LevelsWord.wrap(stamp_ << STAMP_SHIFT);
    }

    /// @notice The energy of all its levels (Wh).
    /// @dev Adds all lanes at once. Every other lane is taken out, which leaves each 62 bits of room. A product with a
    /// word of four factors then has in its fourth field the sum of all fields, the first times the last factor and so
    /// on. No field overflows: seven 31-bit numbers times at most 1,000 are below 2**44.
    function totalWh(LevelsWord word) internal pure returns (uint256) {
        unchecked {
            uint256 even = LevelsWord.unwrap(word) & EVEN_MASK;
            uint256 odd = (LevelsWord.unwrap(word) >> LANE_BITS) & ODD_MASK;
            return (((even + odd) * ONES) >> TOP_SHIFT) & PAIR_MASK;
        }
    }

    /// @notice The sum of energy times level (Wh x levels) if its cheapest level is `firstLevel`, in the same way.
    function energyLevels(LevelsWord word, uint256 firstLevel) internal pure returns (uint256) {
        unchecked {
            uint256 first = firstLevel * ONES;
            uint256 even = (LevelsWord.unwrap(word) & EVEN_MASK) * (EVEN_LANES + first);
            uint256 odd = ((LevelsWord.unwrap(word) >> LANE_BITS) & ODD_MASK) * (ODD_LANES + first);
            return ((even + odd) >> TOP_SHIFT) & PAIR_MASK;
        }
    }

    /// @notice The energy of a level (Wh). `lane` counts from 0.
    function energyWh(LevelsWord word, uint256 lane) internal pure returns (uint256) {
        unchecked {
            return (LevelsWord.unwrap(word) >> (lane * LANE_BITS)) & MAX_LEVEL_WH;
        }
    }

    /// @notice The stamp, or what has taken its place.
    function stamp(LevelsWord word) internal pure returns (uint256) {
        return LevelsWord.unwrap(word) >> STAMP_SHIFT;
    }

    /// @notice The word with another number, of 16 bits, in place of the stamp.
    function withStamp(LevelsWord word, uint256 stamp_) internal pure returns (LevelsWord) {
        return LevelsWord.wrap((LevelsWord.unwrap(word) & ((1 << STAMP_SHIFT) - 1)) | (stamp_ << STAMP_SHIFT));
    }

    /// @notice The number of the newest bid at any of its levels; 0 if there has been none.
    function newestBidId(LevelsWord word) internal pure returns (uint256) {
        return (LevelsWord.unwrap(word) >> NEWEST_SHIFT) & MAX_BID_ID;
    }

    /// @notice The word after one more bid, of `energyWh_` at one level. That level must have room for it.
    function withBid(LevelsWord word, uint256 lane, uint256 energyWh_, uint256 bidId)
        internal
        pure
        returns (LevelsWord)
    {
        unchecked {
            uint256 others = LevelsWord.unwrap(word) & ~(MAX_BID_ID << NEWEST_SHIFT);
            return LevelsWord.wrap((others | (bidId << NEWEST_SHIFT)) + (energyWh_ << (lane * LANE_BITS)));
        }
    }

    /// @notice The word with `energyWh_` less at one level, which must have as much.
    function withLess(LevelsWord word, uint256 lane, uint256 energyWh_) internal pure returns (LevelsWord) {
        unchecked {
            return LevelsWord.wrap(LevelsWord.unwrap(word) - (energyWh_ << (lane * LANE_BITS)));
        }
    }
}
