// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDemand_Reduction} from "../../contracts/interfaces/IDemand_Reduction.sol";
import {MAX_BID_ID} from "../../contracts/libraries/LevelsWord.sol";
import {MAX_WORD_REDUCTION_WH, RequestWord, RequestWordLib} from "../../contracts/libraries/RequestWord.sol";
import {CHEATS} from "../ICheats.sol";

/// @title RequestWordProof
/// @notice For every word of a request there can be, and every terms: they are read back as they were stated, and the
/// one comparison that most bids go through lets nobody in who the three that it stands for would not.
contract RequestWordProof {
    function check_pack__any_terms__are_read_back(
        uint40 reductionWh,
        uint32 minimumBidWh,
        uint40 gateClosure,
        uint64 priceStepWei
    ) external {
        CHEATS.assume(reductionWh <= MAX_WORD_REDUCTION_WH);
        RequestWord word = RequestWordLib.pack(
            reductionWh,
            minimumBidWh,
            gateClosure,
            priceStepWei,
            IDemand_Reduction.Access.APPROVED,
            IDemand_Reduction.Pricing.PAY_AS_BID
        );
        assert(word.reductionWh() == reductionWh);
        assert(word.minimumBidWh() == minimumBidWh);
        assert(word.leastBidWh() == (minimumBidWh == 0 ? 1 : minimumBidWh));
        assert(word.gateClosure() == gateClosure);
        assert(word.priceStepWei() == priceStepWei);
        assert(word.status() == IDemand_Reduction.Status.BIDDING);
        assert(word.access() == IDemand_Reduction.Access.APPROVED);
        assert(word.pricing() == IDemand_Reduction.Pricing.PAY_AS_BID);
        assert(word.bidCount() == 0 && word.regions() == 0);
    }

    /// @dev At any time within the next 17,000 years.
    function check_is_restricted__false__only_where_anybody_may_bid(uint256 any, uint40 time) external {
        CHEATS.assume(time < 1 << 39);
        RequestWord word = RequestWord.wrap(any);
        if (word.isRestricted(time)) return;
        assert(_status(any) == uint256(IDemand_Reduction.Status.BIDDING));
        assert(_access(any) == uint256(IDemand_Reduction.Access.OPEN));
        assert(word.gateClosure() > time);
    }

    function check_is_restricted__true__never_where_anybody_may_bid(uint256 any, uint40 time) external {
        RequestWord word = RequestWord.wrap(any);
        CHEATS.assume(_status(any) == uint256(IDemand_Reduction.Status.BIDDING));
        CHEATS.assume(_access(any) == uint256(IDemand_Reduction.Access.OPEN));
        CHEATS.assume(word.gateClosure() > time && word.gateClosure() - time <= 30 days);
        assert(!word.isRestricted(time));
    }

    function check_is_overfull__any_word__is_more_bids_than_numbers(uint256 any) external pure {
        RequestWord word = RequestWord.wrap(any);
        assert(word.isOverfull() == (word.bidCount() > MAX_BID_ID));
    }

    /// @dev The numbers: as types, values that are none of theirs would revert.
    function _status(uint256 any) private pure returns (uint256) {
        return (any >> 176) & 7;
    }

    function _access(uint256 any) private pure returns (uint256) {
        return (any >> 174) & 3;
    }
}
