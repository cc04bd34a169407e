// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @dev Six neighbouring price levels in one storage slot. From the lowest bit: the energy of each level, the cheapest
/// first (36 each, Wh); the number of the newest bid at any of them (24); the stamp of the request they belong to (16).
type LevelsWord is uint256;

/// @dev Price levels in a word.
uint256 constant LANES = 6;
/// @dev The most energy a level can count (Wh).
uint256 constant MAX_LEVEL_WH = (1 << 36) - 1;
/// @dev The highest number a bid can have.
uint256 constant MAX_BID_ID = (1 << 24) - 1;

using LevelsWordLib for LevelsWord global;

/// @title LevelsWordLib
/// @notice Packs six price levels into a word and reads them back. Pure; the caller answers for the ranges: `lane`
/// is below `LANES`, which also is why nothing here can overflow.
/// @dev The stamp is what lets a book be used again without being wiped: a word with another stamp is an empty one.
library LevelsWordLib {
    uint256 private constant LANE_BITS = 36;
    uint256 private constant NEWEST_SHIFT = 216;
    uint256 private constant STAMP_SHIFT = 240;

    /// @notice Whether the word belongs to the request of this stamp.
    function carries(LevelsWord word, uint256 stamp) internal pure returns (bool) {
        return LevelsWord.unwrap(word) >> STAMP_SHIFT == stamp;
    }

    /// @notice The word itself if it carries `stamp`, otherwise an empty word that does.
    function orEmpty(LevelsWord word, uint256 stamp) internal pure returns (LevelsWord) {
        return word.carries(stamp) ? word : LevelsWord.wrap(stamp << STAMP_SHIFT);
    }

    /// @notice The energy of all its levels (Wh), and the sum of energy times lane (Wh x lanes).
    function totals(LevelsWord word) internal pure returns (uint256 sumWh, uint256 energyLanes) {
        unchecked {
            // Six 36-bit numbers, the largest multiplied by 5. Each lane's energy is counted once for every lane up
            // to its own, which saves the multiplications.
            sumWh = word.energyWh(5);
            energyLanes = sumWh;
            sumWh += word.energyWh(4);
            energyLanes += sumWh;
            sumWh += word.energyWh(3);
            energyLanes += sumWh;
            sumWh += word.energyWh(2);
            energyLanes += sumWh;
            sumWh += word.energyWh(1);
            energyLanes += sumWh;
            sumWh += word.energyWh(0);
        }
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

    /// @notice The word with another energy (Wh) at one level.
    function withEnergy(LevelsWord word, uint256 lane, uint256 energyWh_) internal pure returns (LevelsWord) {
        unchecked {
            uint256 shift = lane * LANE_BITS;
            return LevelsWord.wrap((LevelsWord.unwrap(word) & ~(MAX_LEVEL_WH << shift)) | (energyWh_ << shift));
        }
    }

    /// @notice The word with another newest bid.
    function withNewest(LevelsWord word, uint256 bidId) internal pure returns (LevelsWord) {
        return LevelsWord.wrap((LevelsWord.unwrap(word) & ~(MAX_BID_ID << NEWEST_SHIFT)) | (bidId << NEWEST_SHIFT));
    }
}
