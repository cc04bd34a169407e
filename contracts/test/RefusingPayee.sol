// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Puppet} from "./Puppet.sol";

/// @title RefusingPayee
/// @notice Refuses every payment until it is told to take them.
contract RefusingPayee is Puppet {
    bool public willing;

    error Refused(uint256 amount_wei);

    receive() external payable {
        if (!willing) revert Refused(msg.value);
    }

    function set_willing(bool willing_) external {
        willing = willing_;
    }
}
