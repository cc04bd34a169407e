// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Puppet} from "./Puppet.sol";

/// @title ReentrantPayee
/// @notice Answers a payment with a call of its own, and logs how that went.
contract ReentrantPayee is Puppet {
    address private _target;
    bytes private _data;

    event Reentered(bool success, bytes4 error);

    receive() external payable {
        (bool success, bytes memory returned) = _target.call(_data);
        emit Reentered(success, bytes4(returned));
    }

    /// @notice Sets the call to make when Ether arrives.
    function aim(address target, bytes calldata data) external {
        _target = target;
        _data = data;
    }
}
