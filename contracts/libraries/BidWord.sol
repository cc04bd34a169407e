// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @dev One bid in one storage slot. From the lowest bit: the number of the next older bid in the same word
/// of levels (24), the price level (16), the energy (32, Wh), the consumer (160).
type BidWord is uint256;

using BidWordLib for BidWord global;

/// @title BidWordLib
/// @notice Packs a bid into a word and reads it back. Pure; the caller answers for the ranges.
library BidWordLib {
    uint256 private constant LEVEL_SHIFT = 24;
    uint256 private constant ENERGY_SHIFT = 40;
    uint256 private constant CONSUMER_SHIFT = 72;

    /// @notice The word of a bid. `older_bid_id` must be below 2**24, the others below their types' limits.
    function pack(address consumer_, uint256 energyWh_, uint256 priceLevel_, uint256 olderBidId_)
        internal
        pure
        returns (BidWord)
    {
        return BidWord.wrap(
            (uint256(uint160(consumer_)) << CONSUMER_SHIFT) | (energyWh_ << ENERGY_SHIFT)
                | (priceLevel_ << LEVEL_SHIFT) | olderBidId_
        );
    }

    function consumer(BidWord word) internal pure returns (address) {
        return address(uint160(BidWord.unwrap(word) >> CONSUMER_SHIFT));
    }

    /// @notice The energy offered (Wh); 0 for a bid that was withdrawn.
    function energyWh(BidWord word) internal pure returns (uint256) {
        return uint32(BidWord.unwrap(word) >> ENERGY_SHIFT);
    }

    function priceLevel(BidWord word) internal pure returns (uint256) {
        return uint16(BidWord.unwrap(word) >> LEVEL_SHIFT);
    }

    /// @notice The number of the bid that came before this one in its word of levels; 0 if it was the first.
    function olderBidId(BidWord word) internal pure returns (uint256) {
        return uint24(BidWord.unwrap(word));
    }

    /// @notice The same bid with no energy: it keeps its place in its list and wins nothing.
    function withdrawn(BidWord word) internal pure returns (BidWord) {
        return BidWord.wrap(BidWord.unwrap(word) & ~(uint256(type(uint32).max) << ENERGY_SHIFT));
    }
}
