// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LevelSums} from "../libraries/LevelSums.sol";
import {LevelsWord} from "../libraries/LevelsWord.sol";

/// @title LevelsWordHarness
/// @notice Makes `LevelsWordLib` and `LevelSums` callable, with words as plain numbers.
contract LevelsWordHarness {
    function carries(uint256 word, uint256 stamp_) external pure returns (bool) {
        return LevelsWord.wrap(word).carries(stamp_);
    }

    function bare(uint256 word, uint256 stamp_) external pure returns (uint256) {
        return LevelsWord.unwrap(LevelsWord.wrap(word).bare(stamp_));
    }

    /// @dev Words of the grid from its word `index` on.
    function sums(uint256[] calldata words, uint256 index)
        external
        pure
        returns (uint256 energy_wh_, uint256 energy_levels)
    {
        uint256 pairs;
        uint256 steps;
        for (uint256 i; i < words.length; ++i) {
            (pairs, steps) = LevelSums.add(pairs, steps, LevelsWord.wrap(words[i]), index + i);
        }
        return (LevelSums.energyWh(pairs), LevelSums.energyLevels(pairs, steps));
    }

    function energy_wh(uint256 word, uint256 lane) external pure returns (uint256) {
        return LevelsWord.wrap(word).energyWh(lane);
    }

    function newest_bid_id(uint256 word) external pure returns (uint256) {
        return LevelsWord.wrap(word).newestBidId();
    }

    function newest_bid_id_of_bare(uint256 bare_) external pure returns (uint256) {
        return LevelsWord.wrap(bare_).newestBidIdOfBare();
    }

    function with_bid(uint256 bare_, uint256 stamp_, uint256 lane, uint256 energy, uint256 bid_id)
        external
        pure
        returns (uint256)
    {
        return LevelsWord.unwrap(LevelsWord.wrap(bare_).withBid(stamp_, lane, energy, bid_id));
    }

    function with_less(uint256 word, uint256 lane, uint256 energy) external pure returns (uint256) {
        return LevelsWord.unwrap(LevelsWord.wrap(word).withLess(lane, energy));
    }
}
