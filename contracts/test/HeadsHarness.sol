// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {HeadsLib} from "../libraries/HeadsLib.sol";
import {LevelsWord} from "../libraries/LevelsWord.sol";

/// @title HeadsHarness
/// @notice Makes `HeadsLib` callable, with words as plain numbers.
contract HeadsHarness {
    using HeadsLib for HeadsLib.Heads;

    HeadsLib.Heads private _heads;

    function keep(LevelsWord[] calldata words, uint256 bid_count) external {
        _heads.keep(words, bid_count);
    }

    function all(uint256 length, uint256 bid_count) external view returns (uint256[] memory bid_ids) {
        bid_ids = new uint256[](length);
        for (uint256 i; i < length; ++i) {
            bid_ids[i] = _heads.at(i, bid_count);
        }
    }
}
