// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Puppet
/// @notice A contract as a consumer or as the utility: it makes the calls that it is told to make.
abstract contract Puppet {
    /// @notice Calls `target` with `data` and the Ether sent along, and hands a revert on.
    function forward(address target, bytes calldata data) external payable {
        (bool success, bytes memory returned) = target.call{value: msg.value}(data);
        if (success) return;
        assembly ("memory-safe") {
            revert(add(returned, 32), mload(returned))
        }
    }
}
