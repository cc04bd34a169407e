// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LANES, LevelsWord} from "./LevelsWord.sol";

/// @title LevelSums
/// @notice What the energy of many words of levels adds up to. Every even lane and the odd one after it make a pair:
/// `pairs` is the energy of each over all words (Wh), in four fields of 62 bits; `steps` in the same way their energy
/// times the levels by which they are above those of the first word's even lanes (Wh x levels). Both begin at 0. Pure.
/// @dev A product with a word of four factors has in its highest field the sum of all fields, the lowest times the
/// highest factor and so on. No field runs into the next: a level has less than 2**31 Wh, so that all 1,000 together,
/// times at most 1,000, stay below 2**51.
library LevelSums {
    uint256 private constant TOP_SHIFT = 186;
    uint256 private constant FIELD_MASK = 0x3fffffffffffffff;
    /// @dev 1 in each field.
    uint256 private constant ONES =
        0x0000000000000000040000000000000010000000000000004000000000000001;
    /// @dev 7, 5, 3 and 1: the levels of the even lanes of the first word, the lowest field having the highest.
    uint256 private constant FIRST_LEVELS =
        0x0000000000000000040000000000000030000000000000014000000000000007;

    /// @notice The sums after the word `index` of the grid has been added.
    function add(uint256 pairs, uint256 steps, LevelsWord word, uint256 index)
        internal
        pure
        returns (uint256, uint256)
    {
        unchecked {
            uint256 odd = word.oddLanes();
            uint256 both = word.evenLanes() + odd;
            return (pairs + both, steps + odd + both * (index * LANES));
        }
    }

    /// @notice The energy of all words (Wh).
    function energyWh(uint256 pairs) internal pure returns (uint256) {
        unchecked {
            return ((pairs * ONES) >> TOP_SHIFT) & FIELD_MASK;
        }
    }

    /// @notice The sum of energy times level (Wh x levels).
    function energyLevels(uint256 pairs, uint256 steps) internal pure returns (uint256) {
        unchecked {
            return ((pairs * FIRST_LEVELS + steps * ONES) >> TOP_SHIFT) & FIELD_MASK;
        }
    }
}
