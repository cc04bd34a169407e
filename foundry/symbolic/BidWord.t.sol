// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BidWord, BidWordLib} from "../../contracts/libraries/BidWord.sol";

/// @title BidWordProof
/// @notice For every bid there can be: its word gives back what was packed, and withdrawing takes the energy alone.
contract BidWordProof {
    function check_pack__any_bid__is_read_back(address consumer, uint32 energyWh, uint16 level, uint24 older)
        external
        pure
    {
        BidWord word = BidWordLib.pack(consumer, energyWh, level, older);
        assert(word.consumer() == consumer);
        assert(word.energyWh() == energyWh);
        assert(word.priceLevel() == level);
        assert(word.olderBidId() == older);
    }

    function check_withdrawn__any_word__loses_its_energy_alone(uint256 any) external pure {
        BidWord word = BidWord.wrap(any);
        BidWord withdrawn = word.withdrawn();
        assert(withdrawn.energyWh() == 0);
        assert(withdrawn.consumer() == word.consumer());
        assert(withdrawn.priceLevel() == word.priceLevel());
        assert(withdrawn.olderBidId() == word.olderBidId());
    }
}
