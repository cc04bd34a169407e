// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BidWordLib} from "../../contracts/libraries/BidWord.sol";
import {BookLib} from "../../contracts/libraries/BookLib.sol";
import {HeadsLib} from "../../contracts/libraries/HeadsLib.sol";
import {LANES, LevelsWord, MAX_LEVEL_WH} from "../../contracts/libraries/LevelsWord.sol";
import {PRICE_LEVELS, WORDS, regionOf} from "../../contracts/libraries/PriceGrid.sol";
import {CHEATS} from "../ICheats.sol";

/// @title ClearingProof
/// @notice For every reduction up to 255 Wh and every energy of two bids up to that, in every order at two neighbouring
/// levels: what is bought, at which level, what it costs, and what each bid gets of it.
/// @dev The two levels are the last of one word and the first of the next, or two in one word. The solver has time to
/// find out which ways through the code cannot be taken: without it the loops would be followed along those, too.
/// @custom:halmos --solver-timeout-branching 1s
contract ClearingProof {
    using BookLib for BookLib.Book;
    using HeadsLib for HeadsLib.Heads;

    // As in `LevelsWord`.
    uint256 private constant LANE_BITS = 31;
    uint256 private constant NEWEST_SHIFT = 217;
    uint256 private constant STAMP_SHIFT = 240;
    uint256 private constant STAMP = 1;
    uint256 private constant MOST_WH = type(uint8).max;

    BookLib.Book private _book;
    uint256[PRICE_LEVELS + 1] private _offered;
    uint256[WORDS] private _newest;

    /// @dev Bids in the order of arrival; `high` are those at the dearer of the two levels.
    struct Market {
        uint256 reductionWh;
        uint256 lowLevel;
        uint256[] energyWh;
        bool[] high;
    }

    function check_clear__two_bids_in_one_word__follow_the_rule(
        uint8 reductionWh,
        uint8[2] calldata energyWh,
        bool[2] calldata high
    ) external {
        Market memory market = _market(reductionWh, LANES - 1, 2);
        for (uint256 i; i < 2; ++i) {
            _set(market, i, energyWh[i], high[i]);
        }
        _requireTheRule(market);
    }

    function check_clear__two_bids_in_two_words__follow_the_rule(
        uint8 reductionWh,
        uint8[2] calldata energyWh,
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

    /// @dev As the contract enters a bid: with no more energy than the reduction.
    function _set(Market memory market, uint256 i, uint256 energyWh, bool high) private {
        CHEATS.assume(energyWh != 0 && energyWh <= market.reductionWh);
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
        assert(clearing.lateWh == _offeredAt(market, highWh != 0) - (highWh != 0 ? highWh : lowWh));
        // Whichever way it is priced, the escrow covers it.
        assert(clearing.energyLevels <= market.reductionWh * PRICE_LEVELS);
        assert(clearing.energyWh * level <= market.reductionWh * PRICE_LEVELS);
        _book.heads.keep(clearing.words, market.energyWh.length);
        _requireShares(market, clearing, lowWh, highWh);
    }

    /// @dev What is accepted at the cheaper level and at the dearer one (Wh).
    function _accepted(Market memory market) private pure returns (uint256 lowWh, uint256 highWh) {
        lowWh = _least(_offeredAt(market, false), market.reductionWh);
        highWh = _least(_offeredAt(market, true), market.reductionWh - lowWh);
    }

    /// @dev What is offered at one of the two levels (Wh).
    function _offeredAt(Market memory market, bool high) private pure returns (uint256 offeredWh) {
        for (uint256 i; i < market.energyWh.length; ++i) {
            if (market.high[i] == high) offeredWh += market.energyWh[i];
        }
    }

    function _clear(Market memory market) private returns (BookLib.Clearing memory) {
        uint256 regions;
        for (uint256 i; i < market.energyWh.length; ++i) {
            uint256 level = _levelOf(market, i);
            _enter(i + 1, market.energyWh[i], level);
            regions |= 1 << regionOf(level);
        }
        BookLib.Clearing memory uniform = _book.clear(STAMP, regions, market.reductionWh, true);
        BookLib.Clearing memory clearing = _book.clear(STAMP, regions, market.reductionWh, false);
        assert(uniform.energyLevels == clearing.energyWh * clearing.level);
        return clearing;
    }

    /// @dev As `BookLib.add` does, which has proofs of its own; but so that numbers of bids are plain numbers.
    function _enter(uint256 bidId, uint256 energyWh, uint256 level) private {
        uint256 index = (level - 1) / LANES;
        _book.bids[bidId].word = BidWordLib.pack(address(uint160(bidId)), energyWh, level, _newest[index]);
        _newest[index] = bidId;
        unchecked {
            _offered[level] += energyWh;
        }
        uint256 word = (STAMP << STAMP_SHIFT) | (bidId << NEWEST_SHIFT);
        for (uint256 lane; lane < LANES; ++lane) {
            word |= (_offered[index * LANES + lane + 1] & MAX_LEVEL_WH) << (lane * LANE_BITS);
        }
        _book.levels[index].word = LevelsWord.wrap(word);
    }

    /// @dev The walk over the winners gives every bid what was left for it by those that came before, and in all what
    /// was bought.
    function _requireShares(
        Market memory market,
        BookLib.Clearing memory clearing,
        uint256 lowWh,
        uint256 highWh
    ) private view {
        BookLib.Walk memory walk = BookLib.Walk(0, 0, clearing.lateWh);
        uint256 leftWh = clearing.energyWh;
        for (uint256 i; i < market.energyWh.length && leftWh != 0; ++i) {
            (uint256 bidId,, uint256 acceptedWh) = _book.next(market.energyWh.length, clearing.level, walk);
            // Before anything that would revert if it were wrong: halmos leaves out paths that revert.
            assert(bidId != 0 && bidId <= market.energyWh.length);
            assert(acceptedWh == _shareOf(market, bidId - 1, market.high[bidId - 1] ? highWh : lowWh));
            leftWh -= acceptedWh;
        }
        assert(leftWh == 0);
    }

    function _shareOf(Market memory market, uint256 bid, uint256 levelWh) private pure returns (uint256) {
        for (uint256 i; i < bid; ++i) {
            if (market.high[i] == market.high[bid]) levelWh -= _least(levelWh, market.energyWh[i]);
        }
        return _least(levelWh, market.energyWh[bid]);
    }

    function _levelOf(Market memory market, uint256 bid) private pure returns (uint256) {
        return market.high[bid] ? market.lowLevel + 1 : market.lowLevel;
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
