// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice What Slither must find; nobody deploys this.
contract Careless {
    address private immutable OWNER = msg.sender;

    receive() external payable {}

    function take(address payable anybody) external {
        require(tx.origin == OWNER, "not you");
        anybody.transfer(address(this).balance);
    }
}
