// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {CHEATS} from "../ICheats.sol";

/// @title Concrete
/// @notice Makes a case of every value of a small number, so that places in storage are plain numbers in each.
library Concrete {
    /// @notice `value`, which is taken to be from `lowest` to `highest`.
    function within(uint256 value, uint256 lowest, uint256 highest) internal returns (uint256) {
        for (uint256 number = lowest; number <= highest; ++number) {
            if (value == number) return number;
        }
        CHEATS.assume(false);
        return lowest;
    }
}
