// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LANES, LevelsWord} from "../../contracts/libraries/LevelsWord.sol";

/// @title LevelsWordProof
/// @notice For every word there can be: the sums over its levels are those of adding one level after the other.
contract LevelsWordProof {
    function check_totals__any_word__are_the_sums_of_its_lanes(uint256 any) external pure {
        LevelsWord word = LevelsWord.wrap(any);
        (uint256 sumWh, uint256 energyLanes) = word.totals();
        uint256 expectedWh;
        uint256 expectedLanes;
        for (uint256 lane; lane < LANES; ++lane) {
            expectedWh += word.energyWh(lane);
            expectedLanes += word.energyWh(lane) * lane;
        }
        assert(sumWh == expectedWh);
        assert(energyLanes == expectedLanes);
    }

    function check_or_empty__any_word__is_itself_or_empty(uint256 any, uint16 stamp) external pure {
        LevelsWord word = LevelsWord.wrap(any).orEmpty(stamp);
        assert(word.carries(stamp));
        if (LevelsWord.wrap(any).carries(stamp)) assert(LevelsWord.unwrap(word) == any);
        else assert(LevelsWord.unwrap(word) << 16 == 0);
    }
}
