// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BookLib, PRICE_LEVELS} from "../../contracts/libraries/BookLib.sol";
import {LANES} from "../../contracts/libraries/LevelsWord.sol";
import {CHEATS} from "../ICheats.sol";

/// @title ClearingProof
/// @notice For every reduction and every energy of two bids, in every order at two neighbouring levels: what
/// is bought, at which level, what it costs, and what each bid gets of it.
/// @dev The two levels are the last of one word and the first of the next, or two in one word.
contract ClearingProof {
    using BookLib for BookLib.Book;

    uint256 private constant STAMP = 1;
    uint256 private constant MOST_WH = (1 << 31) - 1;

    BookLib.Book private _book;

    /// @dev Bids in the order of arrival; `high` are those at the dearer of the two levels.
    struct Market {
        uint256 reductionWh;
        uint256 lowLevel;
        uint256[] energyWh;
        bool[] high;
    }

    function check_clear__two_bids_in_one_word__follow_the_rule(
        uint32 reductionWh,
        uint32[2] calldata energyWh,
        bool[2] calldata high
    ) external {
        Market memory market = _market(reductionWh, LANES - 1, 2);
        for (uint256 i; i < 2; ++i) {
            _set(market, i, energyWh[i], high[i]);
        }
        _requireTheRule(market);
    }

    function check_clear__two_bids_in_two_words__follow_the_rule(
        uint32 reductionWh,
        uint32[2] calldata energyWh,
        bool[2] calldata high
    ) external {
        Market memory market = _market(reductionWh, LANES, 2);
        for (uint256 i; i < 2; ++i) {
            _set(market, i, energyWh[i], high[i]);
        }
        _requireTheRule(market);
    }

    function _market(uint256 reductionWh, uint256 lowLevel, uint256 bids) private returns (Market memory) {
        CHEATS.assume(reductionWh != 0 && reductionWh <= MOST_WH);
        return Market(reductionWh, lowLevel, new uint256[](bids), new bool[](bids));
    }

    /// @dev As the contract enters a bid: with no more energy than the reduction. A level has room for all of them.
    function _set(Market memory market, uint256 i, uint256 energyWh, bool high) private {
        CHEATS.assume(energyWh != 0 && energyWh <= MOST_WH / 4 && energyWh <= market.reductionWh);
        market.energyWh[i] = energyWh;
        // A case of its own for each, so that the places in the storage are plain numbers.
        if (high) market.high[i] = true;
        else market.high[i] = false;
    }

    function _requireTheRule(Market memory market) private {
        (uint256 lowWh, uint256 highWh) = _accepted(market);
        BookLib.Clearing memory clearing = _clear(market);
        uint256 level = highWh != 0 ? market.lowLevel + 1 : market.lowLevel;
        assert(clearing.energyWh == lowWh + highWh);
        assert(clearing.level == level);
        assert(clearing.energyLevels == lowWh * market.lowLevel + highWh * (market.lowLevel + 1));
        assert(clearing.marginalWh == (highWh != 0 ? highWh : lowWh));
        // Whichever way it is priced, the escrow covers it.
        assert(clearing.energyLevels <= market.reductionWh * PRICE_LEVELS);
        assert(clearing.energyWh * level <= market.reductionWh * PRICE_LEVELS);
        _book.usedWords = clearing.usedWords;
        _requireShares(market, clearing, lowWh, highWh);
    }

    /// @dev What is accepted at the cheaper level and at the dearer one (Wh).
    function _accepted(Market memory market) private pure returns (uint256 lowWh, uint256 highWh) {
        for (uint256 i; i < market.energyWh.length; ++i) {
            if (market.high[i]) highWh += market.energyWh[i];
            else lowWh += market.energyWh[i];
        }
        lowWh = _least(lowWh, market.reductionWh);
        highWh = _least(highWh, market.reductionWh - lowWh);
    }

    function _clear(Market memory market) private returns (BookLib.Clearing memory) {
        uint256 regions;
        for (uint256 i; i < market.energyWh.length; ++i) {
            uint256 level = market.high[i] ? market.lowLevel + 1 : market.lowLevel;
            _book.add(STAMP, i + 1, address(uint160(i + 1)), market.energyWh[i], level);
            regions |= BookLib.regionBit(level);
        }
        return _book.clear(STAMP, regions, market.reductionWh);
    }

    /// @dev The walk over the winners gives every bid what was left for it by those that came before, and in all what
    /// was bought.
    function _requireShares(
        Market memory market,
        BookLib.Clearing memory clearing,
        uint256 lowWh,
        uint256 highWh
    ) private view {
        BookLib.Walk memory walk;
        uint256 leftWh = clearing.energyWh;
        for (uint256 i; i < market.energyWh.length && leftWh != 0; ++i) {
            (uint256 bidId,, uint256 acceptedWh) = _book.next(clearing.level, clearing.marginalWh, walk);
            leftWh -= acceptedWh;
            assert(acceptedWh == _shareOf(market, bidId - 1, market.high[bidId - 1] ? highWh : lowWh));
        }
        assert(leftWh == 0);
    }

    function _shareOf(Market memory market, uint256 bid, uint256 levelWh) private pure returns (uint256) {
        for (uint256 i; i < bid; ++i) {
            if (market.high[i] == market.high[bid]) levelWh -= _least(levelWh, market.energyWh[i]);
        }
        return _least(levelWh, market.energyWh[bid]);
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
