// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @dev `a || b` without a branch: cheaper where neither costs much to find out.
function either(bool a, bool b) pure returns (bool c) {
    // solhint-disable-next-line no-inline-assembly
    assembly ("memory-safe") {
        c := or(a, b)
    }
}
