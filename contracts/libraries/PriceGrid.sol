// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LANES} from "./LevelsWord.sol";

/// @dev The levels of a price grid.
uint256 constant PRICE_LEVELS = 1000;
/// @dev Words of levels that a grid takes: `PRICE_LEVELS / LANES`, rounded up, and written out for what `LevelsWord`
/// says.
uint256 constant WORDS = 143;
/// @dev Words of levels in a region.
uint256 constant REGION_WORDS = 3;
/// @dev Regions of the grid. A request keeps a bit for each, beside what it writes at every bid anyway, so that
/// clearing can leave out most of an empty grid.
uint256 constant REGIONS = (WORDS + REGION_WORDS - 1) / REGION_WORDS;

/// @dev The region that `level` is in, counted from 0.
function regionOf(uint256 level) pure returns (uint256) {
    unchecked {
        return (level - 1) / (LANES * REGION_WORDS);
    }
}
