// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Puppet} from "./Puppet.sol";

/// @title BusyPayee
/// @notice Takes payments, and uses about as much gas for it as it was built with.
contract BusyPayee is Puppet {
    uint256 private immutable GAS;

    constructor(uint256 gas) {
        GAS = gas;
    }

    receive() external payable {
        uint256 started = gasleft();
        while (started - gasleft() < GAS) {}
    }
}
