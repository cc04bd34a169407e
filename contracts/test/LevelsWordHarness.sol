// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LevelsWord} from "../libraries/LevelsWord.sol";

/// @title LevelsWordHarness
/// @notice Makes `LevelsWordLib` callable, with words as plain numbers.
contract LevelsWordHarness {
    function carries(uint256 word, uint256 stamp) external pure returns (bool) {
        return LevelsWord.wrap(word).carries(stamp);
    }

    function or_empty(uint256 word, uint256 stamp) external pure returns (uint256) {
        return LevelsWord.unwrap(LevelsWord.wrap(word).orEmpty(stamp));
    }

    function totals(uint256 word) external pure returns (uint256 sum_wh, uint256 energy_lanes) {
        return LevelsWord.wrap(word).totals();
    }

    function energy_wh(uint256 word, uint256 lane) external pure returns (uint256) {
        return LevelsWord.wrap(word).energyWh(lane);
    }

    function newest_bid_id(uint256 word) external pure returns (uint256) {
        return LevelsWord.wrap(word).newestBidId();
    }

    function with_energy(uint256 word, uint256 lane, uint256 energy) external pure returns (uint256) {
        return LevelsWord.unwrap(LevelsWord.wrap(word).withEnergy(lane, energy));
    }

    function with_newest(uint256 word, uint256 bid_id) external pure returns (uint256) {
        return LevelsWord.unwrap(LevelsWord.wrap(word).withNewest(bid_id));
    }
}
