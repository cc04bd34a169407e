// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LibBit} from "solady/src/utils/LibBit.sol";

import {HeadsLib} from "../../contracts/libraries/HeadsLib.sol";
import {LevelsWord} from "../../contracts/libraries/LevelsWord.sol";
import {WORDS} from "../../contracts/libraries/PriceGrid.sol";
import {CHEATS} from "../ICheats.sol";
import {Concrete} from "./Concrete.sol";

/// @title HeadsProof
/// @notice For every number of bids there can be and any words of levels, as many as the whole grid has or about as
/// many as fill a slot: the numbers of bids that are kept are those that are read back.
/// @dev The number of bids matters by how many bits it has, which has a check of its own; the others take the highest
/// number of as many bits.
contract HeadsProof {
    using HeadsLib for HeadsLib.Heads;

    uint256 private constant MOST_BITS = 23;

    HeadsLib.Heads private _heads;

    function check_width__any_number_of_bids__is_that_of_the_highest_of_as_many_bits(uint24 bidCount, uint8 anyBits)
        external
    {
        uint256 bits = Concrete.within(anyBits, 1, MOST_BITS);
        CHEATS.assume(bidCount >> (bits - 1) == 1);
        assert(LibBit.fls(bidCount) == LibBit.fls(_highest(bits)));
    }

    function check_keep__words_of_the_whole_grid__are_read_back(uint256[WORDS] calldata any, uint8 anyBits) external {
        _requireReadBack(any, WORDS, Concrete.within(anyBits, 1, MOST_BITS));
    }

    function check_keep__one_word_less_or_more_than_fill_a_slot__are_read_back(
        uint256[WORDS] calldata any,
        uint256 before,
        uint8 anyBits,
        uint8 anyMore
    ) external {
        // With one bit the grid does not fill a slot.
        uint256 bits = Concrete.within(anyBits, 2, MOST_BITS);
        _heads.slots[0].packed = before;
        _heads.slots[1].packed = before;
        _requireReadBack(any, 256 / bits - 1 + Concrete.within(anyMore, 0, 2), bits);
    }

    function _requireReadBack(uint256[WORDS] calldata any, uint256 count, uint256 bits) private {
        LevelsWord[] memory words = new LevelsWord[](count);
        uint256 tooLarge;
        for (uint256 i; i < count; ++i) {
            words[i] = LevelsWord.wrap(any[i]);
            tooLarge |= words[i].newestBidId() >> bits;
        }
        CHEATS.assume(tooLarge == 0);
        _heads.keep(words, _highest(bits));
        // All in one assertion: the solver takes as long for one number as for all.
        uint256 wrong;
        for (uint256 i; i < count; ++i) {
            wrong |= _heads.at(i, _highest(bits)) ^ words[i].newestBidId();
        }
        assert(wrong == 0);
    }

    function _highest(uint256 bits) private pure returns (uint256) {
        return (1 << bits) - 1;
    }
}
