// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Handlers} from "./Handlers.sol";

/// @title MarketFuzz
/// @notice Foundry calls the handlers at random, and this after every few of them and at the end.
contract MarketFuzz {
    Handlers private _handlers;

    function setUp() external {
        _handlers = new Handlers();
    }

    /// @notice Tells Foundry what to call.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handlers);
    }

    /// @notice Tells Foundry which functions are not for it.
    function excludeSelectors() external view returns (FuzzSelector[] memory excluded) {
        bytes4[] memory selectors = new bytes4[](2);
        selectors[0] = _handlers.writeTally.selector;
        selectors[1] = _handlers.promise_anybody_can_finish_every_request.selector;
        excluded = new FuzzSelector[](1);
        excluded[0] = FuzzSelector(address(_handlers), selectors);
    }

    function invariant_market__anything_anybody_does__keeps_every_promise() external view {
        _handlers.promise_ether_is_conserved_in_every_request();
        _handlers.promise_ether_is_conserved_in_the_contract();
        _handlers.promise_everybody_has_what_is_theirs();
        _handlers.promise_roles_are_as_given();
    }

    function afterInvariant() external {
        _handlers.promise_anybody_can_finish_every_request();
        _handlers.promise_ether_is_conserved_in_every_request();
        _handlers.promise_everybody_has_what_is_theirs();
        _handlers.writeTally();
    }
}

/// @dev As Foundry expects it.
struct FuzzSelector {
    address addr;
    bytes4[] selectors;
}
