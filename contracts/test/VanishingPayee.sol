// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Puppet} from "./Puppet.sol";

/// @title VanishingPayee
/// @notice Takes a payment and at once forces it back into who sent it.
contract VanishingPayee is Puppet {
    receive() external payable {
        selfdestruct(payable(msg.sender));
    }
}
