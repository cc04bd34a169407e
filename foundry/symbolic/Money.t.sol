// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {PRICE_LEVELS} from "../../contracts/libraries/PriceGrid.sol";
import {MAX_WORD_REDUCTION_WH, RequestWord} from "../../contracts/libraries/RequestWord.sol";
import {CHEATS} from "../ICheats.sol";

/// @title MoneyProof
/// @notice For every word of a request, any energy up to its reduction at any level, and any energy times levels up to
/// all of it at the highest: neither overflows what keeps them, and the escrow is the cost and a refund.
/// @dev As the contract reckons, whose own functions are private. An escrow of 2**96 wei is left out: it is hundreds of
/// times all the Ether there is, and nobody can send it.
contract MoneyProof {
    function check_cost__any_word_of_a_request__is_within_the_escrow(uint256 any, uint48 energyLevels) external {
        RequestWord word = RequestWord.wrap(any);
        // Nothing here can overflow, which is why it need not be looked for.
        unchecked {
            uint256 step = word.priceStepWei();
            uint256 most = word.reductionWh() * PRICE_LEVELS;
            CHEATS.assume(energyLevels <= most);
            uint256 rest = most - energyLevels;
            uint256 escrowWei = word.reductionWh() * step * PRICE_LEVELS;
            uint256 costWei = energyLevels * step;
            // One after the other: what is proved helps the solver with the next.
            assert(uint48(rest) == rest);
            assert(uint48(rest) * step < 1 << 112);
            assert(rest * step < 1 << 112);
            assert(costWei < 1 << 112);
            assert(escrowWei == costWei + rest * step);
            assert(costWei <= escrowWei);
            CHEATS.assume(escrowWei < 1 << 96);
            assert(uint96(costWei) == costWei);
            assert(uint96(escrowWei - costWei) == escrowWei - costWei);
        }
    }

    function check_energy_levels__any_part_of_a_reduction__fit_and_are_within_the_escrow(
        uint40 energyWh,
        uint40 leftWh,
        uint16 level
    ) external {
        CHEATS.assume(level <= PRICE_LEVELS);
        unchecked {
            uint256 reductionWh = uint256(energyWh) + leftWh;
            CHEATS.assume(reductionWh <= MAX_WORD_REDUCTION_WH);
            uint256 most = reductionWh * PRICE_LEVELS;
            uint256 energyLevels = uint256(energyWh) * level;
            uint256 above = PRICE_LEVELS - level;
            assert(uint16(above) == above);
            assert(uint256(energyWh) * uint16(above) < 1 << 56);
            assert(energyWh * above < 1 << 56);
            assert(energyLevels < 1 << 56);
            assert(uint256(leftWh) * PRICE_LEVELS < 1 << 56);
            assert(most == energyLevels + energyWh * above + uint256(leftWh) * PRICE_LEVELS);
            assert(energyLevels <= most);
            assert(uint48(most) == most);
            assert(uint48(energyLevels) == energyLevels);
        }
    }
}
