// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title EtherForcer
/// @notice Forces the Ether it is built with into a contract that need not agree.
contract EtherForcer {
    constructor(address target) payable {
        selfdestruct(payable(target));
    }
}
