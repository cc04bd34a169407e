// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Wallet
/// @notice Takes whatever it is paid.
contract Wallet {
    receive() external payable {}
}
