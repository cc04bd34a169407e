// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LevelSums} from "../../contracts/libraries/LevelSums.sol";
import {LANES, LevelsWord, MAX_LEVEL_WH} from "../../contracts/libraries/LevelsWord.sol";
import {WORDS} from "../../contracts/libraries/PriceGrid.sol";
import {CHEATS} from "../ICheats.sol";
import {Concrete} from "./Concrete.sol";

/// @title LevelSumsProof
/// @notice No field can come to more than it holds, whatever the grid. Adding any word to any sums, of more bits than
/// a grid can have, changes each field by just what it must: at the first word of a grid, one in the middle, and the last.
/// The energy of all pairs is read out exactly; times the levels, that of any two pairs, with any steps of one of them.
/// @dev The other places, and all pairs times the levels at once, which is more than the solver can do, are tested at
/// random: tests/contract/libraries.
contract LevelSumsProof {
    uint256 private constant FIELDS = 4;
    uint256 private constant FIELD_BITS = 62;
    uint256 private constant PAIR_BITS = 41;
    uint256 private constant STEP_BITS = 51;

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

    function check_add__any_word_to_any_sums__is_exact(
        uint256[4] calldata pairs,
        uint256[4] calldata steps,
        uint256 any,
        uint8 anyPlace
    ) external {
        // The first word of the grid, one in the middle, and the last.
        uint256 index = Concrete.within(anyPlace, 0, 2) * (WORDS - 1) / 2;
        uint256 sumsWh = _narrow(pairs, PAIR_BITS);
        uint256 sumsSteps = _narrow(steps, STEP_BITS);
        (uint256 newWh, uint256 newSteps) = LevelSums.add(sumsWh, sumsSteps, LevelsWord.wrap(any), index);
        // Field by field: all in one assertion take the solver much longer.
        for (uint256 field; field < FIELDS; ++field) {
            (uint256 bothWh, uint256 aboveFirst) = _levels(LevelsWord.wrap(any), field, index);
            unchecked {
                assert(_field(newWh, field) == _field(sumsWh, field) + bothWh);
                assert(_field(newSteps, field) == _field(sumsSteps, field) + aboveFirst);
            }
        }
    }

    function check_energy_levels__any_sums_of_two_pairs__adds_them(
        uint256 lowerWh,
        uint256 higherWh,
        uint256 steps,
        uint8 anyLower,
        uint8 anyHigher
    ) external {
        uint256 lower = Concrete.within(anyLower, 0, FIELDS - 2);
        uint256 higher = Concrete.within(anyHigher, lower + 1, FIELDS - 1);
        // So narrow that no field can come to more, and more than the grid can have.
        lowerWh &= (1 << PAIR_BITS) - 1;
        higherWh &= (1 << PAIR_BITS) - 1;
        steps &= (1 << STEP_BITS) - 1;
        assert(_mostWh(WORDS) < 1 << PAIR_BITS);
        assert(_mostSteps(WORDS) < 1 << STEP_BITS);
        uint256 pairs = (lowerWh << (lower * FIELD_BITS)) | (higherWh << (higher * FIELD_BITS));
        unchecked {
            uint256 sum = lowerWh * (2 * lower + 1) + higherWh * (2 * higher + 1);
            assert(LevelSums.energyLevels(pairs, 0) == sum);
            assert(LevelSums.energyLevels(pairs, steps << (lower * FIELD_BITS)) == sum + steps);
        }
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

    function _narrow(uint256[4] calldata fields, uint256 bits) private pure returns (uint256 packed) {
        for (uint256 field; field < FIELDS; ++field) {
            packed |= (fields[field] & ((1 << bits) - 1)) << (field * FIELD_BITS);
        }
    }

    function _field(uint256 packed, uint256 field) private pure returns (uint256) {
        return (packed >> (field * FIELD_BITS)) & ((1 << FIELD_BITS) - 1);
    }

    function _packed(uint64[4] calldata fields) private pure returns (uint256 packed) {
        for (uint256 field; field < FIELDS; ++field) {
            packed |= uint256(fields[field]) << (field * FIELD_BITS);
        }
    }
}
