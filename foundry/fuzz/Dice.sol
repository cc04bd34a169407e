// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Dice
/// @notice Draws as many numbers as a handler needs from the one that the fuzzer gave it.
abstract contract Dice {
    uint256 private _state;

    modifier rolls(uint256 seed) {
        _state = seed;
        _;
    }

    /// @dev A number from 0 to `sides` - 1.
    function _roll(uint256 sides) internal returns (uint256) {
        _state = uint256(keccak256(abi.encode(_state)));
        return _state % sides;
    }

    /// @dev True once in `times`.
    function _onceIn(uint256 times) internal returns (bool) {
        return _roll(times) == 0;
    }

    /// @dev A number between the two, each of which comes up often.
    function _between(uint256 lowest, uint256 highest) internal returns (uint256) {
        uint256 face = _roll(8);
        if (face == 0) return lowest;
        if (face == 1) return highest;
        return lowest + _roll(highest - lowest + 1);
    }
}
