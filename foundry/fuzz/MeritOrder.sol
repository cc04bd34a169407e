// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title MeritOrder
/// @notice The clearing rule of docs/SPECIFICATION.md, written by sorting single bids.
library MeritOrder {
    /// @dev A bid that stands, and what is bought of it.
    struct Offer {
        uint256 bidId;
        uint256 energyWh;
        uint256 level;
        uint256 acceptedWh;
        uint256 paymentWei;
    }

    /// @dev `winners` is how many of the ranked offers are accepted.
    struct Outcome {
        uint256 clearingLevel;
        uint256 energyWh;
        uint256 costWei;
        uint256 offeredWh;
        uint256 winners;
    }

    /// @notice Ranks `offers` in place, which come in the order of arrival: the lower level first, the earlier first.
    function rank(Offer[] memory offers) internal pure {
        for (uint256 i = 1; i < offers.length; ++i) {
            Offer memory offer = offers[i];
            uint256 place = i;
            for (; place != 0 && offers[place - 1].level > offer.level; --place) {
                offers[place] = offers[place - 1];
            }
            offers[place] = offer;
        }
    }

    /// @notice Accepts ranked offers until the reduction is reached; the last one accepted sets the clearing level.
    function accept(Offer[] memory ranked, uint256 reductionWh) internal pure returns (Outcome memory outcome) {
        for (uint256 i; i < ranked.length; ++i) {
            Offer memory offer = ranked[i];
            outcome.offeredWh += offer.energyWh;
            uint256 wantedWh = reductionWh - outcome.energyWh;
            if (wantedWh == 0) continue;
            offer.acceptedWh = offer.energyWh < wantedWh ? offer.energyWh : wantedWh;
            outcome.energyWh += offer.acceptedWh;
            outcome.clearingLevel = offer.level;
            ++outcome.winners;
        }
    }

    /// @notice Prices what was accepted: at the clearing level, or each offer at its own.
    function price(Offer[] memory ranked, Outcome memory outcome, uint256 stepWei, bool asBid) internal pure {
        for (uint256 i; i < outcome.winners; ++i) {
            uint256 level = asBid ? ranked[i].level : outcome.clearingLevel;
            ranked[i].paymentWei = ranked[i].acceptedWh * level * stepWei;
            outcome.costWei += ranked[i].paymentWei;
        }
    }
}
