// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Demand_Reduction as Market} from "../../contracts/Demand_Reduction.sol";
import {IDemand_Reduction as IMarket} from "../../contracts/interfaces/IDemand_Reduction.sol";
import {LANES} from "../../contracts/libraries/LevelsWord.sol";
import {CHEATS} from "../ICheats.sol";
import {Concrete} from "./Concrete.sol";
import {Wallet} from "./Wallet.sol";

/// @title RoundProof
/// @notice Whole rounds of the contract, for every reduction and every energy bid: what is bought, what it costs, who
/// gets what, and that the escrow is all accounted for.
/// @dev Bounds: two or three bids; levels on both sides of the border of two words; one price step.
contract RoundProof {
    uint256 private constant STEP_WEI = 3;
    uint256 private constant LEVELS = 1000;
    uint256 private constant REQUEST = 1;
    /// @dev The last two levels of one word and the first of the next.
    uint256 private constant LOWEST = LANES - 1;
    uint256 private constant HIGHEST = LANES + 1;

    Market private _market;
    Wallet private _first;
    Wallet private _second;
    Wallet private _third;

    /// @dev What one bid must get.
    struct Share {
        uint256 acceptedWh;
        uint256 level;
    }

    function setUp() external {
        _market = new Market(IMarket.Access.OPEN);
        (_first, _second, _third) = (new Wallet(), new Wallet(), new Wallet());
    }

    receive() external payable {}

    function check_one_bid__any_energy__is_bought_and_paid_exactly(uint40 reductionWh, uint32 energyWh) external {
        _open(reductionWh, IMarket.Pricing.UNIFORM);
        _bid(_first, energyWh, LOWEST);
        _clear();
        uint256 boughtWh = _least(energyWh, reductionWh);
        _requireOutcome(LOWEST, boughtWh, boughtWh * LOWEST);
        _pay();
        assert(address(_first).balance == boughtWh * LOWEST * STEP_WEI);
        _requireSettled(reductionWh, address(_first).balance);
    }

    function check_two_bids__uniform__cheaper_first_and_paid_the_clearing_price(
        uint40 reductionWh,
        uint32 firstWh,
        uint32 secondWh,
        uint8 firstLevel,
        uint8 secondLevel
    ) external {
        _twoBids(IMarket.Pricing.UNIFORM, reductionWh, [firstWh, secondWh], [firstLevel, secondLevel]);
    }

    function check_two_bids__pay_as_bid__cheaper_first_and_paid_their_own(
        uint40 reductionWh,
        uint32 firstWh,
        uint32 secondWh,
        uint8 firstLevel,
        uint8 secondLevel
    ) external {
        _twoBids(IMarket.Pricing.PAY_AS_BID, reductionWh, [firstWh, secondWh], [firstLevel, secondLevel]);
    }

    function check_three_bids__at_one_level__are_accepted_as_they_came(
        uint40 reductionWh,
        uint32 firstWh,
        uint32 secondWh,
        uint32 thirdWh
    ) external {
        _open(reductionWh, IMarket.Pricing.UNIFORM);
        _bid(_first, firstWh, LOWEST);
        _bid(_second, secondWh, LOWEST);
        _bid(_third, thirdWh, LOWEST);
        _clear();
        uint256 first = _least(firstWh, reductionWh);
        uint256 second = _least(secondWh, reductionWh - first);
        uint256 third = _least(thirdWh, reductionWh - first - second);
        _requireOutcome(LOWEST, first + second + third, (first + second + third) * LOWEST);
        _pay();
        assert(address(_first).balance == first * LOWEST * STEP_WEI);
        assert(address(_second).balance == second * LOWEST * STEP_WEI);
        assert(address(_third).balance == third * LOWEST * STEP_WEI);
        _requireSettled(reductionWh, (first + second + third) * LOWEST * STEP_WEI);
    }

    function check_two_bids__first_withdrawn__only_the_second_counts(
        uint40 reductionWh,
        uint32 firstWh,
        uint32 secondWh
    ) external {
        _open(reductionWh, IMarket.Pricing.UNIFORM);
        _bid(_first, firstWh, LOWEST);
        _bid(_second, secondWh, LOWEST);
        uint256[] memory bidIds = new uint256[](1);
        bidIds[0] = 1;
        _do(address(_first), 0, abi.encodeCall(IMarket.withdraw_bids, (REQUEST, bidIds)));
        _clear();
        uint256 boughtWh = _least(secondWh, reductionWh);
        _requireOutcome(LOWEST, boughtWh, boughtWh * LOWEST);
        _pay();
        assert(address(_first).balance == 0);
        assert(address(_second).balance == boughtWh * LOWEST * STEP_WEI);
        _requireSettled(reductionWh, address(_second).balance);
    }

    function _twoBids(
        IMarket.Pricing pricing,
        uint256 reductionWh,
        uint32[2] memory energyWh,
        uint8[2] memory level
    ) private {
        uint256 firstLevel = Concrete.within(level[0], LOWEST, HIGHEST);
        uint256 secondLevel = Concrete.within(level[1], LOWEST, HIGHEST);
        _open(reductionWh, pricing);
        _bid(_first, energyWh[0], firstLevel);
        _bid(_second, energyWh[1], secondLevel);
        _clear();
        (Share memory first, Share memory second) = firstLevel <= secondLevel
            ? _shares(reductionWh, energyWh[0], firstLevel, energyWh[1], secondLevel)
            : _swapped(reductionWh, energyWh[0], firstLevel, energyWh[1], secondLevel);
        bool secondIsLast = second.acceptedWh != 0 && (second.level >= first.level || first.acceptedWh == 0);
        uint256 clearingLevel = secondIsLast ? second.level : first.level;
        if (pricing == IMarket.Pricing.UNIFORM) (first.level, second.level) = (clearingLevel, clearingLevel);
        uint256 firstSteps = first.acceptedWh * first.level;
        uint256 secondSteps = second.acceptedWh * second.level;
        _requireOutcome(clearingLevel, first.acceptedWh + second.acceptedWh, firstSteps + secondSteps);
        _pay();
        assert(address(_first).balance == firstSteps * STEP_WEI);
        assert(address(_second).balance == secondSteps * STEP_WEI);
        assert(firstSteps >= first.acceptedWh * firstLevel);
        assert(secondSteps >= second.acceptedWh * secondLevel);
        _requireSettled(reductionWh, (firstSteps + secondSteps) * STEP_WEI);
    }

    /// @dev The better bid takes what it can, the other what is left.
    function _shares(uint256 reductionWh, uint256 betterWh, uint256 betterLevel, uint256 otherWh, uint256 otherLevel)
        private
        pure
        returns (Share memory better, Share memory other)
    {
        better = Share(_least(betterWh, reductionWh), betterLevel);
        other = Share(_least(otherWh, reductionWh - better.acceptedWh), otherLevel);
    }

    function _swapped(uint256 reductionWh, uint256 firstWh, uint256 firstLevel, uint256 secondWh, uint256 secondLevel)
        private
        pure
        returns (Share memory first, Share memory second)
    {
        (second, first) = _shares(reductionWh, secondWh, secondLevel, firstWh, firstLevel);
    }

    /* THE ROUND */

    function _open(uint256 reductionWh, IMarket.Pricing pricing) private {
        CHEATS.assume(reductionWh != 0 && reductionWh <= _market.MAX_REDUCTION_WH());
        uint256 escrowWei = reductionWh * STEP_WEI * LEVELS;
        CHEATS.deal(address(this), escrowWei);
        bytes memory terms = abi.encodeCall(
            IMarket.request_reduction, (uint40(reductionWh), uint64(STEP_WEI), 60, 0, 0, 0, pricing)
        );
        _do(address(this), escrowWei, terms);
    }

    /// @dev A level must have room for the bids: that more are refused is proved of the book.
    function _bid(Wallet wallet, uint32 energyWh, uint256 level) private {
        CHEATS.assume(energyWh != 0 && energyWh < 1 << 29);
        IMarket.Bid[] memory bids = new IMarket.Bid[](1);
        bids[0] = IMarket.Bid(energyWh, uint16(level));
        _do(address(wallet), 0, abi.encodeCall(IMarket.submit_bids, (REQUEST, bids)));
    }

    function _clear() private {
        CHEATS.warp(block.timestamp + 60);
        _do(address(_third), 0, abi.encodeCall(IMarket.select_winners, (REQUEST)));
    }

    function _pay() private {
        _do(address(_third), 0, abi.encodeCall(IMarket.pay_winners, (REQUEST, 9)));
    }

    function _requireOutcome(uint256 level, uint256 energyWh, uint256 steps) private view {
        IMarket.Request memory told = _market.get_request(REQUEST);
        assert(told.clearing_level == level);
        assert(told.energy_wh == energyWh);
        assert(told.cost_wei == steps * STEP_WEI);
        assert(told.cost_wei <= told.escrow_wei);
    }

    function _requireSettled(uint256 reductionWh, uint256 paidWei) private view {
        IMarket.Request memory told = _market.get_request(REQUEST);
        assert(told.status == IMarket.Status.SETTLED);
        assert(told.paid_wei == paidWei);
        assert(told.paid_wei + told.refunded_wei == reductionWh * STEP_WEI * LEVELS);
        assert(address(this).balance == told.refunded_wei);
        assert(address(_market).balance == 0);
    }

    /// @dev A call that is refused is a failure.
    function _do(address who, uint256 valueWei, bytes memory data) private {
        CHEATS.prank(who);
        (bool success,) = address(_market).call{value: valueWei}(data);
        assert(success);
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
