// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDemand_Reduction} from "../interfaces/IDemand_Reduction.sol";
import {RequestWord, RequestWordLib} from "../libraries/RequestWord.sol";

/// @title RequestWordHarness
/// @notice Makes `RequestWordLib` callable, with words as plain numbers.
contract RequestWordHarness {
    function pack(
        uint256 reduction_wh,
        uint32 minimum_bid_wh,
        uint40 gate_closure,
        uint64 price_step_wei,
        IDemand_Reduction.Access access,
        IDemand_Reduction.Pricing pricing
    ) external pure returns (uint256) {
        return RequestWord.unwrap(
            RequestWordLib.pack(reduction_wh, minimum_bid_wh, gate_closure, price_step_wei, access, pricing)
        );
    }

    function terms(uint256 word)
        external
        pure
        returns (
            uint256 reduction_wh,
            uint256 minimum_bid_wh,
            uint256 least_bid_wh,
            uint256 gate_closure,
            uint256 price_step_wei
        )
    {
        RequestWord request = RequestWord.wrap(word);
        return (
            request.reductionWh(),
            request.minimumBidWh(),
            request.leastBidWh(),
            request.gateClosure(),
            request.priceStepWei()
        );
    }

    function state(uint256 word)
        external
        pure
        returns (
            IDemand_Reduction.Access access,
            IDemand_Reduction.Pricing pricing,
            IDemand_Reduction.Status status,
            uint256 bid_count,
            uint256 regions
        )
    {
        RequestWord request = RequestWord.wrap(word);
        return (request.access(), request.pricing(), request.status(), request.bidCount(), request.regions());
    }

    function is_restricted(uint256 word, uint256 time) external pure returns (bool) {
        return RequestWord.wrap(word).isRestricted(time);
    }

    function is_overfull(uint256 word) external pure returns (bool) {
        return RequestWord.wrap(word).isOverfull();
    }

    function with_bid(uint256 word, uint256 level) external pure returns (uint256) {
        return RequestWord.unwrap(RequestWord.wrap(word).withBid(level));
    }

    function with_access(uint256 word, IDemand_Reduction.Access access) external pure returns (uint256) {
        return RequestWord.unwrap(RequestWord.wrap(word).withAccess(access));
    }

    function with_status(uint256 word, IDemand_Reduction.Status status) external pure returns (uint256) {
        return RequestWord.unwrap(RequestWord.wrap(word).withStatus(status));
    }
}
