// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Puppet} from "./Puppet.sol";

/// @title BurningPayee
/// @notice Uses up all the gas it is given.
contract BurningPayee is Puppet {
    receive() external payable {
        assembly {
            invalid()
        }
    }
}
