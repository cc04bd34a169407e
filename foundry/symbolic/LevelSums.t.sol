// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LevelSums} from "../../contracts/libraries/LevelSums.sol";
import {LANES, LevelsWord, MAX_LEVEL_WH} from "../../contracts/libraries/LevelsWord.sol";
import {WORDS} from "../../contracts/libraries/PriceGrid.sol";
import {CHEATS} from "../ICheats.sol";

/// @title LevelSumsProof
/// @notice No field can come to more than it holds, whatever the grid, and the energy of all pairs is read out exactly.
/// @dev That adding a word, and times the levels, is exact is tested at random: tests/contract/libraries.
contract LevelSumsProof {
    uint256 private constant FIELDS = 4;
    uint256 private constant FIELD_BITS = 62;

    function check_add__most_that_every_word_can_add__stays_within_the_bounds() external pure {
        for (uint256 index; index < WORDS; ++index) {
            (uint256 bothWh, uint256 aboveFirst) = _levels(LevelsWord.wrap(type(uint256).max), 0, index);
            assert(_mostWh(index) + bothWh <= _mostWh(index + 1));
            assert(_mostSteps(index) + aboveFirst <= _mostSteps(index + 1));
        }
        assert(_mostSteps(WORDS) < 1 << FIELD_BITS);
    }

    function check_energy_wh__any_sums_of_a_grid__adds_all_pairs(uint64[4] calldata pairs, uint64[4] calldata steps)
        external
    {
        _assumeBounds(pairs, steps, WORDS);
        uint256 energyWh;
        for (uint256 field; field < FIELDS; ++field) {
            unchecked {
                energyWh += pairs[field];
            }
        }
        assert(LevelSums.energyWh(_packed(pairs)) == energyWh);
    }

    /// @dev The energy of a pair of lanes (Wh), and that times the levels by which each is above the even lane of the
    /// first word. The last pair has but one lane.
    function _levels(LevelsWord word, uint256 field, uint256 index)
        private
        pure
        returns (uint256 bothWh, uint256 aboveFirst)
    {
        for (uint256 lane = 2 * field; lane < LANES && lane < 2 * field + 2; ++lane) {
            uint256 energyWh = word.energyWh(lane);
            // Far from an overflow, which halmos would look for in every addition.
            unchecked {
                bothWh += energyWh;
                aboveFirst += energyWh * (index * LANES + lane - 2 * field);
            }
        }
    }

    function _assumeBounds(uint64[4] calldata pairs, uint64[4] calldata steps, uint256 words) private {
        for (uint256 field; field < FIELDS; ++field) {
            CHEATS.assume(pairs[field] <= _mostWh(words));
            CHEATS.assume(steps[field] <= _mostSteps(words));
        }
    }

    /// @dev What a field of the energy can have come to after the first `words` words of the grid (Wh).
    function _mostWh(uint256 words) private pure returns (uint256) {
        return 2 * MAX_LEVEL_WH * words;
    }

    /// @dev The same of the steps: 1 for the odd lane of each word, and `LANES` times its index for both.
    function _mostSteps(uint256 words) private pure returns (uint256) {
        return words == 0 ? 0 : MAX_LEVEL_WH * words + MAX_LEVEL_WH * LANES * words * (words - 1);
    }

    function _packed(uint64[4] calldata fields) private pure returns (uint256 packed) {
        for (uint256 field; field < FIELDS; ++field) {
            packed |= uint256(fields[field]) << (field * FIELD_BITS);
        }
    }
}
