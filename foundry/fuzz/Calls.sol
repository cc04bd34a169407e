// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IDemand_Reduction as IMarket} from "../../contracts/interfaces/IDemand_Reduction.sol";
import {CHEATS} from "../ICheats.sol";

/// @title Calls
/// @notice Calls the market as anybody, holds the outcome against the reasons there are to refuse the call, and counts.
abstract contract Calls {
    /// @dev The errors a call may end with. If there are none, it has to succeed.
    struct Reasons {
        bytes4[12] errors;
        uint256 count;
    }

    /// @dev The most that one transaction may use (EIP-7825).
    uint256 internal constant GAS_CAP = 1 << 24;
    /// @dev Stands for a call that ran out of gas: it has no error of its own.
    bytes4 internal constant OUT_OF_GAS = 0xffffffff;

    IMarket internal immutable MARKET;
    /// @dev The market too, for what it has from `Ownable2Step`.
    Ownable2Step internal immutable MARKET_ROLE;

    bytes4[] private _functions;
    mapping(bytes4 selector => bytes4[]) private _outcomes;
    mapping(bytes4 selector => mapping(bytes4 error => uint256)) private _counts;

    error NotDeployed();
    error Unexpected(bytes4 selector, bytes4 error, bytes4 expected);

    constructor(IMarket.Access access, address utility) {
        MARKET = IMarket(_deploy(access, utility));
        MARKET_ROLE = Ownable2Step(address(MARKET));
    }

    /// @notice Appends a line for every function and outcome to the file in FUZZ_TALLY: `function error calls`.
    function writeTally() external {
        string memory file = CHEATS.envOr("FUZZ_TALLY", ".forge/tally.txt");
        for (uint256 i; i < _functions.length; ++i) {
            bytes4 selector = _functions[i];
            bytes4[] storage outcomes = _outcomes[selector];
            for (uint256 j; j < outcomes.length; ++j) {
                string memory calls = CHEATS.toString(_counts[selector][outcomes[j]]);
                CHEATS.writeLine(file, string.concat(_hex(selector), " ", _hex(outcomes[j]), " ", calls));
            }
        }
    }

    function _add(Reasons memory why, bool applies, bytes4 error) internal pure {
        if (applies) why.errors[why.count++] = error;
    }

    /// @dev Calls with all the gas a transaction can have; true if it succeeded, which it must without a reason not to.
    function _call(address who, uint256 valueWei, bytes memory data, Reasons memory why)
        internal
        returns (bool success, bytes memory returned)
    {
        (success, returned) = _callWithGas(who, valueWei, data, why, GAS_CAP);
    }

    function _callWithGas(address who, uint256 valueWei, bytes memory data, Reasons memory why, uint256 gas)
        internal
        returns (bool success, bytes memory returned)
    {
        CHEATS.prank(who);
        (success, returned) = address(MARKET).call{value: valueWei, gas: gas}(data);
        bytes4 error = success ? bytes4(0) : returned.length < 4 ? OUT_OF_GAS : bytes4(returned);
        _count(data.length == 0 ? bytes4(0) : bytes4(data), error);
        if (!_isExpected(error, why)) revert Unexpected(bytes4(data), error, why.errors[0]);
    }

    /// @dev Deploys the contract as it is shipped, to the byte.
    function _deploy(IMarket.Access access, address utility) private returns (address market) {
        bytes memory code = CHEATS.parseJsonBytes(CHEATS.readFile("market/Demand_Reduction.json"), ".bytecode");
        bytes memory initCode = bytes.concat(code, abi.encode(access));
        CHEATS.prank(utility);
        assembly ("memory-safe") {
            market := create(0, add(initCode, 32), mload(initCode))
        }
        if (market == address(0)) revert NotDeployed();
    }

    function _isExpected(bytes4 error, Reasons memory why) private pure returns (bool) {
        if (why.count == 0) return error == bytes4(0);
        for (uint256 i; i < why.count; ++i) {
            if (why.errors[i] == error) return true;
        }
        return false;
    }

    function _count(bytes4 selector, bytes4 error) private {
        if (_outcomes[selector].length == 0) _functions.push(selector);
        if (_counts[selector][error]++ == 0) _outcomes[selector].push(error);
    }

    function _hex(bytes4 word) private pure returns (string memory) {
        bytes memory text = new bytes(8);
        for (uint256 i; i < 8; ++i) {
            text[i] = bytes16("0123456789abcdef")[(uint32(word) >> (28 - 4 * i)) & 15];
        }
        return string(text);
    }
}
