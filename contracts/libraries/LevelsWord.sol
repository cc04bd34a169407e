// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @dev Four neighbouring price levels in one storage slot. Each takes 60 bits, the cheapest the lowest: the number
/// of its newest bid (22), its total energy (38, Wh). The highest 16 bits are the stamp of the request they belong to.
type LevelsWord is uint256;

/// @dev Price levels in a word.
uint256 constant LANES = 4;
/// @dev The most energy a level can count (Wh).
uint256 constant MAX_LEVEL_WH = (1 << 38) - 1;
/// @dev The highest number a bid can have.
uint256 constant MAX_BID_ID = (1 << 22) - 1;

using LevelsWordLib for LevelsWord global;

/// @title LevelsWordLib
/// @notice Packs four price levels into a word and reads them back. Pure; the caller answers for the ranges: `lane`
/// is below `LANES`, which also is why nothing here can overflow.
/// @dev The stamp is what lets a book be used again without being wiped: a word with another stamp is an empty one.
library LevelsWordLib {
    uint256 private constant LANE_BITS = 60;
    uint256 private constant ENERGY_SHIFT = 22;
    uint256 private constant LANE_MASK = (1 << LANE_BITS) - 1;
    uint256 private constant STAMP_SHIFT = 240;

    /// @notice The word itself if it carries `stamp`, otherwise an empty word that does.
    function orEmpty(LevelsWord word, uint256 stamp) internal pure returns (LevelsWord) {
        return LevelsWord.unwrap(word) >> STAMP_SHIFT == stamp ? word : LevelsWord.wrap(stamp << STAMP_SHIFT);
    }

    /// @notice The energy of all four levels (Wh), and the sum of energy times lane (Wh x lanes).
    function totals(LevelsWord word) internal pure returns (uint256 sumWh, uint256 energyLanes) {
        unchecked {
            // Sums of four 38-bit numbers, the largest multiplied by 3.
            uint256 second = word.energyWh(1);
            uint256 third = word.energyWh(2);
            uint256 fourth = word.energyWh(3);
            sumWh = word.energyWh(0) + second + third + fourth;
            energyLanes = second + 2 * third + 3 * fourth;
        }
    }

    /// @notice The total energy of a level (Wh). `lane` counts from 0.
    function energyWh(LevelsWord word, uint256 lane) internal pure returns (uint256) {
        unchecked {
            return (LevelsWord.unwrap(word) >> (lane * LANE_BITS + ENERGY_SHIFT)) & MAX_LEVEL_WH;
        }
    }

    /// @notice The number of a level's newest bid; 0 if it has had none.
    function newestBidId(LevelsWord word, uint256 lane) internal pure returns (uint256) {
        unchecked {
            return (LevelsWord.unwrap(word) >> (lane * LANE_BITS)) & MAX_BID_ID;
        }
    }

    /// @notice The word with one level replaced.
    function withLevel(LevelsWord word, uint256 lane, uint256 energyWh_, uint256 newestBidId_)
        internal
        pure
        returns (LevelsWord)
    {
        unchecked {
            uint256 shift = lane * LANE_BITS;
            uint256 level = (energyWh_ << ENERGY_SHIFT) | newestBidId_;
            return LevelsWord.wrap((LevelsWord.unwrap(word) & ~(LANE_MASK << shift)) | (level << shift));
        }
    }
}
