// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LANES, LevelsWord} from "../../contracts/libraries/LevelsWord.sol";

/// @title LevelsWordProof
/// @notice For every word there can be: its even and odd lanes, in fields of 62 bits, are those that are read one by one.
contract LevelsWordProof {
    uint256 private constant FIELD_BITS = 62;

    function check_even_and_odd_lanes__any_word__are_its_lanes(uint256 any) external pure {
        LevelsWord word = LevelsWord.wrap(any);
        uint256 even;
        uint256 odd;
        for (uint256 lane; lane < LANES; ++lane) {
            uint256 field = word.energyWh(lane) << (lane / 2 * FIELD_BITS);
            if (lane % 2 == 0) even |= field;
            else odd |= field;
        }
        assert(word.evenLanes() == even);
        assert(word.oddLanes() == odd);
    }

    function check_bare__any_word__is_what_it_holds_or_nothing(uint256 any, uint16 stamp) external pure {
        uint256 bare = LevelsWord.unwrap(LevelsWord.wrap(any).bare(stamp));
        if (LevelsWord.wrap(any).carries(stamp)) assert(bare == any & (type(uint256).max >> 16));
        else assert(bare == 0);
    }
}
