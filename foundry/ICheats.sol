// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title ICheats
/// @notice What the tests ask of Foundry's machine, which answers at `CHEATS`.
interface ICheats {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function assume(bool condition) external;
    function deal(address who, uint256 balance_wei) external;
    function prank(address who) external;
    function warp(uint256 timestamp) external;

    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory logs);

    function readFile(string calldata path) external view returns (string memory text);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory value);
    function envOr(string calldata name, string calldata otherwise) external returns (string memory value);
    function toString(uint256 number) external returns (string memory text);
    function writeLine(string calldata path, string calldata line) external;
}

ICheats constant CHEATS = ICheats(address(uint160(uint256(keccak256("hevm cheat code")))));
