// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BombingPayee} from "../../contracts/test/BombingPayee.sol";
import {BurningPayee} from "../../contracts/test/BurningPayee.sol";
import {BusyPayee} from "../../contracts/test/BusyPayee.sol";
import {ReentrantPayee} from "../../contracts/test/ReentrantPayee.sol";
import {RefusingPayee} from "../../contracts/test/RefusingPayee.sol";
import {VanishingPayee} from "../../contracts/test/VanishingPayee.sol";
import {CHEATS} from "../ICheats.sol";

/// @title Cast
/// @notice The people of the fuzzer: plain wallets, and contracts of every hostile kind.
abstract contract Cast {
    /// @dev More than all the escrows of a run, and still far below an overflow.
    uint256 private constant WEALTH_WEI = 1 << 120;

    RefusingPayee internal immutable REFUSING = new RefusingPayee();
    BurningPayee internal immutable BURNING = new BurningPayee();
    BombingPayee internal immutable BOMBING = new BombingPayee(20_000, false);
    BombingPayee internal immutable REFUSING_BOMB = new BombingPayee(1_000_000, true);
    BusyPayee internal immutable BUSY = new BusyPayee(20_000);
    ReentrantPayee internal immutable REENTRANT = new ReentrantPayee();
    VanishingPayee internal immutable VANISHING = new VanishingPayee();

    /// @dev Who may become the utility comes first: all but the one whose Ether would be lost.
    address[] internal _people;
    /// @dev What each must have in its wallet (wei).
    mapping(address person => uint256 balanceWei) internal _walletWei;

    constructor() {
        for (uint160 i = 1; i <= 6; ++i) {
            _enter(address(0xA11CE00000000000 + i), WEALTH_WEI);
        }
        _enter(address(REFUSING), WEALTH_WEI);
        _enter(address(BURNING), WEALTH_WEI);
        _enter(address(BOMBING), WEALTH_WEI);
        _enter(address(REFUSING_BOMB), WEALTH_WEI);
        _enter(address(BUSY), WEALTH_WEI);
        _enter(address(REENTRANT), WEALTH_WEI);
        _enter(address(VANISHING), 0);
    }

    /// @dev Whether a payment to this person, with 30,000 gas, is taken.
    function _takes(address person) internal view returns (bool) {
        if (person == address(REFUSING)) return REFUSING.willing();
        return person != address(BURNING) && person != address(REFUSING_BOMB);
    }

    function _enter(address person, uint256 balanceWei) private {
        _people.push(person);
        _walletWei[person] = balanceWei;
        CHEATS.deal(person, balanceWei);
    }
}
