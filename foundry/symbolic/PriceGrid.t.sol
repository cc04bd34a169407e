// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LANES} from "../../contracts/libraries/LevelsWord.sol";
import {PRICE_LEVELS, REGIONS, REGION_WORDS, WORDS, regionOf} from "../../contracts/libraries/PriceGrid.sol";

/// @title PriceGridProof
/// @notice The numbers that are written out are those that the others give.
contract PriceGridProof {
    function check_words__all_levels__have_one_and_none_is_left_over() external pure {
        assert(WORDS == (PRICE_LEVELS + LANES - 1) / LANES);
    }

    function check_region_of__every_level__is_that_of_its_word() external pure {
        for (uint256 level = 1; level <= PRICE_LEVELS; ++level) {
            assert(regionOf(level) == (level - 1) / LANES / REGION_WORDS);
            assert(regionOf(level) < REGIONS);
        }
    }
}
