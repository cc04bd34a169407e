// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Puppet} from "./Puppet.sol";

/// @title BombingPayee
/// @notice Answers a payment, or refuses it, with as many bytes as it was built with: whoever copies them pays for it.
contract BombingPayee is Puppet {
    uint256 private immutable SIZE;
    bool private immutable REFUSES;

    constructor(uint256 size, bool refuses) {
        SIZE = size;
        REFUSES = refuses;
    }

    receive() external payable {
        uint256 size = SIZE;
        bool refuses = REFUSES;
        assembly {
            if refuses { revert(0, size) }
            return(0, size)
        }
    }
}
