// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LibBit} from "solady/src/utils/LibBit.sol";

import {BidWord, BidWordLib} from "./BidWord.sol";
import {LANES, LevelsWord, MAX_BID_ID, MAX_LEVEL_WH} from "./LevelsWord.sol";

/// @dev The levels of a price grid.
uint256 constant PRICE_LEVELS = 1000;

/// @title BookLib
/// @notice The bids of one request, kept by price level, so that clearing never looks at a single bid.
/// @dev Neighbouring levels share a word, which holds the energy of each and the number of the newest bid at any of
/// them; every bid holds the number of the next older one in its word. Within a level the energy that came before a
/// bid is the level's total less the bid and all newer ones, so the order of arrival needs no further storage.
/// @dev A book serves one request after the other. `stamp` names the request that it serves now: words with another
/// stamp count as empty, and bids beyond the request's own count are never read.
library BookLib {
    uint256 private constant WORDS = (PRICE_LEVELS + LANES - 1) / LANES;
    /// @dev Words in a region. 32 regions cover the grid.
    uint256 private constant REGION_WORDS = (WORDS + 31) / 32;

    /// @dev Fixed arrays: their slots are found by addition, without a hash. `usedWords` has a bit set for every word
    /// of levels with energy up to the clearing level, and is written at selection.
    struct Book {
        uint256 usedWords;
        LevelsSlot[WORDS] levels;
        BidSlot[MAX_BID_ID + 1] bids;
    }

    /// @dev A word as a struct is written as it is; an array's bare element would be read and masked first.
    struct LevelsSlot {
        LevelsWord word;
    }

    /// @dev See `LevelsSlot`.
    struct BidSlot {
        BidWord word;
    }

    /// @dev The outcome of clearing. `marginalWh` is the energy accepted at the clearing level (Wh), `energyLevels` the
    /// sum of energy times level over all energy accepted (Wh x levels), `usedWords` as in `Book`.
    struct Clearing {
        uint256 level;
        uint256 energyWh;
        uint256 marginalWh;
        uint256 energyLevels;
        uint256 usedWords;
    }

    /// @dev Where a walk over the words with winning bids stands: the first word not entered yet, the next bid to look
    /// at (0: enter a word), and the energy of the bids already seen at the clearing level (Wh).
    struct Walk {
        uint256 nextWord;
        uint256 bidId;
        uint256 newerWh;
    }

    /// @notice The energy offered at this level has reached what the book can count.
    error LevelFull(uint256 price_level);

    /* WRITING */

    /// @notice Enters a bid as the newest. `energyWh` and `level` must have been checked.
    function add(Book storage book, uint256 stamp, uint256 bidId, address consumer, uint256 energyWh, uint256 level)
        internal
    {
        (uint256 index, uint256 lane) = _position(level);
        LevelsSlot storage slot = book.levels[index];
        LevelsWord word = slot.word.orEmpty(stamp);
        uint256 totalWh;
        unchecked {
            totalWh = word.energyWh(lane) + energyWh;
        }
        if (totalWh > MAX_LEVEL_WH) revert LevelFull(level);

        book.bids[bidId].word = BidWordLib.pack(consumer, energyWh, level, word.newestBidId());
        slot.word = word.withEnergy(lane, totalWh).withNewest(bidId);
    }

    /// @notice Takes the energy of `bid` out of the book. The bid stays in the list of its word, with nothing to win.
    function remove(Book storage book, uint256 bidId, BidWord bid) internal {
        (uint256 index, uint256 lane) = _position(bid.priceLevel());
        LevelsSlot storage slot = book.levels[index];
        LevelsWord word = slot.word;

        book.bids[bidId].word = bid.withdrawn();
        slot.word = word.withEnergy(lane, word.energyWh(lane) - bid.energyWh());
    }

    /// @notice The bit of the region that `level` is in. A request keeps the bits of all levels ever bid at, beside
    /// what it writes anyway, so that clearing can leave out most of an empty grid.
    function regionBit(uint256 level) internal pure returns (uint256) {
        unchecked {
            return 1 << ((level - 1) / (LANES * REGION_WORDS));
        }
    }

    /* CLEARING */

    /// @notice Accepts energy from the cheapest level up until `reductionWh` is reached or nothing is left.
    /// @dev Reads the words of levels up to the clearing level once, leaving out regions without bids, and no bid.
    function clear(Book storage book, uint256 stamp, uint256 regions, uint256 reductionWh)
        internal
        view
        returns (Clearing memory clearing)
    {
        unchecked {
            // At most 1000 levels of less than 2**36 Wh each: no sum or product here comes near an overflow.
            uint256 leftWh = reductionWh;
            uint256 energyLevels;
            uint256 usedWords;
            // The last word that has energy is held back: the clearing level is in it.
            LevelsWord held;
            uint256 heldIndex;
            uint256 heldWh;
            uint256 heldLevels;
            for (uint256 index; index < WORDS; ++index) {
                if (index % REGION_WORDS == 0) {
                    index += LibBit.ffs(regions >> (index / REGION_WORDS)) * REGION_WORDS;
                    if (index >= WORDS) break;
                }
                LevelsWord word = book.levels[index].word;
                if (!word.carries(stamp)) continue;
                (uint256 sumWh, uint256 energyLanes) = word.totals();
                if (sumWh == 0) continue;
                leftWh -= heldWh;
                energyLevels += heldLevels;
                usedWords |= 1 << index;
                held = word;
                heldIndex = index;
                heldWh = sumWh;
                heldLevels = sumWh * (index * LANES + 1) + energyLanes;
                if (sumWh >= leftWh) break;
            }
            clearing.usedWords = usedWords;
            clearing.energyLevels = energyLevels;
            clearing.energyWh = reductionWh - _acceptIn(held, heldIndex, leftWh, clearing);
        }
    }

    /// @dev Accepts energy in one word from its cheapest level up; returns how much is still wanted after it (Wh).
    function _acceptIn(LevelsWord word, uint256 index, uint256 leftWh, Clearing memory clearing)
        private
        pure
        returns (uint256)
    {
        unchecked {
            for (uint256 lane; lane < LANES; ++lane) {
                uint256 acceptedWh = word.energyWh(lane);
                if (acceptedWh > leftWh) acceptedWh = leftWh;
                if (acceptedWh == 0) continue;
                leftWh -= acceptedWh;
                clearing.level = index * LANES + lane + 1;
                clearing.marginalWh = acceptedWh;
                clearing.energyLevels += acceptedWh * clearing.level;
            }
            return leftWh;
        }
    }

    /// @notice The energy of all bids that stand (Wh).
    function offeredWh(Book storage book, uint256 stamp) internal view returns (uint256 sumWh) {
        for (uint256 index; index < WORDS; ++index) {
            LevelsWord word = book.levels[index].word.orEmpty(stamp);
            for (uint256 lane; lane < LANES; ++lane) {
                sumWh += word.energyWh(lane);
            }
        }
    }

    /* WALKING */

    /// @notice Looks at the next bid of the words with winning bids and moves `walk` past it.
    /// @dev Only after selection, and while some accepted energy has not been passed yet: there is no end of the walk
    /// to run into.
    /// @return bidId Its number.
    /// @return bid The bid.
    /// @return acceptedWh What is bought of it (Wh): 0 if it was withdrawn, asks more than the clearing price, or asks
    /// just that and came too late.
    function next(Book storage book, uint256 clearingLevel, uint256 marginalWh, Walk memory walk)
        internal
        view
        returns (uint256 bidId, BidWord bid, uint256 acceptedWh)
    {
        if (walk.bidId == 0) {
            uint256 index = LibBit.ffs((book.usedWords >> walk.nextWord) << walk.nextWord);
            walk.nextWord = index + 1;
            walk.bidId = book.levels[index].word.newestBidId();
        }

        bidId = walk.bidId;
        bid = book.bids[bidId].word;
        walk.bidId = bid.olderBidId();
        uint256 level = bid.priceLevel();
        if (level > clearingLevel) return (bidId, bid, 0);
        acceptedWh = bid.energyWh();
        if (level == clearingLevel) {
            (uint256 index, uint256 lane) = _position(level);
            walk.newerWh += acceptedWh;
            uint256 olderWh = book.levels[index].word.energyWh(lane) - walk.newerWh;
            if (olderWh >= marginalWh) acceptedWh = 0;
            else if (acceptedWh > marginalWh - olderWh) acceptedWh = marginalWh - olderWh;
        }
    }

    /// @dev The word of a level and its lane in it.
    function _position(uint256 level) private pure returns (uint256 index, uint256 lane) {
        unchecked {
            index = (level - 1) / LANES;
            lane = (level - 1) % LANES;
        }
    }
}
