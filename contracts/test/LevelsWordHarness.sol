// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LevelsWord} from "../libraries/LevelsWord.sol";

/// @title LevelsWordHarness
/// @notice Makes `LevelsWordLib` callable, with words as plain numbers.
contract LevelsWordHarness {
    function carries(uint256 word, uint256 stamp_) external pure returns (bool) {
        return LevelsWord.wrap(word).carries(stamp_);
    }

    function or_empty(uint256 word, uint256 stamp_) external pure returns (uint256) {
        return LevelsWord.unwrap(LevelsWord.wrap(word).orEmpty(stamp_));
    }

    function stamp(uint256 word) external pure returns (uint256) {
        return LevelsWord.wrap(word).stamp();
    }

    function with_stamp(uint256 word, uint256 stamp_) external pure returns (uint256) {
        return LevelsWord.unwrap(LevelsWord.wrap(word).withStamp(stamp_));
    }

    function total_wh(uint256 word) external pure returns (uint256) {
        return LevelsWord.wrap(word).totalWh();
    }

    function energy_levels(uint256 word, uint256 first_level) external pure returns (uint256) {
        return LevelsWord.wrap(word).energyLevels(first_level);
    }

    function energy_wh(uint256 word, uint256 lane) external pure returns (uint256) {
        return LevelsWord.wrap(word).energyWh(lane);
    }

    function newest_bid_id(uint256 word) external pure returns (uint256) {
        return LevelsWord.wrap(word).newestBidId();
    }

    function with_bid(uint256 word, uint256 lane, uint256 energy, uint256 bid_id) external pure returns (uint256) {
        return LevelsWord.unwrap(LevelsWord.wrap(word).withBid(lane, energy, bid_id));
    }

    function with_less(uint256 word, uint256 lane, uint256 energy) external pure returns (uint256) {
        return LevelsWord.unwrap(LevelsWord.wrap(word).withLess(lane, energy));
    }
}
