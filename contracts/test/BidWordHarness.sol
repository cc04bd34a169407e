// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BidWord, BidWordLib} from "../libraries/BidWord.sol";

/// @title BidWordHarness
/// @notice Makes `BidWordLib` callable, with words as plain numbers.
contract BidWordHarness {
    function pack(address consumer, uint256 energy_wh, uint256 price_level, uint256 older_bid_id)
        external
        pure
        returns (uint256)
    {
        return BidWord.unwrap(BidWordLib.pack(consumer, energy_wh, price_level, older_bid_id));
    }

    function unpack(uint256 word)
        external
        pure
        returns (address consumer, uint256 energy_wh, uint256 price_level, uint256 older_bid_id)
    {
        BidWord bid = BidWord.wrap(word);
        return (bid.consumer(), bid.energyWh(), bid.priceLevel(), bid.olderBidId());
    }

    function withdrawn(uint256 word) external pure returns (uint256) {
        return BidWord.unwrap(BidWord.wrap(word).withdrawn());
    }
}
