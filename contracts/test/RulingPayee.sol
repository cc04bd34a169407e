// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDemand_Reduction} from "../interfaces/IDemand_Reduction.sol";
import {Puppet} from "./Puppet.sol";

/// @title RulingPayee
/// @notice A utility that wins its own request, and answers the payment by letting none but approved consumers bid.
contract RulingPayee is Puppet {
    receive() external payable {
        IDemand_Reduction(msg.sender).set_access(IDemand_Reduction.Access.APPROVED);
    }
}
